package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/health"
	"github.com/parley-ai/parley/internal/server"
)

// needsServer is the error of commands about what a running server does.
func (a *app) needsServer() (*client, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	socket := server.SocketPath(cfg.Home)
	if !server.Alive(socket) {
		return nil, fmt.Errorf("no server of %s runs: start it with `parley serve`", short(cfg.Home))
	}
	return socketClient(socket), nil
}

// healthOf asks the running server how it is.
func (a *app) healthOf(cmd *cobra.Command) (r health.Report, err error) {
	c, err := a.needsServer()
	if err != nil {
		return r, err
	}
	return r, c.call(cmd.Context(), http.MethodGet, "/admin/health", nil, &r)
}

// printHealth writes a line for each check and fails when one did.
func printHealth(out io.Writer, r health.Report, asJSON bool) error {
	failed := 0
	for _, c := range r.Checks {
		if c.State == health.Failed {
			failed++
		}
	}
	if asJSON {
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	} else {
		for _, c := range r.Checks {
			fmt.Fprintf(out, "%-8s %-9s %s\n", strings.Replace(string(c.State), string(health.Failed), "FAIL", 1), c.ID, oneLine(c.Text))
			if c.Advice != "" {
				fmt.Fprintf(out, "%19s→ %s\n", "", c.Advice)
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(r.Checks))
	}
	return nil
}

func (s *admin) health() *cobra.Command {
	return run("health", "How the running server is: each line ok, or what to do", 0, func(cmd *cobra.Command, _ []string) error {
		r, err := s.healthOf(cmd)
		if err != nil {
			return err
		}
		return printHealth(cmd.OutOrStdout(), r, s.json)
	})
}

func (s *admin) jobs() *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Short: "Background jobs that failed: list, retry, discard"}
	cmd.AddCommand(
		run("list", "Jobs that were given up, and those that are to be tried again", 0, func(cmd *cobra.Command, _ []string) error {
			return s.call(cmd, http.MethodGet, "/admin/jobs", nil, func(out map[string]any) error {
				rows := rowsOf(out)
				for _, row := range rows {
					text, _ := row["error"].(string)
					row["error"] = oneLine(text)
				}
				return printRows(cmd.OutOrStdout(), rows, []column{{"ID", "id"}, {"KIND", "kind"}, {"STATE", "state"}, {"ATTEMPT", "attempt"}, {"DUE", "due_at"}, {"ERROR", "error"}})
			})
		}),
		run("retry ID", "Make a job due at once", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, "/admin/jobs/"+url.PathEscape(args[0])+"/retry", nil, quiet)
		}),
		run("discard ID", "Discard a job for good", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, "/admin/jobs/"+url.PathEscape(args[0]), nil, quiet)
		}))
	return cmd
}

// rowsOf are the rows of a list's answer.
func rowsOf(out map[string]any) []map[string]any {
	data, _ := out["data"].([]any)
	rows := make([]map[string]any, 0, len(data))
	for _, d := range data {
		if row, ok := d.(map[string]any); ok {
			rows = append(rows, row)
		}
	}
	return rows
}

const incidentsPath = "/admin/incidents"

func (s *admin) incidents() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "incidents",
		Short: "Incidents of the status page: list, show, create, update, rewrite, edit, delete",
		Long: `Incidents of the status page. The server opens and closes them by itself when a component is down for three minutes;
write there what you know, or open one by hand. Texts are plain text; "-" reads one from the standard input.`,
	}
	path := func(id string) string { return incidentsPath + "/" + url.PathEscape(id) }
	var status, impact, name string
	var components []string
	create := run("create NAME TEXT", "Open an incident; prints its id", 2, func(cmd *cobra.Command, args []string) error {
		body, err := textOf(cmd, args[1])
		if err != nil {
			return err
		}
		in := map[string]any{"name": args[0], "body": body, "status": status, "impact": impact, "components": components}
		return s.call(cmd, http.MethodPost, incidentsPath, in, show(cmd, "id"))
	})
	create.Flags().StringVar(&status, "status", "investigating", "investigating, identified, monitoring or resolved")
	create.Flags().StringVar(&impact, "impact", "minor", "none, minor, major or critical")
	create.Flags().StringSliceVar(&components, "component", []string{}, "what it is about: api, chat, models, database, jobs; once for each")
	var next string
	update := run("update ID TEXT", "Write what is known now; --status resolved closes the incident", 2, func(cmd *cobra.Command, args []string) error {
		body, err := textOf(cmd, args[1])
		if err != nil {
			return err
		}
		return s.call(cmd, http.MethodPost, path(args[0])+"/updates", map[string]any{"body": body, "status": next}, quiet)
	})
	update.Flags().StringVar(&next, "status", "", "investigating, identified, monitoring or resolved (default: as it was)")
	edit := run("edit ID", "Change the name, impact or components of an incident", 1, func(cmd *cobra.Command, args []string) error {
		in := map[string]any{}
		if cmd.Flags().Changed("name") {
			in["name"] = name
		}
		if cmd.Flags().Changed("impact") {
			in["impact"] = impact
		}
		if cmd.Flags().Changed("component") {
			in["components"] = components
		}
		if len(in) == 0 {
			return &usageError{cmd.CommandPath(), errors.New("name what to change: --name, --impact or --component")}
		}
		return s.call(cmd, http.MethodPost, path(args[0]), in, quiet)
	})
	edit.Flags().StringVar(&name, "name", "", "one line, as the page shows it")
	edit.Flags().StringVar(&impact, "impact", "", "none, minor, major or critical")
	edit.Flags().StringSliceVar(&components, "component", nil, "what it is about, instead of what was said; once for each")
	cmd.AddCommand(create, update, edit,
		run("list", "List the incidents, the newest first", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, incidentsPath, column{"ID", "id"}, column{"STARTED", "started_at"}, column{"RESOLVED", "resolved_at"}, column{"STATUS", "status"}, column{"IMPACT", "impact"}, column{"NAME", "name"})
		}),
		run("show ID", "Show an incident with its updates", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodGet, path(args[0]), nil, func(out map[string]any) error { return showIncident(cmd.OutOrStdout(), out) })
		}),
		run("rewrite ID UPDATE TEXT", "Change the text of an update", 3, func(cmd *cobra.Command, args []string) error {
			body, err := textOf(cmd, args[2])
			if err != nil {
				return err
			}
			return s.call(cmd, http.MethodPost, path(args[0])+"/updates/"+url.PathEscape(args[1]), map[string]any{"body": body}, quiet)
		}),
		run("delete ID", "Remove an incident from the page and its history", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, path(args[0]), nil, quiet)
		}))
	return cmd
}

// mostText bounds what is read from the standard input; the server's own bound is below it.
const mostText = 64 << 10

// textOf is an argument, or the standard input for "-".
func textOf(cmd *cobra.Command, arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	data, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), mostText))
	return string(data), err
}

func showIncident(out io.Writer, in map[string]any) error {
	fmt.Fprintf(out, "%s\n%s, impact %s, since %s", cell(in, "name"), cell(in, "status"), cell(in, "impact"), cell(in, "started_at"))
	if at := cell(in, "resolved_at"); at != "-" {
		fmt.Fprintf(out, ", resolved %s", at)
	}
	fmt.Fprintln(out)
	updates, _ := in["updates"].([]any)
	for _, u := range updates {
		row, ok := u.(map[string]any)
		if !ok {
			continue
		}
		at, _ := row["created_at"].(float64)
		if _, err := fmt.Fprintf(out, "\n%s  %s  %s\n%s\n", time.Unix(int64(at), 0).Format(time.DateTime), cell(row, "status"), cell(row, "id"), cell(row, "body")); err != nil {
			return err
		}
	}
	return nil
}
