package cli

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/spf13/cobra"
)

// mail shows how mails go, and sends a test.
func (s *admin) mail() *cobra.Command {
	cmd := &cobra.Command{Use: "mail", Short: "Mails: status, test"}
	cmd.AddCommand(
		run("status", "The mail server, and the newest mails without their text", 0, func(cmd *cobra.Command, _ []string) error {
			return s.call(cmd, http.MethodGet, "/admin/mail", nil, func(out map[string]any) error {
				if out["configured"] != true {
					_, err := fmt.Fprintln(cmd.OutOrStdout(), "no mail server: links are shown instead. Set mail.url and mail.from in the configuration")
					return err
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%v (%v), from %v: %v waiting, %v sent and %v given up in 30 days\n", out["server"], out["security"], out["from"], out["queued"], out["sent"], out["failed"]); err != nil {
					return err
				}
				return printRows(cmd.OutOrStdout(), objects(out["recent"]), []column{{"CREATED", "created_at"}, {"TO", "to"}, {"SUBJECT", "subject"}, {"STATE", "state"}, {"TRIES", "attempts"}, {"ERROR", "error"}})
			})
		}),
		run("test ADDRESS", "Send a test mail now, and print what the mail server says", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, "/admin/mail/test", map[string]string{"to": args[0]}, func(map[string]any) error {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "the mail server took the mail to "+args[0])
				return err
			})
		}))
	return cmd
}

// objects are those of a list inside of an answer.
func objects(v any) []map[string]any {
	list, _ := v.([]any)
	out := make([]map[string]any, 0, len(list))
	for _, o := range list {
		if m, ok := o.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// sso shows and edits what the groups of the provider may in the organization.
func (s *admin) sso() *cobra.Command {
	const path = "/api/organization/sso"
	var projects []string
	mapping := func(group, role string) map[string]any {
		in := map[string]any{"group": group, "role": role}
		places := []map[string]string{}
		for _, p := range projects {
			places = append(places, map[string]string{"id": p, "role": "member"})
		}
		in["projects"] = places
		return in
	}
	create := run("map GROUP ROLE", "Give a group of the provider a role: owner, admin, member or reader; prints the mapping's id", 2, func(cmd *cobra.Command, args []string) error {
		return s.call(cmd, http.MethodPost, path+"/mappings", mapping(args[0], args[1]), show(cmd, "id"))
	})
	create.Flags().StringSliceVar(&projects, "project", nil, "ids of projects that they are members of (default: the default one)")
	var off bool
	require := run("require", "Close the organization to sessions that began with a password", 0, func(cmd *cobra.Command, _ []string) error {
		return s.call(cmd, http.MethodPost, path, map[string]bool{"required": !off}, quiet)
	})
	require.Flags().BoolVar(&off, "off", false, "open it again")
	cmd := &cobra.Command{Use: "sso", Short: "Single sign-on in the organization: show, map, unmap, require"}
	cmd.AddCommand(create, require,
		run("show", "The provider, and what its groups may", 0, func(cmd *cobra.Command, _ []string) error {
			return s.call(cmd, http.MethodGet, path, nil, func(out map[string]any) error {
				provider := "no provider: set sso.issuer, sso.client_id and sso.client_secret in the configuration"
				if out["enabled"] == true {
					provider = fmt.Sprintf("provider %v; it has to allow %v; passwords off: %v", out["issuer"], out["callback_url"], out["required"])
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), provider); err != nil {
					return err
				}
				return printRows(cmd.OutOrStdout(), objects(out["mappings"]), []column{{"ID", "id"}, {"GROUP", "group"}, {"ROLE", "role"}})
			})
		}),
		run("unmap MAPPING", "End what a group may: who came by it alone loses their place at their next sign-in", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, path+"/mappings/"+url.PathEscape(args[0]), nil, quiet)
		}))
	return cmd
}

// deleteOrg deletes an organization, for good.
func (s *admin) deleteOrg() *cobra.Command {
	var name string
	cmd := run("delete ORGANIZATION --name NAME", "Delete an organization with all that belongs to it, for good", 1, func(cmd *cobra.Command, args []string) error {
		if name == "" {
			return &usageError{cmd.CommandPath(), errors.New("type the organization's --name, so that it is the right one")}
		}
		return s.call(cmd, http.MethodPost, "/admin/organizations/"+url.PathEscape(args[0])+"/delete", map[string]string{"name": name}, began(cmd))
	})
	cmd.Flags().StringVar(&name, "name", "", "the organization's name")
	return cmd
}

// deleteUser deletes an account, for good.
func (s *admin) deleteUser() *cobra.Command {
	var yes bool
	cmd := run("delete USER --yes", "Delete an account of the installation with all that is its user's, for good", 1, func(cmd *cobra.Command, args []string) error {
		if !yes {
			return &usageError{cmd.CommandPath(), errors.New("an account is deleted for good: say --yes. `parley admin users remove` only ends a membership")}
		}
		return s.call(cmd, http.MethodPost, "/admin/users/"+url.PathEscape(args[0])+"/delete", nil, began(cmd))
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

// began prints the id of a deletion, which goes on in the server: `deletions show` tells how far it is.
func began(cmd *cobra.Command) func(map[string]any) error {
	return func(out map[string]any) error {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%v\n", out["id"])
		return err
	}
}

// deletions shows how far they are.
func (s *admin) deletions() *cobra.Command {
	cmd := &cobra.Command{Use: "deletions", Short: "Deletions of organizations and accounts: list, show"}
	cmd.AddCommand(
		run("list", "List them, the newest first", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, "/admin/deletions", column{"ID", "id"}, column{"KIND", "kind"}, column{"NAME", "name"}, column{"STATE", "state"}, column{"CREATED", "created_at"}, column{"FINISHED", "finished_at"})
		}),
		run("show DELETION", "How far one is, and how many rows are gone", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodGet, "/api/deletions/"+url.PathEscape(args[0]), nil, func(out map[string]any) error {
				fmt.Fprintf(cmd.OutOrStdout(), "%v %v: %v\n", out["kind"], out["subject_id"], out["state"])
				counts, _ := out["rows"].(map[string]any)
				rows := []map[string]any{}
				for _, table := range slices.Sorted(maps.Keys(counts)) {
					rows = append(rows, map[string]any{"table": table, "rows": counts[table]})
				}
				return printRows(cmd.OutOrStdout(), rows, []column{{"TABLE", "table"}, {"ROWS", "rows"}})
			})
		}))
	return cmd
}
