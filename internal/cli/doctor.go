package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/server"
	"github.com/parley-ai/parley/internal/store"
)

// check is one line of `parley doctor`.
type check struct {
	name string
	// run returns what was found, or an error that says what to do.
	run func(ctx context.Context) (string, error)
}

func doctorCommand(a *app) *cobra.Command {
	var asJSON, running bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check libraries, models, disk, port, database, programs that read files, and sandbox; each line is ok or says what to do",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if running {
				r, err := a.healthOf(cmd)
				if err != nil {
					return err
				}
				return printHealth(cmd.OutOrStdout(), r, asJSON)
			}
			cfg, reg, err := a.models()
			if err != nil {
				return err
			}
			return diagnose(cmd.Context(), cmd.OutOrStdout(), checks(cfg, reg), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVar(&running, "server", false, "what the running server says of itself, as parley admin health")
	return cmd
}

// result is what a check found.
type result struct {
	Check string `json:"check"`
	State string `json:"state"` // ok, off or FAIL
	Text  string `json:"text"`
}

func diagnose(ctx context.Context, out io.Writer, list []check, asJSON bool) error {
	failed := 0
	results := make([]result, len(list))
	for i, c := range list {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		found, err := c.run(ctx)
		cancel()
		r := result{c.name, "ok", found}
		switch {
		case errors.Is(err, errOff):
			r.State = "off"
		case err != nil:
			failed++
			r.State, r.Text = "FAIL", oneLine(message(err))
		}
		results[i] = r
		if !asJSON {
			fmt.Fprintf(out, "%-5s %-10s %s\n", r.State, r.Check, r.Text)
		}
	}
	if asJSON {
		if err := json.NewEncoder(out).Encode(map[string]any{"data": results}); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(list))
	}
	return nil
}

// oneLine is a text without its line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// errOff marks what is not there and is not a failure.
var errOff = errors.New("off")

func checks(cfg *config.Config, reg *models.Registry) []check {
	return []check{
		{"libraries", func(ctx context.Context) (string, error) { return checkLibraries(ctx, cfg, reg) }},
		{"models", func(ctx context.Context) (string, error) { return checkModels(ctx, reg) }},
		{"memory", func(context.Context) (string, error) { return checkMemory(reg) }},
		{"disk", func(context.Context) (string, error) { return checkDisk(cfg) }},
		{"port", func(ctx context.Context) (string, error) { return checkPort(ctx, cfg) }},
		{"database", func(ctx context.Context) (string, error) { return checkDatabase(ctx, cfg) }},
		{"documents", func(context.Context) (string, error) { return checkDocuments() }},
		{"sandbox", func(ctx context.Context) (string, error) { return checkSandbox(ctx, cfg) }},
		{"python", func(context.Context) (string, error) { return checkPython(cfg) }},
	}
}

// checkLibraries loads them in a process of their own: a broken library must not end the doctor.
func checkLibraries(ctx context.Context, cfg *config.Config, reg *models.Registry) (string, error) {
	dir, name := library(cfg, reg)
	if dir == "" {
		return "", errors.New("llama.cpp's libraries are not installed: run `parley pull --defaults`")
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, "engine", "probe", dir)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	info, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s cannot be loaded: %s; `parley pull --defaults` brings libraries that fit", name, strings.TrimSpace(complaint.String()))
	}
	return fmt.Sprintf("%s: %s", name, info), nil
}

func checkModels(ctx context.Context, reg *models.Registry) (string, error) {
	count := 0
	for _, in := range reg.Installed() {
		if in.Kind == catalog.Library {
			continue
		}
		if err := reg.VerifyInstalled(ctx, in, nil); err != nil {
			return "", err
		}
		count++
	}
	chat := reg.Default(catalog.Chat)
	if chat == "" {
		return "", errors.New("no chat model is installed: run `parley pull --defaults`, or configure a remote server")
	}
	return fmt.Sprintf("%d installed and whole; %s answers chats", count, chat), nil
}

func checkMemory(reg *models.Registry) (string, error) {
	total := models.Memory()
	var largest models.Installed
	for _, in := range reg.Installed() {
		if in.Kind != catalog.Library && in.Bytes > largest.Bytes {
			largest = in
		}
	}
	if total > 0 && largest.Bytes > total*9/10 {
		return "", fmt.Errorf("%s takes %s and the machine has %s: pull a smaller one (parley models --catalog)", largest.Name, bytesText(largest.Bytes), bytesText(total))
	}
	return bytesText(total), nil
}

// leastDisk is what a server needs to run for a while: the database, its journal, logs.
const leastDisk = 500 << 20

func checkDisk(cfg *config.Config) (string, error) {
	text := ""
	for _, dir := range []string{cfg.Home, cfg.Cache} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("cannot make %s: %w", short(dir), err)
		}
		probe := filepath.Join(dir, ".doctor")
		if err := os.WriteFile(probe, []byte("x"), 0o600); err != nil {
			return "", fmt.Errorf("cannot write into %s: %w", short(dir), err)
		}
		os.Remove(probe)
		free, err := blobs.Free(dir)
		if err != nil {
			return "", err
		}
		if free < leastDisk {
			return "", fmt.Errorf("only %s free in %s: make room, or choose another directory (--home, --cache)", bytesText(free), short(dir))
		}
		text += fmt.Sprintf("%s free in %s; ", bytesText(free), short(dir))
	}
	return text[:len(text)-2], nil
}

func checkPort(ctx context.Context, cfg *config.Config) (string, error) {
	if socket := server.SocketPath(cfg.Home); server.Alive(socket) {
		var status struct {
			URL string `json:"url"`
		}
		if err := socketClient(socket).call(ctx, http.MethodGet, "/admin/status", nil, &status); err != nil {
			return "", err
		}
		return "this home's server listens on " + status.URL, nil
	}
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return "", fmt.Errorf("cannot listen on %s: %w; stop what uses it, or choose another with --addr", cfg.Addr, err)
	}
	l.Close()
	return cfg.Addr + " is free", nil
}

func checkDatabase(ctx context.Context, cfg *config.Config) (string, error) {
	if socket := server.SocketPath(cfg.Home); server.Alive(socket) {
		if err := socketClient(socket).call(ctx, http.MethodGet, "/readyz", nil, nil); err != nil {
			return "", err
		}
		return "the running server reaches it", nil
	}
	db, err := store.Open(ctx, cfg.DB, store.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	return string(db.Dialect()), nil
}

// checkDocuments looks for the separate programs that read files. What is missing fails the files that need it, not the server.
func checkDocuments() (string, error) {
	var missing []string
	for _, p := range documents.Programs() {
		if p.Path == "" {
			missing = append(missing, fmt.Sprintf("%s is missing, so %s cannot be read (Debian and Ubuntu: apt-get install %s)", p.Name, p.Reads, p.Package))
		}
	}
	if len(missing) > 0 {
		return strings.Join(missing, "; "), errOff
	}
	return "PDF files, scanned ones and images with text can be read", nil
}
