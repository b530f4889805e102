package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/limits"
)

func tiersCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tiers",
		Short: "Usage tiers: limits that organizations earn by spending and age",
		Long: `Usage tiers: limits that organizations earn by spending and age. An organization is in the tier that asks for most of what it has. The limits of a
tier are set with parley limits set --tier; they go before those of every organization, and an organization's own before them.`,
		Example: `  parley limits tiers set 2 --spend 50 --age 7
  parley limits set --tier 2 --model gpt-4 --requests-per-minute 500`,
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "Show the tiers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var got struct {
					Data []limits.TierObject `json:"data"`
				}
				if err := c.call(cmd.Context(), http.MethodGet, "/admin/tiers", nil, &got); err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(got)
				}
				return printTiers(cmd.OutOrStdout(), got.Data)
			})
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	var in limits.TierRequest
	set := &cobra.Command{
		Use:   "set NAME",
		Short: "Make a tier, or change what it asks for",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var t limits.TierObject
				body := map[string]any{"min_spend": in.MinSpend, "min_age_days": in.MinAge}
				if err := c.call(cmd.Context(), http.MethodPut, "/admin/tiers/"+url.PathEscape(args[0]), body, &t); err != nil {
					return err
				}
				return printTiers(cmd.OutOrStdout(), []limits.TierObject{t})
			})
		},
	}
	set.Flags().Float64Var(&in.MinSpend, "spend", 0, "US dollars that an organization has spent, at least")
	set.Flags().IntVar(&in.MinAge, "age", 0, "days since it was made, at least")
	cmd.AddCommand(list, set, &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a tier and its limits away",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				return c.call(cmd.Context(), http.MethodDelete, "/admin/tiers/"+url.PathEscape(args[0]), nil, nil)
			})
		},
	})
	return cmd
}

func printTiers(out io.Writer, tiers []limits.TierObject) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "TIER\tSPENT\tDAYS OLD")
	for _, t := range tiers {
		fmt.Fprintf(w, "%s\t$%s\t%d\n", t.Tier, strconv.FormatFloat(t.MinSpend, 'f', -1, 64), t.MinAge)
	}
	return w.Flush()
}
