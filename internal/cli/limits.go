package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/limits"
)

// limitsPath is where the server keeps the limits, of every organization or of one.
func limitsPath(org, id string) string { return adminPath("/admin/limits", org, id) }

// limitFigures are the flags of a limit's figures.
var limitFigures = map[string]string{
	"requests-per-minute": "requests in a minute", "tokens-per-minute": "tokens of prompts and answers in a minute",
	"requests-per-day": "requests in a day", "tokens-per-day": "tokens of prompts and answers in a day",
}

// limitPlace is which limit a command is about.
type limitPlace struct{ org, project, user, key, endUser, tier, model string }

func (p *limitPlace) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.project, "project", "", "of a project; each for each")
	f.StringVar(&p.user, "user", "", "of a member; each for each")
	f.StringVar(&p.key, "key", "", "of an API key; each for each")
	f.StringVar(&p.endUser, "end-user", "", "of an end user, the user of requests; each for each")
	f.StringVar(&p.tier, "tier", "", "of each organization of a usage tier")
	f.StringVar(&p.model, "model", "", "for requests that name this model (default: for each model)")
	cmd.MarkFlagsMutuallyExclusive("project", "user", "key", "end-user", "tier")
}

// subject is what the limit counts for, and which one; empty is each.
func (p *limitPlace) subject() (limits.Subject, string) {
	for _, s := range []struct {
		subject limits.Subject
		id      string
	}{{limits.Project, p.project}, {limits.User, p.user}, {limits.Key, p.key}, {limits.EndUser, p.endUser}, {limits.Tier, p.tier}} {
		switch s.id {
		case "":
		case "each":
			return s.subject, ""
		default:
			return s.subject, s.id
		}
	}
	return limits.Organization, ""
}

// find returns the limit that is set there; nil when there is none.
func (p *limitPlace) find(cmd *cobra.Command, c *client) (*limits.Limit, error) {
	var all struct{ Data []limits.Limit }
	if err := c.call(cmd.Context(), http.MethodGet, limitsPath(p.org, ""), nil, &all); err != nil {
		return nil, err
	}
	subject, id := p.subject()
	for _, l := range all.Data {
		if l.Subject == subject && l.SubjectID == id && l.Model == p.model {
			return &l, nil
		}
	}
	return nil, nil
}

func limitsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "How much organizations, projects, members, keys and end users may ask for",
	}
	place := &limitPlace{}
	cmd.PersistentFlags().StringVar(&place.org, "organization", "", "limits of this organization (default: of every organization)")
	reset := &cobra.Command{
		Use:   "reset",
		Short: "Take a limit back: what is more general is in force again",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				l, err := place.find(cmd, c)
				if err != nil {
					return err
				}
				if l == nil {
					return errors.New("no such limit is set; `parley limits list` shows those that are")
				}
				return c.call(cmd.Context(), http.MethodDelete, limitsPath(place.org, l.ID), nil, nil)
			})
		},
	}
	place.flags(reset)
	cmd.AddCommand(limitsListCommand(a, place), limitsSetCommand(a, place), reset, tiersCommand(a))
	cmd.AddCommand(requestsCommands(a, place)...)
	return cmd
}

func limitsListCommand(a *app, place *limitPlace) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the limits that are set",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var got struct {
					Data []limits.Limit `json:"data"`
				}
				if err := c.call(cmd.Context(), http.MethodGet, limitsPath(place.org, ""), nil, &got); err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(got)
				}
				return printLimits(cmd.OutOrStdout(), got.Data)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func limitsSetCommand(a *app, place *limitPlace) *cobra.Command {
	var asJSON bool
	figures := map[string]*int64{}
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set a limit while the server runs; what no flag names stays as it was",
		Long: `Set a limit while the server runs. What no flag names stays as it was, also what an earlier set changed.

A limit counts for each model by itself. 0 is no limit, also where a more general one is set. Changes are in force at once, on all servers of the database.`,
		Example: `  parley limits set --requests-per-minute 60
  parley limits set --organization org-abc --model gpt-4 --tokens-per-minute 10000 --requests-per-day 200
  parley limits set --organization org-abc --end-user each --requests-per-minute 10`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			changes := map[string]any{}
			for flag, v := range figures {
				if cmd.Flags().Changed(flag) {
					name, period, _ := strings.Cut(flag, "-per-")
					changes["max_"+name+"_per_1_"+period] = *v
				}
			}
			if v, err := cmd.Flags().GetFloat64("token-weight"); err == nil && cmd.Flags().Changed("token-weight") {
				changes["token_weight"] = v
			}
			if len(changes) == 0 {
				return &usageError{cmd.CommandPath(), errors.New("name what to limit: --requests-per-minute, --tokens-per-minute, --requests-per-day, --tokens-per-day or --token-weight")}
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				return setLimit(cmd, c, place, changes, asJSON)
			})
		},
	}
	place.flags(cmd)
	for flag, usage := range limitFigures {
		figures[flag] = cmd.Flags().Int64(flag, 0, usage+"; 0 is no limit")
	}
	cmd.Flags().Float64("token-weight", 0, "what a token of the model counts: 0.005 lets through two hundred times as many")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// setLimit lays changes over the limit that is set at the place, and prints what follows.
func setLimit(cmd *cobra.Command, c *client, place *limitPlace, changes map[string]any, asJSON bool) error {
	before, err := place.find(cmd, c)
	if err != nil {
		return err
	}
	subject, id := place.subject()
	body := map[string]any{"subject": subject, "subject_id": id, "model": place.model}
	if before != nil {
		data, err := json.Marshal(before.Values)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &body); err != nil {
			return err
		}
	}
	for k, v := range changes {
		body[k] = v
	}
	var l limits.Limit
	if err := c.call(cmd.Context(), http.MethodPut, limitsPath(place.org, ""), body, &l); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(l)
	}
	return printLimits(cmd.OutOrStdout(), []limits.Limit{l})
}

func printLimits(out io.Writer, rows []limits.Limit) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "OF\tMODEL\tREQUESTS/MIN\tTOKENS/MIN\tREQUESTS/DAY\tTOKENS/DAY\tA TOKEN COUNTS")
	figure := func(n *int64) string {
		switch {
		case n == nil:
			return "-"
		case *n == 0:
			return "no limit"
		}
		return strconv.FormatInt(*n, 10)
	}
	for _, l := range rows {
		weight := "-"
		if l.TokenWeight != nil {
			weight = strconv.FormatFloat(*l.TokenWeight, 'f', -1, 64)
		}
		of := strings.ReplaceAll(string(l.Subject), "_", " ")
		switch {
		case l.SubjectID != "":
			of += " " + l.SubjectID
		case l.Subject != limits.Organization:
			of = "each " + of
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", of, cmp.Or(l.Model, "each"), figure(l.RequestsPerMinute), figure(l.TokensPerMinute),
			figure(l.RequestsPerDay), figure(l.TokensPerDay), weight)
	}
	return w.Flush()
}
