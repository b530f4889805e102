package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/manage"
)

// modelPath is where the server has a model: names of remote ones have slashes, which stay.
func modelPath(list, name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return "/admin/" + list + "/" + strings.Join(parts, "/")
}

// live are the commands on the models of the running server.
func live(a *app, asJSON *bool) []*cobra.Command {
	print := func(cmd *cobra.Command, m manage.Model, text string) error {
		if *asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(m)
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	}
	var wait bool
	load := run("load NAME", "Load a model now, so that the first request does not wait for it", 1, func(cmd *cobra.Command, args []string) error {
		c, err := a.needsServer()
		if err != nil {
			return err
		}
		var m manage.Model
		if err := c.call(cmd.Context(), http.MethodPut, modelPath("loaded", args[0]), nil, &m); err != nil {
			return err
		}
		p := newProgress(cmd.ErrOrStderr())
		m, err = follow(cmd.Context(), c, m, engine.StateLoading, func(m manage.Model) {
			p.update(m.Name, models.Progress{Stage: "load", Done: int64(m.Progress * 100), Total: 100})
		})
		p.close()
		if err != nil {
			return err
		}
		if m.State != engine.StateReady {
			return fmt.Errorf("%s could not be loaded: %s", m.Name, m.Error)
		}
		return print(cmd, m, fmt.Sprintf("%s is loaded and takes %s", m.Name, bytesText(m.Memory)))
	})
	unload := run("unload NAME", "Take a model out of memory when its running requests have ended; new ones wait and then load it again", 1, func(cmd *cobra.Command, args []string) error {
		c, err := a.needsServer()
		if err != nil {
			return err
		}
		var m manage.Model
		if err := c.call(cmd.Context(), http.MethodDelete, modelPath("loaded", args[0]), nil, &m); err != nil {
			return err
		}
		if wait {
			if m, err = follow(cmd.Context(), c, m, manage.StateUnloading, func(manage.Model) {}); err != nil {
				return err
			}
		}
		if m.State == manage.StateUnloading {
			return print(cmd, m, fmt.Sprintf("%s is unloaded when its %d requests have ended", m.Name, m.Active))
		}
		return print(cmd, m, m.Name+" is unloaded")
	})
	unload.Flags().BoolVar(&wait, "wait", true, "wait until it is gone")
	choose := run("default KIND NAME", "Choose which model answers for chat, code or embeddings where no name says another", 2, func(cmd *cobra.Command, args []string) error {
		c, err := a.needsServer()
		if err != nil {
			return err
		}
		var m manage.Model
		if err := c.call(cmd.Context(), http.MethodPut, "/admin/defaults/"+url.PathEscape(args[0]), map[string]string{"model": args[1]}, &m); err != nil {
			return err
		}
		return print(cmd, m, fmt.Sprintf("%s answers for %s now", m.Name, args[0]))
	})
	return []*cobra.Command{load, unload, choose, pulls(a, asJSON), remotes(a, asJSON)}
}

// follow asks again until a model is in another state.
func follow(ctx context.Context, c *client, m manage.Model, while engine.State, told func(manage.Model)) (manage.Model, error) {
	for m.State == while {
		told(m)
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		var all manage.List
		if err := c.call(ctx, http.MethodGet, "/admin/models", nil, &all); err != nil {
			return m, err
		}
		for _, one := range all.Data {
			if one.Name == m.Name {
				m = one
			}
		}
	}
	return m, nil
}

// pulls are what the server brings in the background.
func pulls(a *app, asJSON *bool) *cobra.Command {
	call := func(cmd *cobra.Command, method, path string, in any, use func(map[string]any) error) error {
		c, err := a.needsServer()
		if err != nil {
			return err
		}
		return (&admin{app: a, json: *asJSON}).with(cmd, c, method, path, in, use)
	}
	var in manage.NewPull
	start := run("start NAME", "Have the server pull a model in the background; prints the pull's id", 1, func(cmd *cobra.Command, args []string) error {
		in.Model = args[0]
		return call(cmd, http.MethodPost, "/admin/pulls", in, show(cmd, "id"))
	})
	start.Flags().StringVar(&in.Name, "name", "", "name to serve the model under")
	start.Flags().StringVar(&in.Layout, "layout", "lossless", "how its weights are to lie: lossless, fast or as-is")
	start.Flags().BoolVar(&in.Default, "default", false, "the model answers for the names of its kind when it is there")
	cmd := &cobra.Command{Use: "pulls", Short: "What the running server pulls in the background: list, start, end"}
	cmd.AddCommand(start,
		run("list", "List the pulls since the server was started", 0, func(cmd *cobra.Command, _ []string) error {
			return call(cmd, http.MethodGet, "/admin/pulls", nil, func(out map[string]any) error {
				return printRows(cmd.OutOrStdout(), rowsOf(out), []column{{"ID", "id"}, {"NAME", "name"}, {"STATE", "state"}, {"STAGE", "stage"}, {"BYTES", "done"}, {"OF", "total"}, {"ERROR", "error"}})
			})
		}),
		run("end ID", "Cancel a pull that runs, or forget one that has ended", 1, func(cmd *cobra.Command, args []string) error {
			return call(cmd, http.MethodDelete, "/admin/pulls/"+url.PathEscape(args[0]), nil, quiet)
		}))
	return cmd
}

func remotes(a *app, asJSON *bool) *cobra.Command {
	return run("remotes", "Ask the remote servers that are used as engines whether they answer", 0, func(cmd *cobra.Command, _ []string) error {
		c, err := a.needsServer()
		if err != nil {
			return err
		}
		return (&admin{app: a, json: *asJSON}).with(cmd, c, http.MethodGet, "/admin/remotes?probe=true", nil, func(out map[string]any) error {
			return printRows(cmd.OutOrStdout(), rowsOf(out), []column{{"NAME", "name"}, {"STATE", "state"}, {"URL", "url"}, {"ERROR", "error"}})
		})
	})
}

func removeCommand(a *app) *cobra.Command {
	var files bool
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a model out of this home; files in the shared cache stay unless --files",
		Long: `Take a model out of this home. Its files in the cache, which other homes may use, stay there.

With --files they are deleted, except those that another model of this home, or another home that uses the cache, has. A running server
unloads the model when its running requests have ended.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeWith(a, installedNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := a.remove(cmd.Context(), args[0], files)
			if err != nil {
				return err
			}
			for _, f := range out {
				text := "freed " + bytesText(f.Bytes)
				if f.Kept != "" {
					text = "kept: " + f.Kept
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", f.Name, text)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&files, "files", false, "also delete its files in the cache, except those that others use")
	return cmd
}

// remove takes a model out through the running server, which then unloads it and leaves a line in the audit log, or else
// out of the home's files.
func (a *app) remove(ctx context.Context, name string, files bool) ([]models.RemovedFile, error) {
	c, err := a.needsServer()
	if err == nil {
		var out manage.Removed
		err = c.call(ctx, http.MethodDelete, fmt.Sprintf("%s?files=%t", modelPath("models", name), files), nil, &out)
		return out.Files, err
	}
	_, reg, err := a.models()
	if err != nil {
		return nil, err
	}
	if files {
		return reg.RemoveWithFiles(ctx, name)
	}
	return nil, reg.Remove(ctx, name)
}
