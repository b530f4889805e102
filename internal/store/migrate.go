package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var embedded embed.FS

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

// migrate brings the tables up to date. Several servers that start at once on PostgreSQL take turns.
func (db *DB) migrate(ctx context.Context) error {
	dir := db.opts.Migrations
	if dir == nil {
		var err error
		if dir, err = fs.Sub(embedded, "migrations"); err != nil {
			return err
		}
	}
	migrations, newest, err := loadMigrations(dir, db.dialect)
	if err != nil {
		return err
	}
	// Numbers are given out in ranges to those who work side by side, so a lower one may come later.
	opts := []goose.ProviderOption{
		goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true),
		goose.WithAllowOutofOrder(true), goose.WithSlog(db.log),
	}
	dialect := goose.DialectSQLite3
	if db.dialect == Postgres {
		dialect = goose.DialectPostgres
		// Ask every second for five minutes.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, db.writer, nil, opts...)
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return db.translate(err)
	}
	if have > newest {
		return fmt.Errorf("it was written by a newer Parley (tables %d, this program knows %d): use that version, or restore a backup", have, newest)
	}
	_, err = p.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return fmt.Errorf("migration %d: %w", partial.Failed.Source.Version, db.translate(partial.Err))
	}
	return db.translate(err)
}

// loadMigrations reads the directory, in the text for one database.
func loadMigrations(dir fs.FS, d Dialect) (out []*goose.Migration, newest int64, err error) {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return nil, 0, err
	}
	seen := map[int64]string{}
	for _, name := range names {
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			return nil, 0, fmt.Errorf("migration %s: the name must be NNNN_words.sql", name)
		}
		version, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || version == 0 {
			return nil, 0, fmt.Errorf("migration %s: numbers start at 0001", name)
		}
		if other, dup := seen[version]; dup {
			return nil, 0, fmt.Errorf("migrations %s and %s have the same number", other, name)
		}
		seen[version] = name
		newest = max(newest, version)
		text, err := fs.ReadFile(dir, path.Clean(name))
		if err != nil {
			return nil, 0, err
		}
		query, err := forDialect(string(text), d)
		if err != nil {
			return nil, 0, fmt.Errorf("migration %s: %w", name, err)
		}
		out = append(out, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, query)
			return err
		}}, nil))
	}
	return out, newest, nil
}

var onlyMark = regexp.MustCompile(`^(.*?)\s*--\s*only:\s*(\S*)\s*$`)

// forDialect drops the lines that are marked for the other database.
func forDialect(text string, d Dialect) (string, error) {
	var b strings.Builder
	block := Dialect("") // of the open block
	for n, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "-- end only" {
			if block == "" {
				return "", fmt.Errorf("line %d: `-- end only` without `-- only:`", n+1)
			}
			block = ""
			continue
		}
		if m := onlyMark.FindStringSubmatch(line); m != nil {
			want := Dialect(m[2])
			if want != SQLite && want != Postgres {
				return "", fmt.Errorf("line %d: `-- only: %s`: write postgres or sqlite", n+1, m[2])
			}
			if block != "" {
				return "", fmt.Errorf("line %d: `-- only:` inside a block of `-- only: %s`", n+1, block)
			}
			if m[1] == "" {
				block = want
				continue
			}
			if want != d {
				continue
			}
			line = m[1]
		}
		if block == "" || block == d {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	if block != "" {
		return "", fmt.Errorf("the block `-- only: %s` has no `-- end only`", block)
	}
	return b.String(), nil
}
