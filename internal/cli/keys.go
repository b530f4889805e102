package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// keyObject is an API key as /api/keys shows it; the secret only when it was just made.
type keyObject struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Redacted   string    `json:"redacted"`
	Secret     string    `json:"secret,omitempty"`
	Permission string    `json:"permission"`
	Scopes     []string  `json:"scopes"`
	Models     *[]string `json:"models"`
	Track      bool      `json:"track_usage"`
	Created    int64     `json:"created_at"`
	Expires    *int64    `json:"expires_at"`
	LastUsed   *int64    `json:"last_used_at"`
}

func keysCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "API keys: create, list, update, revoke"}
	var (
		name, permission string
		scopes, models   []string
		lifetime         time.Duration
		track            bool
	)
	create := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make an API key and print it alone; it is shown only this once",
		Example: `  parley keys create --name laptop
  parley keys create --name dashboard --permission read_only --expires 720h
  parley keys create --name bot --scope "chat.*" --scope models.read --model gpt-4`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return &usageError{cmd.CommandPath(), errors.New("give the key a --name, to know it by later")}
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var k keyObject
				in := map[string]any{"name": name, "permission": permission, "scopes": scopes, "models": models, "track_usage": track}
				if lifetime > 0 {
					in["expires_at"] = time.Now().Add(lifetime).Unix()
				}
				for what, v := range in {
					if list, ok := v.([]string); v == "" || ok && len(list) == 0 {
						delete(in, what)
					}
				}
				if err := c.call(cmd.Context(), http.MethodPost, "/api/keys", in, &k); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), k.Secret)
				return nil
			})
		},
	}
	f := create.Flags()
	f.StringVar(&name, "name", "", "what the key is for")
	f.StringVar(&permission, "permission", "", "all, read_only or restricted (to what --scope says)")
	f.StringArrayVar(&scopes, "scope", nil, "what the key may do, such as chat.*; once for each")
	f.StringArrayVar(&models, "model", nil, "a model that the key may ask for; once for each (default: all)")
	f.DurationVar(&lifetime, "expires", 0, "after which time it stops, such as 720h (default: never)")
	f.BoolVar(&track, "track-usage", true, "count its usage apart; false sums it up with that of other such keys")
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
				fmt.Fprintln(w, "ID\tNAME\tKEY\tPERMISSION\tCREATED\tLAST USED\tEXPIRES")
				for _, k := range keys {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Redacted, k.Permission, time.Unix(k.Created, 0).Format(time.DateTime), timeOrNever(k.LastUsed), timeOrNever(k.Expires))
				}
				return w.Flush()
			})
		},
	}
	list.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.AddCommand(create, list, updateKeyCommand(a), &cobra.Command{
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

func timeOrNever(seconds *int64) string {
	if seconds == nil {
		return "never"
	}
	return time.Unix(*seconds, 0).Format(time.DateTime)
}

func updateKeyCommand(a *app) *cobra.Command {
	var (
		name, permission     string
		scopes, models       []string
		lifetime             time.Duration
		track                bool
		allModels, unlimited bool
		asJSON               bool
	)
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Change a key; what is not named stays as it is",
		Long:  "Changes a key: its name, what it may do, when it stops. In force within a second on every server.",
		Example: `  parley keys update key_abc --name "build machine"
  parley keys update key_abc --scope "chat.*" --scope models.read --model gpt-4
  parley keys update key_abc --permission all --all-models --never-expires`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := map[string]any{}
			for _, set := range []struct {
				flag, member string
				value        any
			}{{"name", "name", name}, {"permission", "permission", permission}, {"scope", "scopes", scopes}, {"model", "models", models}, {"track-usage", "track_usage", track}} {
				if cmd.Flags().Changed(set.flag) {
					in[set.member] = set.value
				}
			}
			if allModels {
				in["models"] = nil
			}
			switch {
			case unlimited:
				in["expires_at"] = nil
			case lifetime > 0:
				in["expires_at"] = time.Now().Add(lifetime).Unix()
			}
			if len(in) == 0 {
				return &usageError{cmd.CommandPath(), errors.New("say what to change, such as --name")}
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				var k keyObject
				if err := c.call(cmd.Context(), http.MethodPost, "/api/keys/"+url.PathEscape(args[0]), in, &k); err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(k)
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "what the key is for")
	f.StringVar(&permission, "permission", "", "all, read_only or restricted (to what --scope says)")
	f.StringArrayVar(&scopes, "scope", nil, "what the key may do, such as chat.*; once for each")
	f.StringArrayVar(&models, "model", nil, "a model that the key may ask for; once for each")
	f.BoolVar(&allModels, "all-models", false, "let it ask for all models")
	f.DurationVar(&lifetime, "expires", 0, "after which time from now it stops, such as 720h")
	f.BoolVar(&unlimited, "never-expires", false, "let it not stop by itself")
	f.BoolVar(&track, "track-usage", true, "count its usage apart")
	f.BoolVar(&asJSON, "json", false, "print the key as JSON")
	cmd.MarkFlagsMutuallyExclusive("model", "all-models")
	cmd.MarkFlagsMutuallyExclusive("expires", "never-expires")
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
