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

// retention is how long bodies are kept: where organizations say nothing, or with --organization in one.
func (s *admin) retention() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "How long requests and answers of the API are kept: show, set",
		Long: `How long requests and answers of the API are kept for reviewers: where an organization says nothing, or with --organization in that one.

What is older than the new time is deleted at once, with proof in the audit log.`,
	}
	path := func() string {
		if s.org != "" {
			return "/api/retention"
		}
		return "/admin/retention"
	}
	show := func(cmd *cobra.Command) func(map[string]any) error {
		return func(out map[string]any) error { return printRetention(cmd.OutOrStdout(), out, s.org != "") }
	}
	var days string
	var sample float64
	var share bool
	set := run("set", "Change it; what no flag names stays as it is", 0, func(cmd *cobra.Command, _ []string) error {
		changed := cmd.Flags().Changed
		switch {
		case !changed("days") && !changed("sample") && !changed("share"):
			return &usageError{cmd.CommandPath(), errors.New("name what to change: --days, --sample or --share")}
		case changed("share") && s.org == "":
			return &usageError{cmd.CommandPath(), errors.New("what is shared for training is each organization's to say: name it with --organization")}
		case changed("sample") && s.org != "":
			return &usageError{cmd.CommandPath(), errors.New("the sample is the whole installation's: leave out --organization")}
		}
		var n any
		if days != "default" && changed("days") {
			number, err := strconv.Atoi(days)
			if err != nil {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--days is a number of days, 0 for nothing at all, or default, not %q", days)}
			}
			n = number
		}
		return s.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
			c.org = s.org
			var now map[string]any
			if err := c.call(cmd.Context(), http.MethodGet, path(), nil, &now); err != nil {
				return err
			}
			in := map[string]any{"days": now["organization_days"], "share_for_training": now["share_for_training"]}
			name := "days"
			if s.org == "" {
				in, name = map[string]any{"default_days": now["default_days"], "sample_rate": now["sample_rate"]}, "default_days"
				if now["from_configuration"] == true {
					in["default_days"] = nil
				}
			}
			if changed("days") {
				in[name] = n
			}
			if changed("sample") {
				in["sample_rate"] = sample
			}
			if changed("share") {
				in["share_for_training"] = share
			}
			var out map[string]any
			if err := c.call(cmd.Context(), http.MethodPut, path(), in, &out); err != nil {
				return err
			}
			if s.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
			}
			return show(cmd)(out)
		})
	})
	set.Flags().StringVar(&days, "days", "", "days to keep them, 0 for nothing at all, or default: as the installation, or its configuration, says")
	set.Flags().Float64Var(&sample, "sample", 0, "part of the requests that is put into the reviewers' queue, 0 to 1")
	set.Flags().BoolVar(&share, "share", false, "share what is sent from now on with you for training")
	cmd.AddCommand(set, run("show", "Show it, and what is stored", 0, func(cmd *cobra.Command, _ []string) error {
		return s.call(cmd, http.MethodGet, path(), nil, show(cmd))
	}))
	return cmd
}

func printRetention(out io.Writer, r map[string]any, one bool) error {
	days, from := r["default_days"], "set while running"
	if one {
		days, from = r["days"], "the organization's own"
		if r["organization_days"] == nil {
			from = "the installation's"
		}
	} else if r["from_configuration"] == true {
		from = "the configuration's"
	}
	if _, err := fmt.Fprintf(out, "kept     %v days (%s)\n", days, from); err != nil {
		return err
	}
	if one {
		shared := "nothing"
		if since, ok := r["shared_since"].(float64); ok {
			shared = "what is sent since " + time.Unix(int64(since), 0).Format(time.DateTime)
		}
		fmt.Fprintf(out, "shared   %s\n", shared)
	} else {
		fmt.Fprintf(out, "sample   %v of the requests\n", r["sample_rate"])
	}
	stored, _ := r["stored"].(map[string]any)
	bytes, _ := stored["bytes"].(float64)
	fmt.Fprintf(out, "stored   %v requests, %s, the oldest %s\n", stored["requests"], bytesText(int64(bytes)), cell(stored, "oldest_at"))
	if server, ok := r["server"].(map[string]any); ok {
		fmt.Fprintf(out, "dropped  %v since the start\n", server["dropped_requests"])
	}
	return nil
}

// reviewers are who may read what is kept.
func (s *admin) reviewers() *cobra.Command {
	cmd := &cobra.Command{Use: "reviewers", Short: "Who may read kept requests and answers, through the queue: list, add, remove"}
	cmd.AddCommand(
		run("list", "List the reviewers", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, "/admin/reviewers", column{"ID", "id"}, column{"NAME", "name"}, column{"EMAIL", "email"}, column{"ADDED", "added_at"})
		}),
		run("add USER", "Let an account review, by e-mail address or id; prints its id", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, "/admin/reviewers", map[string]string{"user": args[0]}, show(cmd, "id"))
		}),
		run("remove USER", "Take that back", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, "/admin/reviewers/"+url.PathEscape(args[0]), nil, quiet)
		}))
	return cmd
}

// review is the reviewers' queue, as far as the operator sees it: never with bodies.
func (s *admin) review() *cobra.Command {
	var state, reason string
	list := run("list", "List the queue, without bodies", 0, func(cmd *cobra.Command, _ []string) error {
		return s.list(cmd, "/admin/review/items?state="+url.QueryEscape(state), column{"ID", "id"}, column{"ORGANIZATION", "organization_name"}, column{"REQUEST", "request_id"},
			column{"STATE", "state"}, column{"SOURCE", "source"}, column{"REASON", "reason"}, column{"REVIEWER", "claimed_by"}, column{"DECISION", "decision"}, column{"SINCE", "created_at"})
	})
	list.Flags().StringVar(&state, "state", "", "open, claimed or decided (default: all)")
	flag := run("flag REQUEST --reason TEXT", "Put a request into the queue, by its x-request-id; prints the item's id", 1, func(cmd *cobra.Command, args []string) error {
		if reason == "" {
			return &usageError{cmd.CommandPath(), errors.New("say why with --reason")}
		}
		return s.call(cmd, http.MethodPost, "/admin/review/items", map[string]string{"request_id": args[0], "reason": reason}, show(cmd, "id"))
	})
	flag.Flags().StringVar(&reason, "reason", "", "why it is to be reviewed")
	cmd := &cobra.Command{Use: "review", Short: "The reviewers' queue: list, flag. Reviewers work on it in the console"}
	cmd.AddCommand(list, flag)
	return cmd
}

// sharedData is what organizations share for training.
func (s *admin) sharedData() *cobra.Command {
	var since, until, output string
	export := run("export", "Write the requests that organizations share for training as JSON lines", 0, func(cmd *cobra.Command, _ []string) error {
		query := url.Values{}
		for name, text := range map[string]string{"since": since, "until": until} {
			if text == "" {
				continue
			}
			at, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--%s is a day such as 2024-01-31, not %q", name, text)}
			}
			query.Set(name, strconv.FormatInt(at.Unix(), 10))
		}
		return s.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) (err error) {
			resp, err := c.send(cmd.Context(), http.MethodGet, "/admin/shared-data?"+query.Encode(), nil)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, resp.Body.Close()) }()
			out := cmd.OutOrStdout()
			if output != "" {
				f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				out = f
			}
			_, err = io.Copy(out, resp.Body)
			return err
		})
	})
	export.Flags().StringVar(&since, "since", "", "only requests since this day, in UTC")
	export.Flags().StringVar(&until, "until", "", "only requests before this day, in UTC")
	export.Flags().StringVarP(&output, "output", "o", "", "new file to write (default: standard output)")
	cmd := &cobra.Command{Use: "shared-data", Short: "Requests that organizations share for training: export"}
	cmd.AddCommand(export)
	return cmd
}
