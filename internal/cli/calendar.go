package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/models"
)

// calendarPath is where the server keeps the calendar, for everybody or for one organization.
func calendarPath(org, name string) string { return adminPath("/admin/calendar", org, name) }

// adminPath is where the operator finds a list, or the item with an id, of everybody or of one organization.
func adminPath(path, org, id string) string {
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	if org != "" {
		path += "?organization=" + url.QueryEscape(org)
	}
	return path
}

func calendarCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "calendar",
		Short: "The names that programs ask for: snapshots, ends, replacements, windows, prices",
	}
	var org string
	cmd.PersistentFlags().StringVar(&org, "organization", "", "as this organization sees it, and for it alone (default: everybody)")
	cmd.AddCommand(calendarListCommand(a, &org), calendarSetCommand(a, &org), &cobra.Command{
		Use:   "reset NAME",
		Short: "Take the change of a name back",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				return c.call(cmd.Context(), http.MethodDelete, calendarPath(org, args[0]), nil, nil)
			})
		},
	})
	return cmd
}

func calendarListCommand(a *app, org *string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [NAME…]",
		Short: "Show the calendar, or some names of it",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var got struct{ Data []models.Entry }
				if err := c.call(cmd.Context(), http.MethodGet, calendarPath(*org, ""), nil, &got); err != nil {
					return err
				}
				rows, err := entriesOf(got.Data, args)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"data": rows})
				}
				return printCalendar(cmd.OutOrStdout(), rows)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// entriesOf picks names out of the calendar; all when none is named.
func entriesOf(all []models.Entry, names []string) ([]models.Entry, error) {
	if len(names) == 0 {
		return all, nil
	}
	byName := map[string]models.Entry{}
	for _, e := range all {
		byName[e.Name] = e
	}
	var out []models.Entry
	for _, name := range names {
		e, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("the calendar has no entry for %s; `parley calendar list` shows all", name)
		}
		out = append(out, e)
	}
	return out, nil
}

func printCalendar(out io.Writer, rows []models.Entry) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTODAY\tSTANDS FOR\tANSWERED BY\tWINDOW\tIN/1K\tOUT/1K\tANNOUNCED\tSHUT DOWN\tAFTER\tREPLACEMENT\tCHANGED")
	price := func(p *float64) string {
		if p == nil {
			return "-"
		}
		return "$" + strconv.FormatFloat(*p, 'f', -1, 64)
	}
	for _, e := range rows {
		window, after, changed := "-", "-", "-"
		if e.Today.Window > 0 {
			window = strconv.Itoa(e.Today.Window)
		}
		if !e.Shutdown.Time().IsZero() {
			after = string(cmp.Or(e.After, models.Keep))
		}
		if e.Layer != models.LayerBuiltIn {
			changed = string(e.Layer)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, strings.ReplaceAll(string(e.Today.State), "_", " "), dash(e.Today.Snapshot), dash(e.Today.Served),
			window, price(e.Today.Input), price(e.Today.Output), dash(string(e.Announced)), dash(string(e.Shutdown)), after, dash(e.Replacement), changed)
	}
	return w.Flush()
}

func calendarSetCommand(a *app, org *string) *cobra.Command {
	var (
		text  = map[string]*string{}
		count = map[string]*int{}
		moves []string
	)
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change a name while the server runs; what no flag names stays as it was",
		Long: `Change a name while the server runs. What no flag names stays as it was, also what an earlier set changed.

A day is 2024-01-04, of which midnight UTC counts; "never" takes a day back. Changes are in force at once, on all servers of the database.`,
		Example: `  parley calendar set text-davinci-003 --after fail
  parley calendar set gpt-4 --served qwen3-4b-instruct-2507
  parley calendar set gpt-3.5-turbo --move 2024-02-16=gpt-3.5-turbo-0125 --move 2024-03-01=gpt-3.5-turbo-1106`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.HasFlags() || cmd.Flags().NFlag() == 0 {
				return &usageError{cmd.CommandPath(), errors.New("name what to change: --served, --move, --announced, --shutdown, --after, …")}
			}
			changes := map[string]any{}
			for name, v := range text {
				if cmd.Flags().Changed(name) {
					changes[strings.ReplaceAll(name, "-", "_")] = *v
				}
			}
			for name, v := range count {
				if cmd.Flags().Changed(name) {
					changes[name] = *v
				}
			}
			for _, name := range []string{"input-price", "cached-price", "output-price", "image-price", "minute-price", "speech-price"} {
				if v, err := cmd.Flags().GetFloat64(name); err == nil && cmd.Flags().Changed(name) {
					changes[strings.ReplaceAll(name, "-", "_")] = v
				}
			}
			if cmd.Flags().Changed("move") {
				list, err := parseMoves(moves)
				if err != nil {
					return &usageError{cmd.CommandPath(), err}
				}
				changes["moves"] = list
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error { return setEntry(cmd, c, *org, args[0], changes) })
		},
	}
	f := cmd.Flags()
	for name, usage := range map[string]string{
		"served": "the model that answers", "kind": "chat, completion, edit or embedding", "announced": "day when its end was announced",
		"shutdown": "day when it is shut down", "replacement": "what to use instead", "after": "after the shutdown: keep or fail",
		"encoding": "vocabulary that programs use with it: cl100k_base, …, native", "owned-by": "as GET /v1/models says it",
		"count": "tokens to count usage, limits and max_tokens in: native or encoding",
	} {
		text[name] = f.String(name, "", usage)
	}
	for name, usage := range map[string]string{"window": "tokens of prompt and answer together", "dimensions": "how long its vectors are to be"} {
		count[name] = f.Int(name, 0, usage)
	}
	f.Float64("input-price", 0, "US dollars for 1,000 tokens of prompt")
	f.Float64("cached-price", 0, "US dollars for 1,000 tokens of prompt that were computed for an earlier request")
	f.Float64("output-price", 0, "US dollars for 1,000 tokens of answer")
	f.Float64("image-price", 0, "US dollars for an image")
	f.Float64("minute-price", 0, "US dollars for a minute of audio")
	f.Float64("speech-price", 0, "US dollars for 1,000 characters that are spoken")
	f.StringArrayVar(&moves, "move", nil, "DAY=SNAPSHOT that it stands for from that day on, once for each; none takes all back")
	return cmd
}

// parseMoves reads DAY=SNAPSHOT; "none" alone is an empty list.
func parseMoves(list []string) ([]models.Move, error) {
	out := []models.Move{}
	for _, s := range list {
		if s == "none" && len(list) == 1 {
			break
		}
		day, to, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("--move %s: write it as 2024-02-16=gpt-3.5-turbo-0125", s)
		}
		out = append(out, models.Move{From: models.Day(day), To: to})
	}
	return out, nil
}

// setEntry lays changes over those that the same layer has already, and prints what follows.
func setEntry(cmd *cobra.Command, c *client, org, name string, changes map[string]any) error {
	var all struct {
		Data []struct {
			Name    string         `json:"name"`
			Layer   models.Layer   `json:"layer"`
			Changes map[string]any `json:"changes"`
		}
	}
	if err := c.call(cmd.Context(), http.MethodGet, calendarPath(org, ""), nil, &all); err != nil {
		return err
	}
	layer := models.LayerInstallation
	if org != "" {
		layer = models.LayerOrganization
	}
	body := map[string]any{}
	for _, e := range all.Data {
		if e.Name == name && e.Layer == layer && e.Changes != nil {
			body = e.Changes
		}
	}
	delete(body, "name")
	for k, v := range changes {
		body[k] = v
	}
	var e models.Entry
	if err := c.call(cmd.Context(), http.MethodPut, calendarPath(org, name), body, &e); err != nil {
		return err
	}
	return printCalendar(cmd.OutOrStdout(), []models.Entry{e})
}
