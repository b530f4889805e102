package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/models"
)

// layoutFlags are the three choices of how weights lie, of which at most one may be given.
type layoutFlags struct{ lossless, fast, asIs bool }

func (l *layoutFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&l.lossless, "lossless", false, "8-bit weights (Q8_0) where that is faster here: keeps what the model knows (default)")
	f.BoolVar(&l.fast, "fast", false, "4-bit weights (Q4_0): fastest, loses a little")
	f.BoolVar(&l.asIs, "as-is", false, "leave the weights as they were published")
	cmd.MarkFlagsMutuallyExclusive("lossless", "fast", "as-is")
}

func (l *layoutFlags) layout() string {
	switch {
	case l.fast:
		return models.LayoutFast
	case l.asIs:
		return models.LayoutAsIs
	}
	return models.LayoutLossless
}

func pullCommand(a *app) *cobra.Command {
	var (
		layout   layoutFlags
		defaults bool
		name     string
	)
	cmd := &cobra.Command{
		Use:   "pull [NAME…]",
		Short: "Bring a model here: from the catalog, a hub, a URL or a file",
		Long: `Bring a model here, check its sha256, and prepare it for this machine's CPU.

NAME is a name of the catalog (parley models --catalog), hf:OWNER/REPO[:FILE], a URL of a GGUF file, or the path of one.
Pulls from hubs and URLs go on where they were cut off; what is already in the cache needs no network.`,
		ValidArgsFunction: completeWith(a, catalogNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if defaults {
				args = append(slices.Clone(defaultNames), args...)
			}
			if len(args) == 0 {
				return &usageError{cmd.CommandPath(), errors.New("name a model, or give --defaults")}
			}
			if name != "" && len(args) != 1 {
				return &usageError{cmd.CommandPath(), errors.New("--name goes with one model")}
			}
			cfg, reg, err := a.models()
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr())
			pulled, err := pullAll(cmd.Context(), cfg, reg, args, name, layout.layout(), p)
			p.close()
			for _, in := range pulled {
				fmt.Fprintln(cmd.OutOrStdout(), pulledLine(in))
			}
			return err
		},
	}
	layout.add(cmd)
	cmd.Flags().BoolVar(&defaults, "defaults", false, "the small default models and the engine's libraries")
	cmd.Flags().StringVar(&name, "name", "", "name to serve the model under")
	return cmd
}

// pullAll pulls one after the other; the libraries come first, because preparing a model needs them.
func pullAll(ctx context.Context, cfg *config.Config, reg *models.Registry, refs []string, name, layout string, p *progress) ([]models.Installed, error) {
	opts := func(ref string) models.PullOptions {
		return models.PullOptions{Layout: layout, Progress: func(r models.Progress) { p.update(filepath.Base(ref), r) }}
	}
	if dir, _ := library(cfg, reg); dir == "" {
		if _, err := reg.PullLibrary(ctx, opts("llama.cpp")); err != nil {
			return nil, err
		}
	}
	var pulled []models.Installed
	for _, ref := range refs {
		o := opts(ref)
		o.Name, o.Preparer = name, preparer()
		in, err := reg.Pull(ctx, ref, o)
		if err != nil {
			return pulled, err
		}
		pulled = append(pulled, in)
	}
	return pulled, nil
}

// pulledLine says what was installed and what preparing it changed.
func pulledLine(in models.Installed) string {
	line := fmt.Sprintf("%s: %s", in.Name, bytesText(in.Bytes))
	if in.Weights != "" {
		line += ", " + in.Weights
	}
	if s := scoreText(in); s != "" {
		line += ", " + s
	}
	return line
}

// scoreText shows the log-likelihood of the fixed text before and after the preparation.
func scoreText(in models.Installed) string {
	p := in.Prepared
	if p == nil || p.ScoreBefore == nil || p.ScoreAfter == nil {
		return ""
	}
	return fmt.Sprintf("log-likelihood %.2f → %.2f", *p.ScoreBefore, *p.ScoreAfter)
}

func prepareCommand(a *app) *cobra.Command {
	var layout layoutFlags
	cmd := &cobra.Command{
		Use:               "prepare NAME",
		Short:             "Make a pulled model's weights anew in another layout",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeWith(a, installedNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, reg, err := a.models()
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr())
			in, err := reg.Prepare(cmd.Context(), args[0], models.PullOptions{
				Layout: layout.layout(), Preparer: preparer(),
				Progress: func(r models.Progress) { p.update(args[0], r) },
			})
			p.close()
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), pulledLine(in))
			return nil
		},
	}
	layout.add(cmd)
	return cmd
}

func convertCommand(a *app) *cobra.Command {
	var q8 bool
	cmd := &cobra.Command{
		Use:   "convert DIRECTORY FILE.gguf",
		Short: "Turn a BERT-like embedding model (safetensors, tokenizer, config.json) into GGUF",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			weights := "f16"
			if q8 {
				weights = "q8_0"
			}
			p := newProgress(cmd.ErrOrStderr())
			defer p.close()
			return models.Convert(cmd.Context(), args[0], args[1], weights, func(r models.Progress) { p.update(filepath.Base(args[1]), r) })
		},
	}
	cmd.Flags().BoolVar(&q8, "q8", false, "8-bit weights instead of 16-bit")
	return cmd
}
