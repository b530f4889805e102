package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// keyObject is an API key as /api/keys shows it; the secret only when it was just made.
type keyObject struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Redacted string `json:"redacted"`
	Secret   string `json:"secret,omitempty"`
	Created  int64  `json:"created_at"`
	LastUsed *int64 `json:"last_used_at"`
}

func keysCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "API keys: create, list, revoke"}
	var name string
	create := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make an API key and print it alone; it is shown only this once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return &usageError{cmd.CommandPath(), errors.New("give the key a --name, to know it by later")}
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var k keyObject
				if err := c.call(cmd.Context(), http.MethodPost, "/api/keys", map[string]string{"name": name}, &k); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), k.Secret)
				return nil
			})
		},
	}
	create.Flags().StringVar(&name, "name", "", "what the key is for")
	var asJSON bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List the keys",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				keys, err := listKeys(cmd.Context(), c)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"data": keys})
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tNAME\tKEY\tCREATED\tLAST USED")
				for _, k := range keys {
					used := "never"
					if k.LastUsed != nil {
						used = time.Unix(*k.LastUsed, 0).Format(time.DateTime)
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Redacted, time.Unix(k.Created, 0).Format(time.DateTime), used)
				}
				return w.Flush()
			})
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.AddCommand(create, list, &cobra.Command{
		Use:   "revoke ID",
		Short: "End a key; programs that use it get 401 within a second",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				return c.call(cmd.Context(), http.MethodDelete, "/api/keys/"+args[0], nil, nil)
			})
		},
	})
	return cmd
}

// listKeys returns all keys, page by page.
func listKeys(ctx context.Context, c *client) ([]keyObject, error) {
	keys := []keyObject{}
	for after := ""; ; {
		var page struct {
			Data []keyObject `json:"data"`
			More bool        `json:"has_more"`
		}
		if err := c.call(ctx, http.MethodGet, "/api/keys?limit=100&after="+after, nil, &page); err != nil {
			return nil, err
		}
		keys = append(keys, page.Data...)
		if !page.More || len(page.Data) == 0 {
			return keys, nil
		}
		after = page.Data[len(page.Data)-1].ID
	}
}

func signinCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "signin",
		Short: "Print a one-time link that signs a browser in as the owner",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var link struct {
					URL string `json:"url"`
				}
				if err := c.call(cmd.Context(), http.MethodPost, "/admin/signin-links", nil, &link); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), link.URL)
				return nil
			})
		},
	}
}
