package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/limits"
	"github.com/parley-ai/parley/internal/limits/increase"
)

// requestsCommands are those of requests for an increase: to list, approve and deny them.
func requestsCommands(a *app, place *limitPlace) []*cobra.Command {
	return []*cobra.Command{requestsListCommand(a, place), approveCommand(a), denyCommand(a)}
}

func requestsListCommand(a *app, place *limitPlace) *cobra.Command {
	var state string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "Show who asks for higher limits",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				all := []increase.Object{}
				for after := ""; ; {
					query := url.Values{"limit": {"100"}}
					for name, value := range map[string]string{"state": state, "organization": place.org, "after": after} {
						if value != "" {
							query.Set(name, value)
						}
					}
					var page struct {
						Data    []increase.Object `json:"data"`
						HasMore bool              `json:"has_more"`
					}
					if err := c.call(cmd.Context(), http.MethodGet, "/admin/limits/requests?"+query.Encode(), nil, &page); err != nil {
						return err
					}
					all = append(all, page.Data...)
					if !page.HasMore || len(page.Data) == 0 {
						break
					}
					after = page.Data[len(page.Data)-1].ID
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"data": all})
				}
				return printRequests(cmd.OutOrStdout(), all)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "open", "open, approved, denied or withdrawn; empty is all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func approveCommand(a *app) *cobra.Command {
	var note string
	var asJSON bool
	figures := map[string]*int64{}
	cmd := &cobra.Command{
		Use:     "approve REQUEST",
		Short:   "Set the limit that a request asks for, or the one that flags say instead",
		Example: "  parley limits approve lr_abc --requests-per-minute 100 --note 'as a start'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, granted := map[string]any{}, map[string]int64{}
			for flag, v := range figures {
				if cmd.Flags().Changed(flag) {
					name, period, _ := strings.Cut(flag, "-per-")
					granted["max_"+name+"_per_1_"+period] = *v
				}
			}
			if len(granted) > 0 {
				body["granted"] = granted
			}
			if note != "" {
				body["note"] = note
			}
			return decide(cmd, a, args[0], "approve", body, asJSON)
		},
	}
	for flag, usage := range limitFigures {
		figures[flag] = cmd.Flags().Int64(flag, 0, usage+"; 0 is no limit")
	}
	cmd.Flags().StringVar(&note, "note", "", "a word to who asked")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func denyCommand(a *app) *cobra.Command {
	var note string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "deny REQUEST --note WHY",
		Short: "Deny a request for higher limits",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return decide(cmd, a, args[0], "deny", map[string]any{"note": note}, asJSON)
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "why: who asked reads it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// decide sends what was decided and prints what became of the request.
func decide(cmd *cobra.Command, a *app, id, how string, body map[string]any, asJSON bool) error {
	return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
		var got increase.Object
		if err := c.call(cmd.Context(), http.MethodPost, adminPath("/admin/limits/requests", "", id)+"/"+how, body, &got); err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(got)
		}
		return printRequests(cmd.OutOrStdout(), []increase.Object{got})
	})
}

func printRequests(out io.Writer, rows []increase.Object) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "REQUEST\tSTATE\tORGANIZATION\tOF\tMODEL\tWANTED\tIN FORCE\tASKED\tBY")
	for _, r := range rows {
		of := string(r.Subject)
		if r.SubjectID != "" {
			of += " " + r.SubjectID
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.State, r.Org, of, cmp.Or(r.Model, "each"), limitText(r.Wanted, r.Wanted), limitText(r.Wanted, r.InForce),
			time.Unix(r.CreatedAt, 0).UTC().Format(time.DateOnly), cmp.Or(r.Email, r.User, "-"))
	}
	return w.Flush()
}

// limitText is the figures of values that are set in which: "60/min, 9000 tokens/min".
func limitText(which, values limits.Values) string {
	var parts []string
	for _, f := range []struct {
		set, n *int64
		unit   string
	}{
		{which.RequestsPerMinute, values.RequestsPerMinute, "/min"}, {which.TokensPerMinute, values.TokensPerMinute, " tokens/min"},
		{which.RequestsPerDay, values.RequestsPerDay, "/day"}, {which.TokensPerDay, values.TokensPerDay, " tokens/day"},
	} {
		if f.set != nil && f.n != nil {
			parts = append(parts, strconv.FormatInt(*f.n, 10)+f.unit)
		}
	}
	return strings.Join(parts, ", ")
}
