package store

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
)

// UnfinishedKey is the setting that marks a database into which rows are still being restored. Open refuses it.
const UnfinishedKey = "restore_unfinished"

// subset is the embedded directory with only some of its migrations.
type subset struct {
	fs.FS
	names []string
}

// Glob implements fs.GlobFS.
func (s subset) Glob(pattern string) (out []string, err error) {
	for _, name := range s.names {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, name)
		}
	}
	return out, nil
}

// Migrations returns the migrations with these numbers, for Options.Migrations: the tables as an older program made them.
// A number that is not known is an error: the rows were written by a newer program.
func Migrations(versions []int64) (fs.FS, error) {
	dir, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	all, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return nil, err
	}
	out := subset{FS: dir}
	for _, version := range versions {
		at := slices.IndexFunc(all, func(name string) bool {
			n, err := strconv.ParseInt(name[:min(4, len(name))], 10, 64)
			return err == nil && n == version
		})
		if at < 0 {
			return nil, fmt.Errorf("it was written by a newer Parley (tables %d are not known here): use that version", version)
		}
		out.names = append(out.names, all[at])
	}
	return out, nil
}
