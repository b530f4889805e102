package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/dump"
)

// Target is where a backup is restored to. All fields are required but Home, Tell and Log.
type Target struct {
	DB   string           // address of the database: sqlite:// or postgres://
	Home string           // empty: no files are restored
	Tell func(rows int64) // how many rows are in so far
	Log  *slog.Logger
}

// unfinishedFile marks a home into which a backup is being restored.
const unfinishedFile = "restore-unfinished"

// Finished refuses a home in which a restore did not end.
func Finished(home string) error {
	if _, err := os.Stat(filepath.Join(home, unfinishedFile)); err == nil {
		return fault.New(fault.Conflict, "The restore into the home directory %s did not finish: run `parley restore` again, which begins anew.", home)
	}
	return nil
}

// CheckEmpty refuses a home that holds an installation, except what an unfinished restore left there.
func (t Target) CheckEmpty() error {
	if t.Home == "" || Finished(t.Home) != nil {
		return nil
	}
	for _, name := range []string{"models.json", "blobs", "usage", "parley.db"} {
		path := filepath.Join(t.Home, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && info.IsDir() {
			list, err := os.ReadDir(path)
			if err == nil && len(list) == 0 {
				continue
			}
		}
		return fault.New(fault.Conflict, "The home directory %s is not empty: there is %s. Restore into another one, or move it away.", t.Home, name)
	}
	return nil
}

// Restore reads a backup into an empty home and database. The caller holds the home's lock. When it fails or dies, no
// server starts there, and it can be run again.
func Restore(ctx context.Context, from io.Reader, t Target) (h Header, m Manifest, err error) {
	if err := t.CheckEmpty(); err != nil {
		return h, m, err
	}
	// SQLite gets its name when it is whole.
	url, path := t.DB, ""
	if rest, ok := strings.CutPrefix(t.DB, "sqlite://"); ok {
		path = rest
		if _, err := os.Stat(path); err == nil {
			return h, m, fault.New(fault.Conflict, "There is a database at %s already: restore into another home directory, or move it away.", path)
		}
		if err := removeDB(path + ".restoring"); err != nil {
			return h, m, err
		}
		url = "sqlite://" + path + ".restoring"
	}
	r := &restore{target: t, url: url, counts: map[string]int64{}, wrote: t.Home != "" && Finished(t.Home) != nil}
	if err := r.mark(); err != nil {
		return h, m, err
	}
	defer func() {
		err = errors.Join(err, r.close())
		if err != nil {
			err = errors.Join(err, r.undo(path))
		}
	}()
	h, m, err = read(from, func(h Header) error { return r.begin(ctx, h) }, func(name string, size int64, content io.Reader) error {
		return r.entry(ctx, name, size, content)
	})
	if err != nil {
		return h, m, err
	}
	if !maps.Equal(r.counts, m.Rows) || int64(len(r.jobs)) != m.Jobs {
		return h, m, errDamaged(fmt.Errorf("rows: read %v and %d jobs, the manifest has %v and %d", r.counts, len(r.jobs), m.Rows, m.Jobs))
	}
	return h, m, r.finish(ctx, path)
}

// removeDB removes an SQLite database.
func removeDB(path string) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + end); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// undo removes what a restore that failed has made. PostgreSQL keeps its own mark, and a home its mark when there are files.
func (r *restore) undo(path string) error {
	var errs []error
	if path != "" {
		errs = append(errs, removeDB(path+".restoring")) // a full disk is free again
	}
	if r.target.Home != "" && !r.wrote {
		errs = append(errs, os.Remove(filepath.Join(r.target.Home, unfinishedFile)))
	}
	return errors.Join(errs...)
}

// restore is one on its way.
type restore struct {
	wrote  bool // files into the home
	target Target
	url    string
	loader *dump.Loader
	tables map[string]dump.Table
	counts map[string]int64
	total  int64
	jobs   [][]any
}

func (r *restore) mark() error {
	if r.target.Home == "" {
		return nil
	}
	if err := os.MkdirAll(r.target.Home, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.target.Home, unfinishedFile), []byte("A restore into this directory has begun and not ended.\n"), 0o600)
}

func (r *restore) begin(ctx context.Context, h Header) (err error) {
	r.tables = map[string]dump.Table{}
	for _, t := range h.Tables {
		if len(t.Columns) == 0 {
			return errDamaged(fmt.Errorf("the table %s has no columns", t.Name))
		}
		r.tables[t.Name], r.counts[t.Name] = t, 0
	}
	r.loader, err = dump.Begin(ctx, r.url, h.Migrations, r.target.Log)
	return err
}

func (r *restore) close() error {
	if r.loader == nil {
		return nil
	}
	return r.loader.Close()
}

func (r *restore) entry(ctx context.Context, name string, size int64, content io.Reader) error {
	if rest, ok := strings.CutPrefix(name, homeDir); ok {
		if r.target.Home == "" {
			return nil
		}
		return r.file(rest, content)
	}
	if size > maxEntry {
		return errDamaged(fmt.Errorf("%s has %d bytes", name, size))
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return errDamaged(err)
	}
	if strings.HasPrefix(name, jobsDir) {
		return some(data, len(jobs.Carried), func(rows [][]any) error {
			r.jobs = append(r.jobs, rows...)
			return nil
		})
	}
	rest, ok := strings.CutPrefix(name, tablesDir)
	table, _, _ := strings.Cut(rest, "/")
	t, known := r.tables[table]
	if !ok || !known {
		return errDamaged(fmt.Errorf("the entry %q is not known", name))
	}
	return some(data, len(t.Columns), func(rows [][]any) error {
		if err := r.loader.Add(ctx, t, rows); err != nil {
			return err
		}
		r.counts[table] += int64(len(rows))
		r.total += int64(len(rows))
		if r.target.Tell != nil {
			r.target.Tell(r.total)
		}
		return nil
	})
}

// some gives the rows of a piece to use, some thousand at a time.
func some(data []byte, width int, use func(rows [][]any) error) error {
	for len(data) > 0 {
		rows, rest, err := dump.Rows(data, width, 5000)
		if err != nil {
			return errDamaged(err)
		}
		if err := use(rows); err != nil {
			return err
		}
		data = rest
	}
	return nil
}

// file writes one of the home's, under a temporary name first.
func (r *restore) file(name string, content io.Reader) (err error) {
	if name != "models.json" && name != keyFile && !(strings.HasPrefix(name, "blobs/") && fs.ValidPath(name) && filepath.IsLocal(filepath.FromSlash(name))) {
		return errDamaged(fmt.Errorf("a file %q does not belong into a home", name))
	}
	path := filepath.Join(r.target.Home, filepath.FromSlash(name))
	r.wrote = true
	if name == keyFile {
		if have, err := os.ReadFile(path); err == nil { // #nosec G304 -- our own name
			data, err := io.ReadAll(content)
			if err == nil && string(data) != string(have) {
				err = fault.New(fault.Conflict, "The home has another %s than the backup: move it away first.", keyFile)
			}
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path+".restoring", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // #nosec G304 -- checked above
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".restoring"))
	}
	return os.Rename(path+".restoring", path)
}

// finish makes the database whole and takes the marks away. path is SQLite's own name.
func (r *restore) finish(ctx context.Context, path string) error {
	db, err := r.loader.Finish(ctx)
	if err != nil {
		return err
	}
	err = jobs.Prepare(ctx, db, r.target.Log)
	if err == nil {
		err = db.Tx(ctx, func(tx *store.Tx) error {
			if err := jobs.Carry(ctx, db, tx, r.jobs); err != nil {
				return err
			}
			return dump.Done(ctx, tx)
		})
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if path != "" {
		if err := settle(path); err != nil {
			return err
		}
	}
	if r.target.Home == "" {
		return nil
	}
	return os.Remove(filepath.Join(r.target.Home, unfinishedFile))
}

// settle gives a restored SQLite file its name, once it is on the disk.
func settle(path string) error {
	f, err := os.OpenFile(path+".restoring", os.O_RDWR, 0o600) // #nosec G304 -- the operator's own
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".restoring", path)
}
