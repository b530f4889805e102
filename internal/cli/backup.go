package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-ai/parley/internal/backup"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/server"
	"github.com/parley-ai/parley/internal/store"
)

// told is what the three commands say when they are done.
type told struct {
	File       string           `json:"file,omitempty"`
	Bytes      int64            `json:"bytes,omitempty"`
	Database   string           `json:"database,omitempty"` // that the rows are in now
	Parley     string           `json:"parley"`             // version that wrote the backup
	CreatedAt  time.Time        `json:"created_at"`
	Rows       int64            `json:"rows"`
	Tables     map[string]int64 `json:"tables"`
	Jobs       int64            `json:"jobs"`
	Sealed     bool             `json:"sealed"`
	KeyCarried bool             `json:"key_carried"`
}

func tell(h backup.Header, m backup.Manifest) told {
	return told{Parley: h.Parley, CreatedAt: h.CreatedAt, Rows: m.Total(), Tables: m.Rows, Jobs: m.Jobs, Sealed: m.Sealed, KeyCarried: m.Key}
}

// say prints it: the line, or JSON.
func (t told) say(cmd *cobra.Command, asJSON bool, line string) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(t)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), line)
	return err
}

func backupCommand(a *app) *cobra.Command {
	var withKey, asJSON bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write everything into one file, while the server runs",
		Long: `Write the whole installation into one file: the database, whichever it is, the list of
models and the files. The server may run and work meanwhile; the backup is of the moment
when it began.

Models are not in it: "parley pull" fetches them again. Nor is the configuration, nor,
without --with-key, the key that opens what is sealed in the database (HOME/secret.key):
keep a copy of it elsewhere. The file has everybody's data in it.`,
		Example: "  parley backup parley.backup",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				path := "/admin/backup"
				if withKey {
					path += "?key=true"
				}
				t, err := writeBackup(cmd, c, path, args[0])
				if err != nil {
					return err
				}
				return t.say(cmd, asJSON, fmt.Sprintf("%s: %d rows, %s%s", args[0], t.Rows, bytesText(t.Bytes), keyHint(t)))
			})
		},
	}
	cmd.Flags().BoolVar(&withKey, "with-key", false, "also the key that opens what is sealed: whoever has the file reads all of it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func keyHint(t told) string {
	if !t.Sealed || t.KeyCarried {
		return ""
	}
	return "\nWhat is sealed in it opens only with the key HOME/secret.key (or the setting secret_key): keep a copy of that, too."
}

// writeBackup fetches a backup into a file, which has its name only when it was read back and is whole.
func writeBackup(cmd *cobra.Command, c *client, path, file string) (t told, err error) {
	resp, err := c.send(cmd.Context(), http.MethodGet, path, nil)
	if err != nil {
		return t, err
	}
	defer resp.Body.Close()
	tmp := file + ".part"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600) // #nosec G304 -- the operator names it
	if err != nil {
		return t, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err == nil {
			err = os.Rename(tmp, file)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	show := newTicker(cmd.ErrOrStderr())
	n, err := io.Copy(f, io.TeeReader(resp.Body, show.count(bytesText)))
	show.end()
	if err != nil {
		return t, fmt.Errorf("the backup broke off: %w", err)
	}
	if err := f.Sync(); err != nil {
		return t, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return t, err
	}
	h, m, err := backup.Verify(f)
	if err != nil {
		return t, fmt.Errorf("the backup broke off, the server's log says why: %w", err)
	}
	t = tell(h, m)
	t.File, t.Bytes = file, n
	return t, nil
}

func restoreCommand(a *app) *cobra.Command {
	var check, asJSON bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make an installation again from a backup, in an empty home and database",
		Long: `Read a backup into the home directory and the database of the configuration (--home, --db).
Both must be empty. The whole file is checked before anything is written.

Then put the key that opens what is sealed (HOME/secret.key) into the home, unless the
backup has it, and start "parley serve"; models are fetched again with "parley pull".`,
		Example: "  parley restore parley.backup --home /srv/parley --db postgres://parley@db/parley",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0]) // #nosec G304 -- the operator names it
			if err != nil {
				return err
			}
			defer f.Close()
			h, m, err := backup.Verify(f)
			if err != nil {
				return err
			}
			t := tell(h, m)
			if t.File = args[0]; check {
				return t.say(cmd, asJSON, fmt.Sprintf("%s is whole: %d rows of %s, written by Parley %s", args[0], t.Rows, t.CreatedAt.Format(time.RFC3339), t.Parley))
			}
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return err
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			lock, err := store.LockHome(cfg.Home)
			if err != nil {
				return err
			}
			defer lock.Close()
			if err := load(cmd, f, cfg, backup.Target{DB: cfg.DB, Home: cfg.Home}); err != nil {
				return err
			}
			t.Database = store.Redact(cfg.DB)
			return t.say(cmd, asJSON, fmt.Sprintf("Restored %d rows of %s into %s%s", t.Rows, t.CreatedAt.Format(time.RFC3339), t.Database, keyHint(t)))
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "only read the file and say whether it is whole")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// load restores and shows how far it is.
func load(cmd *cobra.Command, from io.Reader, cfg *config.Config, t backup.Target) error {
	log, err := logger(cfg, cmd.ErrOrStderr(), true)
	if err != nil {
		return err
	}
	show := newTicker(cmd.ErrOrStderr())
	t.Log, t.Tell = log, func(rows int64) { show.at(fmt.Sprintf("%d rows", rows)) }
	_, _, err = backup.Restore(cmd.Context(), from, t)
	show.end()
	return err
}

func migrateCommand(a *app) *cobra.Command {
	var to string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "migrate-db --to URL",
		Short: "Move the database to another one: from SQLite to PostgreSQL, or back",
		Long: `Copy all rows of the configured database into an empty one, in one go, and compare the counts.
The server must not run: what it wrote meanwhile would be lost. The old database stays as it is.

Then set db to the new address and start "parley serve".`,
		Example: "  parley migrate-db --to postgres://parley:PASSWORD@db/parley",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if server.Alive(server.SocketPath(cfg.Home)) {
				return errors.New("a server is running in this home: stop it first, what it writes while rows are copied would be lost")
			}
			if to == cfg.DB {
				return errors.New("--to is the database that is in use already")
			}
			var t told
			err = a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				ctx, cancel := context.WithCancel(cmd.Context())
				defer cancel()
				resp, err := c.send(ctx, http.MethodGet, "/admin/backup?files=false", nil)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				log, err := logger(cfg, cmd.ErrOrStderr(), true)
				if err != nil {
					return err
				}
				show := newTicker(cmd.ErrOrStderr())
				h, m, err := backup.Restore(ctx, resp.Body, backup.Target{DB: to, Log: log, Tell: func(rows int64) { show.at(fmt.Sprintf("%d rows", rows)) }})
				show.end()
				t = tell(h, m)
				return err
			})
			if err != nil {
				return err
			}
			t.Database = store.Redact(to)
			return t.say(cmd, asJSON, fmt.Sprintf("Copied %d rows of %d tables into %s.\nNow set db to it (PARLEY_DB, or db in the configuration) and start the server.", t.Rows, len(t.Tables), t.Database))
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the new database: postgres://USER:PASSWORD@HOST/NAME or sqlite://PATH")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	if err := cmd.MarkFlagRequired("to"); err != nil {
		panic(err) // the flag is of the line above
	}
	return cmd
}

// ticker shows in a terminal how far a long command is; elsewhere it is silent.
type ticker struct {
	out  io.Writer
	last time.Time
	done int64
}

func newTicker(out io.Writer) *ticker {
	if f, ok := out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		out = nil
	}
	return &ticker{out: out}
}

func (t *ticker) at(text string) {
	if t.out == nil || time.Since(t.last) < 200*time.Millisecond {
		return
	}
	t.last = time.Now()
	fmt.Fprintf(t.out, "\r\x1b[K%s", text)
}

func (t *ticker) end() {
	if t.out != nil && !t.last.IsZero() {
		fmt.Fprint(t.out, "\r\x1b[K")
	}
}

// count is a writer that shows how many bytes it got.
func (t *ticker) count(text func(int64) string) io.Writer { return counter{t, text} }

type counter struct {
	*ticker
	text func(int64) string
}

func (c counter) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	c.at(c.text(c.done))
	return len(p), nil
}
