package cli

import (
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

const billingPath = "/api/billing"

// orgID returns the id of the chosen organization, which may be named by its title; of the first one when none was chosen.
func (s *admin) orgID(cmd *cobra.Command) (string, error) {
	var out struct {
		Organization struct {
			ID string `json:"id"`
		} `json:"organization"`
	}
	err := s.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
		c.org = s.org
		return c.call(cmd.Context(), http.MethodGet, "/api/session", nil, &out)
	})
	return out.Organization.ID, err
}

// operatorCall is call on what the operator alone may do with the chosen organization.
func (s *admin) operatorCall(cmd *cobra.Command, method, path string, in any, use func(map[string]any) error) error {
	org, err := s.orgID(cmd)
	if err != nil {
		return err
	}
	return s.call(cmd, method, "/admin/billing"+path+"?organization="+url.QueryEscape(org), in, use)
}

// limitsOf are the limits that flags name, in US dollars.
func limitsOf(cmd *cobra.Command) (map[string]any, error) {
	body := map[string]any{}
	for flag, member := range map[string]string{"soft": "soft_limit_usd", "hard": "hard_limit_usd"} {
		if !cmd.Flags().Changed(flag) {
			continue
		}
		v, err := cmd.Flags().GetFloat64(flag)
		if err != nil {
			return nil, err
		}
		body[member] = v
	}
	if len(body) == 0 {
		return nil, &usageError{cmd.CommandPath(), errors.New("name a limit in US dollars for a month: --soft, --hard or both")}
	}
	return body, nil
}

func (s *admin) budget() *cobra.Command {
	var project string
	cmd := &cobra.Command{Use: "budget", Short: "What an organization and its projects may spend in a month: list, set, remove"}
	// path is that of the budget of the project, or of the organization.
	path := func(cmd *cobra.Command) (string, error) {
		subject := project
		if subject == "" {
			var err error
			if subject, err = s.orgID(cmd); err != nil {
				return "", err
			}
		}
		return billingPath + "/budgets/" + url.PathEscape(subject), nil
	}
	set := run("set", "Set a monthly budget, instead of the one that there is", 0, func(cmd *cobra.Command, _ []string) error {
		body, err := limitsOf(cmd)
		if err != nil {
			return err
		}
		p, err := path(cmd)
		if err != nil {
			return err
		}
		return s.call(cmd, http.MethodPut, p, body, quiet)
	})
	set.Example = `  parley admin budget set --soft 80 --hard 100
  parley admin budget set --organization acme --project proj_abc --hard 20`
	set.Flags().Float64("soft", 0, "US dollars of a month at which owners and contacts are told")
	set.Flags().Float64("hard", 0, "US dollars of a month at which requests are refused")
	remove := run("remove", "Take a monthly budget away", 0, func(cmd *cobra.Command, _ []string) error {
		p, err := path(cmd)
		if err != nil {
			return err
		}
		return s.call(cmd, http.MethodDelete, p, nil, quiet)
	})
	for _, c := range []*cobra.Command{set, remove} {
		c.Flags().StringVar(&project, "project", "", "id of a project (default: the organization as a whole)")
	}
	cmd.AddCommand(set, remove, run("list", "List the budgets with what was spent this month", 0, func(cmd *cobra.Command, _ []string) error {
		return s.list(cmd, billingPath+"/budgets", column{"OF", "id"}, column{"SPENT", "spend_usd"}, column{"SOFT LIMIT", "soft_limit_usd"}, column{"HARD LIMIT", "hard_limit_usd"}, column{"CHANGED", "updated_at"})
	}))
	return cmd
}

func (s *admin) credits() *cobra.Command {
	var reason, from, until string
	grant := run("grant AMOUNT", "Give an organization credit, in US dollars; prints its id", 1, func(cmd *cobra.Command, args []string) error {
		amount, err := strconv.ParseFloat(args[0], 64)
		if err != nil {
			return &usageError{cmd.CommandPath(), fmt.Errorf("%q is no amount like 25 or 0.5", args[0])}
		}
		body := map[string]any{"amount_usd": amount, "reason": reason}
		for member, day := range map[string]string{"effective_at": from, "expires_at": until} {
			if day == "" {
				continue
			}
			t, err := time.Parse(time.DateOnly, day)
			if err != nil {
				return &usageError{cmd.CommandPath(), fmt.Errorf("%q is no day like 2024-01-31", day)}
			}
			body[member] = t.Unix()
		}
		return s.operatorCall(cmd, http.MethodPost, "/credits", body, show(cmd, "id"))
	})
	grant.Flags().StringVar(&reason, "reason", "", "why it is given")
	grant.Flags().StringVar(&from, "from", "", "day on which it begins, in UTC (default: now)")
	grant.Flags().StringVar(&until, "until", "", "day on which it ends, in UTC (default: it does not)")
	cmd := &cobra.Command{Use: "credits", Short: "Credit of an organization, and how it pays: list, grant, revoke, plan"}
	cmd.AddCommand(grant,
		run("list", "List the grants of credit", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, billingPath+"/credits", column{"ID", "id"}, column{"AMOUNT", "amount_usd"}, column{"USED", "used_usd"}, column{"AVAILABLE", "available_usd"},
				column{"REASON", "reason"}, column{"BEGINS", "effective_at"}, column{"ENDS", "expires_at"}, column{"TAKEN BACK", "revoked_at"})
		}),
		run("revoke GRANT", "Take back what is left of a grant", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodDelete, "/admin/billing/credits/"+url.PathEscape(args[0]), nil, quiet)
		}),
		run("plan PLAN", "How an organization pays: none, prepaid (only credit can be spent) or postpaid (credit first, then the invoice)", 1, func(cmd *cobra.Command, args []string) error {
			return s.operatorCall(cmd, http.MethodPut, "/plan", map[string]string{"plan": args[0]}, quiet)
		}),
		run("accounts", "List all organizations with their plans, what they have spent this month and their credit", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, "/admin/billing/accounts", column{"ORGANIZATION", "organization_id"}, column{"NAME", "name"}, column{"PLAN", "plan"}, column{"SPENT", "spend_usd"}, column{"CREDIT", "credit_available_usd"})
		}))
	return cmd
}

func (s *admin) invoices() *cobra.Command {
	var output string
	download := run("download INVOICE", "Write an invoice as PDF", 1, func(cmd *cobra.Command, args []string) error {
		return s.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
			c.org = s.org
			path := billingPath + "/invoices/" + url.PathEscape(args[0])
			var in struct {
				Number string `json:"number"`
			}
			if err := c.call(cmd.Context(), http.MethodGet, path, nil, &in); err != nil {
				return err
			}
			file := output
			if file == "" {
				file = in.Number + ".pdf"
			}
			resp, err := c.send(cmd.Context(), http.MethodGet, path+"/pdf", nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if file == "-" {
				_, err = io.Copy(cmd.OutOrStdout(), resp.Body)
				return err
			}
			f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) // #nosec G302 G304 -- a document that its reader asked for
			if err != nil {
				return err
			}
			_, err = io.Copy(f, resp.Body)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), file)
			return nil
		})
	})
	download.Flags().StringVarP(&output, "output", "o", "", "file to write; - is standard output (default: the invoice's number)")
	cmd := &cobra.Command{Use: "invoices", Short: "Invoices of an organization: list, show, download; who sells"}
	seller := map[string]*string{}
	sell := run("seller", "Show who stands on invoices as the seller; flags change it", 0, func(cmd *cobra.Command, _ []string) error {
		const path = "/admin/billing/seller"
		if cmd.Flags().Changed("name") || cmd.Flags().Changed("address") || cmd.Flags().Changed("note") {
			body := map[string]string{}
			for name, v := range seller {
				if cmd.Flags().Changed(name) {
					body[name] = *v
				}
			}
			return s.call(cmd, http.MethodPut, path, body, quiet)
		}
		return s.call(cmd, http.MethodGet, path, nil, func(out map[string]any) error {
			for _, member := range []string{"name", "address", "note"} {
				fmt.Fprintln(cmd.OutOrStdout(), cell(out, member))
			}
			return nil
		})
	})
	for name, usage := range map[string]string{"name": "who sells", "address": "its address, of several lines", "note": "at the end of invoices: a bank account, a number of a register"} {
		seller[name] = sell.Flags().String(name, "", usage)
	}
	columns := []column{{"ID", "id"}, {"NUMBER", "number"}, {"MONTH", "month"}, {"SUBTOTAL", "subtotal_usd"}, {"CREDIT", "credit_usd"}, {"TOTAL", "total_usd"}, {"MADE", "created_at"}}
	cmd.AddCommand(download, sell,
		run("list", "List the invoices, the newest first", 0, func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd, billingPath+"/invoices", columns...)
		}),
		run("show INVOICE", "Show the lines of an invoice", 1, func(cmd *cobra.Command, args []string) error {
			return s.call(cmd, http.MethodGet, billingPath+"/invoices/"+url.PathEscape(args[0]), nil, func(out map[string]any) error {
				lines, _ := out["lines"].([]any)
				rows := make([]map[string]any, 0, len(lines))
				for _, l := range lines {
					row, _ := l.(map[string]any)
					rows = append(rows, row)
				}
				if err := printRows(cmd.OutOrStdout(), rows, []column{{"MODEL", "model"}, {"UNIT", "unit"}, {"QUANTITY", "quantity"}, {"PRICE/1K", "price_usd"}, {"AMOUNT", "amount_usd"}}); err != nil {
					return err
				}
				return printRows(cmd.OutOrStdout(), []map[string]any{out}, columns[1:6])
			})
		}))
	return cmd
}
