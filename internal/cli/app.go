package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/obs"
	"github.com/parley-ai/parley/internal/server"
)

// Version is set by the linker.
var Version = "dev"

// app is what the commands share.
type app struct {
	file   string // --config
	flags  map[string]*pflag.Flag
	loaded *config.Config // nil until config was called
}

// globals are the settings that have a flag on every command: flag name → key of the configuration.
var globals = map[string]string{
	"addr":      "addr",
	"home":      "home",
	"cache":     "cache",
	"db":        "db",
	"log-level": "log.level",
}

// Run runs the program with its arguments and returns its exit code.
func Run(ctx context.Context, args []string) int {
	a := &app{flags: map[string]*pflag.Flag{}}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return 130
	}
	fmt.Fprintln(root.ErrOrStderr(), "parley: "+message(err)+a.hint(err))
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(root.ErrOrStderr(), "`%s --help` says more.\n", usage.command)
		return 2
	}
	return 1
}

// message is an error as a person should read it: a fault's own message, without the path of calls
// that it took, and the cause when there is one.
func message(err error) string {
	if path := denied(err); path != nil && fault.As(err) == nil {
		return path.Error()
	}
	return fault.Words(err)
}

// hint says what to do about a home or cache that cannot be written.
func (a *app) hint(err error) string {
	path := denied(err)
	if a.loaded == nil || path == nil {
		return ""
	}
	for flag, dir := range map[string]string{"--home": a.loaded.Home, "--cache": a.loaded.Cache} {
		if path.Path == dir || strings.HasPrefix(path.Path, dir+string(filepath.Separator)) {
			return fmt.Sprintf("; give this user the right to write there, or choose another directory with %s", flag)
		}
	}
	return ""
}

// denied returns which file this user may not read or write, or nil.
func denied(err error) *fs.PathError {
	var path *fs.PathError
	if errors.As(err, &path) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return path
	}
	return nil
}

// usageError is a command that was called wrong.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "parley",
		Short:         "The OpenAI platform of 2022–2024, self-hosted, on open models",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       Version,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{cmd.CommandPath(), err}
	})
	f := root.PersistentFlags()
	f.StringVar(&a.file, "config", "", "configuration file (PARLEY_CONFIG; default config.yaml in the home directory)")
	f.String("addr", "", "address to listen on (PARLEY_ADDR; default 127.0.0.1:8080)")
	f.String("home", "", "directory of the database, files and keys (PARLEY_HOME; default ~/.parley)")
	f.String("cache", "", "directory of models and libraries (PARLEY_CACHE)")
	f.String("db", "", "database: sqlite://PATH or postgres://… (PARLEY_DB)")
	f.String("log-level", "", "debug, info, warn or error (PARLEY_LOG_LEVEL)")
	for name := range globals {
		a.flags[name] = f.Lookup(name)
	}
	root.AddCommand(
		serveCommand(a), pullCommand(a), removeCommand(a), modelsCommand(a), prepareCommand(a), convertCommand(a),
		keysCommand(a), filesCommand(a), adminCommand(a), importCommand(a), usageCommand(a), signinCommand(a), calendarCommand(a), limitsCommand(a), backupCommand(a), restoreCommand(a), migrateCommand(a), chatCommand(a), tokensCommand(a), setupCommand(a), doctorCommand(a), configCommand(a), versionCommand(), engineCommand(),
	)
	// cobra adds its own two only when it runs, too late for what follows.
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range allCommands(root) {
		if c.Name() == "help" {
			c.Args = helpTopic
		}
		if c.HasSubCommands() && c.RunE == nil {
			c.Args, c.RunE = subcommand, help
			c.Annotations = map[string]string{group: "yes"}
		}
		c.Args = usageArgs(c.Args)
	}
	// A command that only has others is not called alone.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", `{{if and .Runnable (not (index .Annotations "`+group+`"))}}`, 1))
	return root
}

// group marks commands that only have others.
const group = "group"

// subcommand refuses what is no command of a group of commands.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", cmd.CommandPath()+" "+args[0])
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// helpTopic refuses help about what is no command.
func helpTopic(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil || found.HasSubCommands() && len(rest) > 0 {
		return subcommand(found, rest)
	}
	return nil
}

func allCommands(c *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		out = append(out, allCommands(sub)...)
	}
	return out
}

// usageArgs makes wrong arguments, and flags that exclude each other, a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			err = cmd.ValidateFlagGroups()
		}
		if err != nil {
			return &usageError{cmd.CommandPath(), err}
		}
		return nil
	}
}

// models loads the configuration and opens the home's models.
func (a *app) models() (*config.Config, *models.Registry, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	reg, err := models.Open(server.ModelOptions(cfg, nil))
	return cfg, reg, err
}

// config loads the configuration with the flags that were given.
func (a *app) config() (*config.Config, error) {
	given := map[string]any{}
	for name, key := range globals {
		if f := a.flags[name]; f.Changed {
			given[key] = f.Value.String()
		}
	}
	cfg, err := config.Load(config.Options{File: a.file, Environ: os.Environ(), Flags: given})
	a.loaded = cfg
	return cfg, err
}

// logger writes to out. Commands other than serve only say what went wrong, and so does serve in a
// terminal, where its banner is read, unless the level was chosen.
func logger(cfg *config.Config, out io.Writer, quiet bool) (*slog.Logger, error) {
	level := cfg.Log.Level
	if quiet && !chosen(cfg, "log.level") {
		level = "warn"
	}
	return obs.NewLogger(obs.LogOptions{Level: level, Format: cfg.Log.Format, Output: out, RequestID: httpapi.RequestID})
}

// chosen reports whether somebody set the setting.
func chosen(cfg *config.Config, key string) bool {
	for _, s := range cfg.Settings() {
		if s.Key == key {
			return s.Source != "default"
		}
	}
	return false
}

// withServer calls f with a client of the home's server as its owner: the running one, or one that is
// started without a network port for this command and logs to logs.
func (a *app) withServer(ctx context.Context, logs io.Writer, f func(*client) error) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	socket := server.SocketPath(cfg.Home)
	if server.Alive(socket) {
		return f(socketClient(socket))
	}
	log, err := logger(cfg, logs, true)
	if err != nil {
		return err
	}
	s, err := server.New(ctx, server.Options{Config: cfg, Log: log, Version: Version, Openers: openers(cfg, log)})
	if err != nil {
		return err
	}
	if err := s.ListenSocket(); err != nil {
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	err = f(socketClient(socket))
	return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
}

// short replaces the user's home directory by ~, for printing.
func short(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}
