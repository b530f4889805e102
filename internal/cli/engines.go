package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/child"
	"github.com/parley-ai/parley/internal/engine/llama"
	"github.com/parley-ai/parley/internal/engine/llama/capi"
	"github.com/parley-ai/parley/internal/engine/remote"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// engineCommand is what the server starts for each model; nobody calls it by hand.
func engineCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "engine", Short: "Engine processes, started by the server", Hidden: true}
	cmd.AddCommand(&cobra.Command{
		Use:   "llama",
		Short: "Serve one model with llama.cpp to the process that started this one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return child.Main(cmd.Context(), "llama", llama.Open, llama.Preparer{})
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use:   "probe DIRECTORY",
		Short: "Load llama.cpp's libraries and say which they are",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			lib, err := capi.Open(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "llama.cpp %s, %s", lib.Release(), lib.Variant())
			return err
		},
	})
	return cmd
}

// openers are the drivers of this program: local models run in child processes of it.
func openers(cfg *config.Config, log *slog.Logger) map[string]engine.Opener {
	return map[string]engine.Opener{
		"llama":  child.Opener(child.Options{Log: log, HangAfter: cfg.Engine.HangAfter}),
		"remote": remote.Opener(remote.Options{Client: egress.Client(egress.Operator)}),
	}
}

// defaultNames are the small models that `make models` pulls.
var defaultNames = []string{"smollm2-135m-instruct", "all-minilm-l6-v2"}

// library returns the directory of the engine's native libraries; empty when there are none yet.
func library(cfg *config.Config, reg *models.Registry) (dir, name string) {
	if cfg.Engine.Library != "" {
		return cfg.Engine.Library, filepath.Base(cfg.Engine.Library)
	}
	for _, in := range reg.Installed() {
		if in.Kind == catalog.Library && in.Engine == "llama" {
			return in.Dir, in.Name
		}
	}
	return "", ""
}

// preparer changes weights in a child process. Its progress is shown, so only what fails is logged: a line
// between the bars would tear them.
func preparer() engine.Preparer {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return child.Prepare(child.Options{Log: log}, "llama")
}
