package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/dump"
)

// Source is an installation that is backed up. All fields are required.
type Source struct {
	DB      *store.DB
	Home    string
	Version string // of Parley
	Clock   clock.Clock
	// Flush writes what was acknowledged, and waits elsewhere, to the database.
	Flush func(ctx context.Context) error
}

// Options of Write.
type Options struct {
	Files bool // files of the home, too
	Key   bool // and the key that opens what is sealed in the database
}

// piece is how large pieces of tables grow, in bytes.
const piece = 4 << 20

// keyFile is the installation's key, see package secrets.
const keyFile = "secret.key"

// Write writes a backup to w. When it fails, what was written lacks a manifest and is refused by every reader.
func (s *Source) Write(ctx context.Context, w io.Writer, o Options) (m Manifest, err error) {
	if err := s.Flush(ctx); err != nil {
		return m, err
	}
	snap, err := dump.Open(ctx, s.DB)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	h := Header{Format: format, Parley: s.Version, CreatedAt: s.Clock.Now().UTC(), Database: string(snap.Dialect), Instance: s.DB.InstanceID(), Files: o.Files}
	if h.Migrations, err = snap.Versions(ctx); err != nil {
		return m, err
	}
	all, err := snap.Tables(ctx)
	if err != nil {
		return m, err
	}
	for _, t := range all {
		if Left[t.Name] == "" {
			h.Tables = append(h.Tables, t)
		}
	}
	out, err := newWriter(w, h.CreatedAt)
	if err != nil {
		return m, err
	}
	if err := out.json(headerName, h); err != nil {
		return m, err
	}
	m.Rows = map[string]int64{}
	for _, t := range h.Tables {
		if m.Rows[t.Name], err = rows(ctx, out, snap, tablesDir+t.Name+"/", t.All(), t.Columns); err != nil {
			return m, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	m.Sealed = m.Rows["secret_keys"] > 0
	if m.Jobs, err = rows(ctx, out, snap, jobsDir, jobs.CarryQuery(snap.Dialect), nil); err != nil {
		return m, fmt.Errorf("jobs: %w", err)
	}
	if o.Files {
		if err := s.files(ctx, out, o.Key, &m); err != nil {
			return m, err
		}
	}
	return m, out.finish(&m)
}

// rows writes the rows of a query as pieces.
func rows(ctx context.Context, out *writer, snap *dump.Snapshot, dir, query string, columns []dump.Column) (n int64, err error) {
	var buf []byte
	number := 0
	flush := func() error {
		err := out.add(fmt.Sprintf("%s%06d", dir, number), buf)
		buf, number = buf[:0], number+1
		return err
	}
	for row, err := range snap.Rows(ctx, query) {
		if err != nil {
			return n, err
		}
		for i := range columns {
			if row[i], err = columns[i].Value(row[i]); err != nil {
				return n, err
			}
		}
		if buf, err = dump.AppendRow(buf, row); err != nil {
			return n, err
		}
		n++
		if len(buf) >= piece {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	if len(buf) > 0 {
		return n, flush()
	}
	return n, nil
}

// unfinished is where the store of contents keeps what is on its way (package blob).
const unfinished = "incoming"

// files writes those of the home that belong to the installation.
func (s *Source) files(ctx context.Context, out *writer, key bool, m *Manifest) error {
	names := []string{"models.json"}
	if key {
		names = append(names, keyFile)
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(s.Home, name)) // #nosec G304 -- our own names
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = out.add(homeDir+name, data)
		}
		if err != nil {
			return err
		}
		m.Key = m.Key || name == keyFile
	}
	root, err := os.OpenRoot(filepath.Join(s.Home, "blobs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && name == unfinished && d.IsDir() {
			return fs.SkipDir
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile: the database's state says whether it is missed
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return out.stream(homeDir+"blobs/"+name, info.Size(), f)
	})
}
