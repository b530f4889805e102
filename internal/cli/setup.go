package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/sandbox"
	"github.com/parley-ai/parley/internal/sandbox/pyenv"
	"github.com/parley-ai/parley/internal/server"
)

func setupCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "setup", Short: "Set up what needs more than a model: code-interpreter"}
	cmd.AddCommand(&cobra.Command{
		Use:   "code-interpreter",
		Short: "Make the Python environment of Code Interpreter, once, with the machine's own pip",
		Long: `Make the Python environment in which Code Interpreter runs code: Python with numpy, pandas, matplotlib, pillow, scipy,
scikit-learn, openpyxl, python-docx, pypdf and sympy, about 470 MB in the cache. It is made once, takes a minute or two, and a
running server uses it from its next request on. It needs Python 3.9 or newer with pip; PARLEY_PYTHON names another than the one on PATH.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			began := time.Now()
			env, err := pyenv.Build(cmd.Context(), cfg.Cache, func(s string) { fmt.Fprintln(cmd.ErrOrStderr(), s) })
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Python %s with %d packages, %s in %s (%s)\n", env.Python, len(env.Packages), bytesText(env.Bytes), short(env.Root), time.Since(began).Round(time.Second))
			text, err := checkSandbox(cmd.Context(), cfg)
			if err != nil {
				return fmt.Errorf("the environment is made, and code cannot run yet: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), text)
			return nil
		},
	})
	return cmd
}

// checkSandbox runs a line of code as Code Interpreter would.
func checkSandbox(ctx context.Context, cfg *config.Config) (string, error) {
	r, err := sandbox.Open(server.SandboxOptions(cfg))
	if err != nil {
		return message(err), errOff
	}
	defer r.Close()
	began := time.Now()
	if err := r.Check(ctx); err != nil {
		return "", fmt.Errorf("%s does not start: %w", r.Kind(), err)
	}
	held := "limits of memory and processes are held by " + r.Limiter()
	if r.Limiter() == "watcher" {
		held += " of this process, ten times a second: there is no cgroup it may write"
	}
	return fmt.Sprintf("%s runs code, ready after %s; %s", r.Kind(), time.Since(began).Round(10*time.Millisecond), held), nil
}

// checkPython says which environment code runs in.
func checkPython(cfg *config.Config) (string, error) {
	env, err := pyenv.Find(cfg.Cache)
	if errors.Is(err, pyenv.ErrMissing) {
		return "Code Interpreter's environment is not made: run `parley setup code-interpreter`", errOff
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s with %d packages in %s", env.Python, len(env.Packages), short(env.Root)), nil
}
