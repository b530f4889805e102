package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// column is one of a table: its title and the member of the API's object that it shows.
type column struct{ title, member string }

// admin is what all administrative commands share.
type admin struct {
	*app
	org  string
	json bool
}

// call asks the server of this home, as the operator acting in the chosen organization.
func (a *admin) call(cmd *cobra.Command, method, path string, in any, use func(map[string]any) error) error {
	return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error { return a.with(cmd, c, method, path, in, use) })
}

// with is call with a client that is there already.
func (a *admin) with(cmd *cobra.Command, c *client, method, path string, in any, use func(map[string]any) error) error {
	c.org = a.org
	var out map[string]any
	if err := c.call(cmd.Context(), method, path, in, &out); err != nil {
		return err
	}
	if a.json {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(out)
	}
	return use(out)
}

// list prints all pages of a list.
func (a *admin) list(cmd *cobra.Command, path string, columns ...column) error {
	return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
		c.org = a.org
		rows, err := allPages(cmd.Context(), c, path)
		if err != nil {
			return err
		}
		if a.json {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"data": rows})
		}
		return printRows(cmd.OutOrStdout(), rows, columns)
	})
}

// allPages follows a list to its end.
func allPages(ctx context.Context, c *client, path string) ([]map[string]any, error) {
	rows := []map[string]any{}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for after := ""; ; {
		var page struct {
			Data []map[string]any `json:"data"`
			Last *string          `json:"last_id"`
			More bool             `json:"has_more"`
		}
		if err := c.call(ctx, http.MethodGet, path+separator+"limit=100&after="+url.QueryEscape(after), nil, &page); err != nil {
			return nil, err
		}
		rows = append(rows, page.Data...)
		if !page.More || page.Last == nil {
			return rows, nil
		}
		after = *page.Last
	}
}

func printRows(out io.Writer, rows []map[string]any, columns []column) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for i, c := range columns {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, c.title)
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		for i, c := range columns {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell(row, c.member))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// cell is what a table shows of a member: times as such, what is not there as a dash.
func cell(row map[string]any, member string) string {
	switch v := row[member].(type) {
	case nil:
		return "-"
	case float64:
		if strings.HasSuffix(member, "_at") {
			return time.Unix(int64(v), 0).Format(time.DateTime)
		}
		return fmt.Sprintf("%g", v)
	case string:
		return dash(v)
	default:
		return fmt.Sprint(v)
	}
}

// show prints one member of an answer.
func show(cmd *cobra.Command, member string) func(map[string]any) error {
	return func(out map[string]any) error {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), cell(out, member))
		return err
	}
}

func quiet(map[string]any) error { return nil }

func adminCommand(a *app) *cobra.Command {
	s := &admin{app: a}
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Organizations, projects, users, invitations and keys",
		Long: `Administer the server of this home, as its operator. What is done leaves a line in the audit log.

Commands that print one thing print it alone: an id, a link, or a key, which is shown only once.`,
	}
	cmd.PersistentFlags().StringVar(&s.org, "organization", "", "id or name of the organization (default: the first)")
	cmd.PersistentFlags().BoolVar(&s.json, "json", false, "as JSON")
	cmd.AddCommand(s.retention(), s.reviewers(), s.review(), s.sharedData())
	cmd.AddCommand(s.orgs(), s.projects(), s.users(), s.invites(), s.keys(), s.signIn(), s.incidents(), s.health(), s.jobs(), s.budget(), s.credits(), s.invoices())
	cmd.AddCommand(s.mail(), s.sso(), s.deletions(), s.audit())
	return cmd
}

// run is a command with arguments.
func run(use, short string, args int, f func(cmd *cobra.Command, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args), RunE: f}
}

func (s *admin) orgs() *cobra.Command {
	var owner string
	create := run("create NAME --owner EMAIL", "Make an organization; prints the link of its first owner's invitation", 1, func(cmd *cobra.Command, args []string) error {
		if owner == "" {
			return &usageError{cmd.CommandPath(), errors.New("name its first --owner by e-mail address")}
		}
		return s.call(cmd, http.MethodPost, "/admin/organizations", map[string]string{"name": args[0], "owner": owner}, show(cmd, "link"))
	})
	create.Flags().StringVar(&owner, "owner", "", "e-mail address of the first owner")
	cmd := &cobra.Command{Use: "orgs", Short: "Organizations: list, create, rename, delete"}
	cmd.AddCommand(s.deleteOrg(), run("rename NAME", "Give the organization another name", 1, func(cmd *cobra.Command, args []string) error {
		return s.call(cmd, http.MethodPost, "/api/organization", map[string]string{"name": args[0]}, quiet)
	}), run("list", "List all organizations", 0, func(cmd *cobra.Command, _ []string) error {
		return s.list(cmd, "/admin/organizations", column{"ID", "id"}, column{"NAME", "name"}, column{"MEMBERS", "members"}, column{"CREATED", "created_at"})
	}), create)
	return cmd
}

const orgPath = "/v1/organization"

func (s *admin) projects() *cobra.Command {
	var archived bool
	list := run("list", "List the projects", 0, func(cmd *cobra.Command, _ []string) error {
		return s.list(cmd, fmt.Sprintf("%s/projects?include_archived=%t", orgPath, archived), column{"ID", "id"}, column{"NAME", "name"}, column{"STATUS", "status"}, column{"CREATED", "created_at"})
	})
	list.Flags().BoolVar(&archived, "archived", false, "also archived ones")
	cmd := &cobra.Command{Use: "projects", Short: "Projects: list, create, rename, archive, add and remove users"}
	role := "member"
	add := run("add PROJECT USER", "Add a member of the organization to a project, by id or e-mail address", 2, func(cmd *cobra.Command, args []string) error {
		who := "user_id"
		if strings.Contains(args[1], "@") {
			who = "email"
		}
		return s.call(cmd, http.MethodPost, orgPath+"/projects/"+url.PathEscape(args[0])+"/users", map[string]string{who: args[1], "role": role}, quiet)
	})
	add.Flags().StringVar(&role, "role", role, "member or owner of the project")
	cmd.AddCommand(list, add,
		run("create NAME", "Make a project; prints its id", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, orgPath+"/projects", map[string]string{"name": args[0]}, show(cmd, "id"))
		}),
		run("rename PROJECT NAME", "Give a project another name", 2, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, orgPath+"/projects/"+url.PathEscape(args[0]), map[string]string{"name": args[1]}, quiet)
		}),
		run("archive PROJECT", "End a project: its keys stop, its data stays", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, orgPath+"/projects/"+url.PathEscape(args[0])+"/archive", nil, quiet)
		}),
		run("users PROJECT", "List a project's users", 1, func(cmd *cobra.Command, args []string) error {
			return s.list(cmd, orgPath+"/projects/"+url.PathEscape(args[0])+"/users", column{"ID", "id"}, column{"NAME", "name"}, column{"EMAIL", "email"}, column{"ROLE", "role"}, column{"ADDED", "added_at"})
		}),
		run("remove PROJECT USER", "Take a user out of a project", 2, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, orgPath+"/projects/"+url.PathEscape(args[0])+"/users/"+url.PathEscape(args[1]), nil, quiet)
		}))
	return cmd
}

func (s *admin) users() *cobra.Command {
	cmd := &cobra.Command{Use: "users", Short: "Members of the organization: list, role, remove, link, set-password, reset-2fa, delete"}
	cmd.AddCommand(s.deleteUser())
	cmd.AddCommand(s.signInOf()...)
	cmd.AddCommand(
		run("list", "List the members", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, orgPath+"/users", column{"ID", "id"}, column{"NAME", "name"}, column{"EMAIL", "email"}, column{"ROLE", "role"}, column{"ADDED", "added_at"})
		}),
		run("role USER ROLE", "Give a member another role: owner, admin, member or reader", 2, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, orgPath+"/users/"+url.PathEscape(args[0]), map[string]string{"role": args[1]}, quiet)
		}),
		run("remove USER", "Remove a member: their keys and sessions stop within a second", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, orgPath+"/users/"+url.PathEscape(args[0]), nil, quiet)
		}),
		run("link USER", "Print a one-time link that signs a browser in as a member", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, "/admin/users/"+url.PathEscape(args[0])+"/signin-links", nil, show(cmd, "url"))
		}))
	return cmd
}

func (s *admin) invites() *cobra.Command {
	var role, project string
	create := run("create EMAIL", "Invite somebody; prints the link to send to them", 1, func(cmd *cobra.Command, args []string) error {
		in := map[string]any{"email": args[0], "role": role}
		if project != "" {
			in["projects"] = []map[string]string{{"id": project, "role": "member"}}
		}
		return s.call(cmd, http.MethodPost, orgPath+"/invites", in, show(cmd, "link"))
	})
	create.Flags().StringVar(&role, "role", "member", "owner, admin, member or reader")
	create.Flags().StringVar(&project, "project", "", "project to be a member of (default: the default one)")
	cmd := &cobra.Command{Use: "invites", Short: "Invitations: list, create, resend, delete"}
	cmd.AddCommand(create,
		run("resend INVITE", "Make a new link of an invitation and send it by mail, where there is a mail server; prints the link", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodPost, "/api/organization/invites/"+url.PathEscape(args[0])+"/resend", nil, show(cmd, "link"))
		}),
		run("list", "List the invitations", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, orgPath+"/invites", column{"ID", "id"}, column{"EMAIL", "email"}, column{"ROLE", "role"}, column{"STATUS", "status"}, column{"EXPIRES", "expires_at"})
		}),
		run("delete INVITE", "Take an invitation back", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, orgPath+"/invites/"+url.PathEscape(args[0]), nil, quiet)
		}))
	return cmd
}

func (s *admin) keys() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Keys of projects, service accounts and the organization: list, create, delete"}
	var project string
	var service bool
	path := func() string {
		if project == "" {
			return orgPath + "/admin_api_keys"
		}
		return orgPath + "/projects/" + url.PathEscape(project) + "/api_keys"
	}
	create := run("create NAME", "Make a key of the organization or, with --project, a service account with a key; prints the key", 1, func(cmd *cobra.Command, args []string) error {
		in := map[string]string{"name": args[0]}
		if project == "" {
			return s.call(cmd, http.MethodPost, path(), in, show(cmd, "value"))
		}
		return s.call(cmd, http.MethodPost, orgPath+"/projects/"+url.PathEscape(project)+"/service_accounts", in, func(out map[string]any) error {
			key, _ := out["api_key"].(map[string]any)
			return show(cmd, "value")(key)
		})
	})
	remove := run("delete ID", "End a key; with --service-account a service account and its keys", 1, func(cmd *cobra.Command, args []string) error {
		if service {
			if project == "" {
				return &usageError{cmd.CommandPath(), errors.New("name the service account's --project")}
			}
			return s.call(cmd, http.MethodDelete, orgPath+"/projects/"+url.PathEscape(project)+"/service_accounts/"+url.PathEscape(args[0]), nil, quiet)
		}
		return s.call(cmd, http.MethodDelete, path()+"/"+url.PathEscape(args[0]), nil, quiet)
	})
	remove.Flags().BoolVar(&service, "service-account", false, "the id is a service account's")
	cmd.PersistentFlags().StringVar(&project, "project", "", "id of a project (default: keys of the organization itself)")
	cmd.AddCommand(create, remove, run("list", "List the keys", 0, func(cmd *cobra.Command, _ []string) error {
		return s.list(cmd, path(), column{"ID", "id"}, column{"NAME", "name"}, column{"KEY", "redacted_value"}, column{"CREATED", "created_at"}, column{"LAST USED", "last_used_at"})
	}))
	return cmd
}
