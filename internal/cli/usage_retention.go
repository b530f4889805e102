package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/usage"
)

func usageRetentionCommand(a *app) *cobra.Command {
	var requests, minutes int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "How long usage is kept, of all organizations",
		Long: `How long usage is kept, of all organizations. Without flags it is shown. Sums by hour and day, which costs and invoices are made of, are kept for
good; single requests and sums by end user go after --requests-days, sums by minute after --minutes-days. What is older is deleted in the background, with
a line in the audit log.`,
		Example: "  parley usage retention --requests-days 90 --minutes-days 30",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			changes := map[string]int{}
			if cmd.Flags().Changed("requests-days") {
				changes["requests_days"] = requests
			}
			if cmd.Flags().Changed("minutes-days") {
				changes["minutes_days"] = minutes
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var got usage.KeepingObject
				var err error
				if len(changes) > 0 {
					err = c.call(cmd.Context(), http.MethodPut, "/admin/usage/retention", changes, &got)
				} else {
					err = c.call(cmd.Context(), http.MethodGet, "/admin/usage/retention", nil, &got)
				}
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(got)
				}
				for _, row := range []struct {
					what string
					days int
					from *int64
				}{{"single requests", got.Requests, got.RequestsFrom}, {"sums by minute", got.Minutes, got.MinutesFrom}} {
					text := "kept for good"
					if row.days > 0 {
						text = fmt.Sprintf("kept for %d days", row.days)
					}
					if row.from != nil {
						text += "; those before " + time.Unix(*row.from, 0).UTC().Format(time.DateOnly) + " are gone"
					}
					if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", row.what, text); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.IntVar(&requests, "requests-days", 0, "keep single requests for so many days; 0 is for good")
	f.IntVar(&minutes, "minutes-days", 0, "keep sums by minute for so many days; 0 is for good")
	f.BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}
