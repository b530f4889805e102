package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// auditFilter is what chooses lines of the audit log.
type auditFilter struct {
	since, until                             string
	types, actors, emails, objects, projects []string
}

func (f *auditFilter) flags(cmd *cobra.Command) *cobra.Command {
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "first day (2023-11-06, in UTC), or how many days back (30d)")
	flags.StringVar(&f.until, "until", "", "day after the last one")
	flags.StringSliceVar(&f.types, "type", nil, "only events of these types, such as api_key.created")
	flags.StringSliceVar(&f.actors, "actor", nil, "only what these users, service accounts or keys did, by id")
	flags.StringSliceVar(&f.emails, "email", nil, "only what users with these e-mail addresses did")
	flags.StringSliceVar(&f.objects, "object", nil, "only what was done to these, by id")
	flags.StringSliceVar(&f.projects, "project", nil, "only what was done in these projects, by id")
	return cmd
}

func (f *auditFilter) query(cmd *cobra.Command, text string) (url.Values, error) {
	q := url.Values{"event_types[]": f.types, "actor_ids[]": f.actors, "actor_emails[]": f.emails, "resource_ids[]": f.objects, "project_ids[]": f.projects}
	if text != "" {
		q.Set("q", text)
	}
	if f.since != "" || f.until != "" {
		since := f.since
		if since == "" {
			since = time.Unix(0, 0).UTC().Format(time.DateOnly)
		}
		times, err := usageTime(since, f.until, time.Now())
		if err != nil {
			return nil, &usageError{cmd.CommandPath(), err}
		}
		q.Set("effective_at[gte]", times.Get("start_time"))
		if f.until != "" {
			q.Set("effective_at[lt]", times.Get("end_time"))
		}
	}
	return q, nil
}

// audit reads the audit log of an organization, which nobody can change.
func (s *admin) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "The audit log of an organization: list, search, export",
		Long:  "The audit log of an organization: who did what, from where, and what there was before and after.",
	}
	cmd.AddCommand(s.auditLines("list", "List administrative acts, the newest first", 0),
		s.auditLines("search TEXT", "List those that have a text: in the type, the id of what was acted on, who did it, from where, before or after", 1), s.auditExport())
	return cmd
}

func (s *admin) auditLines(use, short string, args int) *cobra.Command {
	var f auditFilter
	limit := 50
	cmd := run(use, short, args, func(cmd *cobra.Command, args []string) error {
		text := ""
		if len(args) > 0 {
			text = args[0]
		}
		q, err := f.query(cmd, text)
		if err != nil {
			return err
		}
		if limit < 1 {
			return &usageError{cmd.CommandPath(), errors.New("--limit is at least 1")}
		}
		return s.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
			c.org = s.org
			rows := []map[string]any{}
			for more := true; more && len(rows) < limit; {
				q.Set("limit", strconv.Itoa(min(100, limit-len(rows))))
				var page struct {
					Data []map[string]any `json:"data"`
					Last string           `json:"last_id"`
					More bool             `json:"has_more"`
				}
				if err := c.call(cmd.Context(), http.MethodGet, "/api/audit?"+q.Encode(), nil, &page); err != nil {
					return err
				}
				rows, more = append(rows, page.Data...), page.More
				q.Set("after", page.Last)
			}
			if s.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"data": rows})
			}
			for _, row := range rows {
				row["who"] = auditActor(row)
			}
			return printRows(cmd.OutOrStdout(), rows, []column{{"TIME", "at"}, {"TYPE", "type"}, {"OBJECT", "object"}, {"WHO", "who"}, {"FROM", "ip_address"}, {"ID", "id"}})
		})
	})
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most")
	return f.flags(cmd)
}

// auditActor is who did it, in one word.
func auditActor(row map[string]any) string {
	for _, member := range []string{"email", "service_account", "api_key", "user"} {
		if v, ok := row[member].(string); ok && v != "" {
			return v
		}
	}
	return ""
}

func (s *admin) auditExport() *cobra.Command {
	var f auditFilter
	var format, text, output string
	cmd := run("export", "Write all lines, the oldest first: lines of JSON, or a table for a spreadsheet", 0, func(cmd *cobra.Command, _ []string) error {
		if s.json && !cmd.Flags().Changed("format") {
			format = "jsonl"
		}
		if format != "jsonl" && format != "csv" || s.json && format == "csv" {
			return &usageError{cmd.CommandPath(), fmt.Errorf("--format is jsonl, which is JSON, or csv, not %q", format)}
		}
		q, err := f.query(cmd, text)
		if err != nil {
			return err
		}
		q.Set("format", format)
		return s.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
			c.org = s.org
			resp, err := c.send(cmd.Context(), http.MethodGet, "/api/audit/export?"+q.Encode(), nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if output == "" || output == "-" {
				_, err = io.Copy(cmd.OutOrStdout(), resp.Body)
				return err
			}
			file, err := os.OpenFile(output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			_, err = io.Copy(file, resp.Body)
			return errors.Join(err, file.Close())
		})
	})
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl or csv")
	cmd.Flags().StringVar(&text, "text", "", "only lines that have this text")
	cmd.Flags().StringVarP(&output, "output", "o", "", "a new file to write (default: standard output)")
	return f.flags(cmd)
}
