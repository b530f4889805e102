package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/server"
)

func serveCommand(a *app) *cobra.Command {
	var yes, ask, smoke bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is interrupted; running answers may finish (shutdown_grace).

With only the small default model, Parley looks for a better one: servers on this machine, model files in their caches, and
the best catalog model for this machine's memory. In a terminal it asks, once for each offer; --ask asks again, --yes takes the
best offer, --smoke asks nothing and looks for nothing. Without a terminal nothing is asked, and the model that was chosen last
answers.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			terminal := isTerminal(cmd.InOrStdin()) && isTerminal(cmd.OutOrStdout())
			if ask && !terminal {
				return &usageError{cmd.CommandPath(), errors.New("--ask needs a terminal")}
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return serve(cmd, cfg, offering(terminal, ask, yes), !smoke)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "take the best offer of a better model without asking")
	cmd.Flags().BoolVar(&ask, "ask", false, "ask for a better model again, also what was declined before")
	cmd.Flags().BoolVar(&smoke, "smoke", false, "look for no better model: the small one is enough")
	cmd.MarkFlagsMutuallyExclusive("yes", "ask", "smoke")
	return cmd
}

// offers says how a better model is looked for.
type offers int

const (
	offerNothing offers = iota
	offerNew            // ask, unless all was declined before
	offerAgain          // ask
	offerTake
)

func offering(terminal, ask, yes bool) offers {
	switch {
	case yes:
		return offerTake
	case ask:
		return offerAgain
	case terminal:
		return offerNew
	}
	return offerNothing
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ballast is never touched, so that it takes no memory; the garbage collector counts it as kept and
// runs after some 40 MB of garbage. Of the 5 MB that the server itself holds it would run thirty times a
// second under load, which was a tenth of all it did.
const ballast = 32 << 20

func serve(cmd *cobra.Command, cfg *config.Config, mode offers, look bool) error {
	defer runtime.KeepAlive(make([]byte, ballast))
	ctx := cmd.Context()
	log, err := logger(cfg, cmd.ErrOrStderr(), isTerminal(cmd.OutOrStdout()) && isTerminal(cmd.ErrOrStderr()))
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		log.WarnContext(ctx, w)
	}
	s, err := server.New(ctx, server.Options{Config: cfg, Log: log, Version: Version, Openers: openers(cfg, log), Preparer: preparer()})
	if err != nil {
		return err
	}
	failed, err := s.Start(ctx)
	if err != nil {
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	out := cmd.OutOrStdout()
	if err := banner(context.WithoutCancel(ctx), out, s); err != nil {
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	if look {
		go lookAround(ctx, cmd.InOrStdin(), out, s, mode)
	}
	select {
	case <-ctx.Done():
		fmt.Fprintf(out, "\nEnding; running answers have %s to finish. Ctrl+C again ends at once.\n", cfg.ShutdownGrace)
	case err = <-failed:
	}
	return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
}

// banner prints how to reach the server.
func banner(ctx context.Context, out io.Writer, s *server.Server) error {
	link, err := s.SignInLink(ctx)
	if err != nil {
		return err
	}
	key, err := s.FirstKey(ctx)
	if err != nil {
		return err
	}
	// The old documentation's form: HTTP basic with the key as password, which keeps the lines short.
	shown := `":$OPENAI_API_KEY"`
	self := commandName()
	fmt.Fprintf(out, "Parley answers on %s\n\n", s.URL())
	fmt.Fprintf(out, "  browser  %s\n           (signs in once, within 15 minutes; `%s signin` prints another)\n", link, self)
	if key != "" {
		shown = ":" + key
		fmt.Fprintf(out, "  API key  %s\n           (shown only this once; `%s keys create --name NAME` makes others)\n", key, self)
	} else {
		fmt.Fprintf(out, "  API key  was made before; `%s keys create --name NAME` makes another\n", self)
	}
	fmt.Fprintf(out, `  try      curl %s/v1/chat/completions \
             -u %s \
             -H 'Content-Type: application/json' \
             -d '{"model": "gpt-3.5-turbo",
                  "max_tokens": 60,
                  "messages": [{"role": "user", "content": "Hello!"}]}'
`, s.URL(), shown)
	if served := s.Models.Default(catalog.Chat); served != "" {
		fmt.Fprintf(out, "  model    %s answers as gpt-3.5-turbo and gpt-4%s\n", served, small(served))
	} else {
		fmt.Fprintf(out, "  model    none is installed: `%s pull --defaults` brings a small one\n", self)
	}
	fmt.Fprintf(out, "  privacy  %s\n\n", s.Privacy(self))
	return nil
}

// commandName is how this program was called when that was by a short path, as `make run` calls
// bin/parley: the commands that are printed shall work when pasted.
func commandName() string {
	if name := os.Args[0]; strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) && len(name) < 20 {
		return name
	}
	return "parley"
}

func small(served string) string {
	if served == defaultNames[0] {
		return "\n           (it is small and knows little)"
	}
	return ""
}
