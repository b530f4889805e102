package dump

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Loader fills an empty database. Use it from one goroutine: Begin, Add for every table's rows, Finish; Close always.
type Loader struct {
	url    string
	log    *slog.Logger
	db     *store.DB // PostgreSQL; of SQLite only the file is open while rows go in
	tables map[string]Table

	file    *sql.DB // SQLite
	lite    *sql.Conn
	conn    *pgxpool.Conn // PostgreSQL
	tx      pgx.Tx
	foreign []string           // what makes the foreign keys again
	months  map[string]string  // partitioned tables, and the column that says in which month a row lies
	made    map[[2]string]bool // partitions that are there
}

// Begin makes the tables that the migrations with these numbers make. A PostgreSQL database must be empty, or hold an
// unfinished restore, which begins anew; an SQLite file must not exist.
func Begin(ctx context.Context, url string, versions []int64, log *slog.Logger) (_ *Loader, err error) {
	l := &Loader{url: url, log: log, tables: map[string]Table{}, made: map[[2]string]bool{}}
	migrations, err := store.Migrations(versions)
	if err != nil {
		return nil, err
	}
	path, isFile := strings.CutPrefix(url, "sqlite://")
	if isFile {
		if _, err := os.Stat(path); err == nil {
			return nil, fault.New(fault.Conflict, "There is a database at %s already: restore into another home directory, or move it away.", path)
		}
	} else if err := empty(ctx, url); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if l.db, err = store.Open(ctx, url, store.Options{Migrations: migrations, Unfinished: true, Logger: log}); err != nil {
		return nil, err
	}
	if err := l.db.SetSetting(ctx, store.UnfinishedKey, time.Now().UTC().Format(time.RFC3339)); err != nil {
		return nil, err
	}
	if isFile {
		if err := l.db.Close(); err != nil {
			return nil, err
		}
		l.db = nil
		return l, l.beginFile(ctx, path)
	}
	return l, l.beginPostgres(ctx, versions)
}

// empty refuses a PostgreSQL schema with tables in it, except those of an unfinished restore.
func empty(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("the database %s cannot be reached: %w", store.Redact(url), err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var n int
	if err := conn.QueryRow(ctx, `SELECT COUNT(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	full := fault.New(fault.Conflict, "The database %s is not empty: it has %d tables. Restore into an empty database or schema.", store.Redact(url), n)
	if err := conn.QueryRow(ctx, `SELECT COUNT(*) FROM meta WHERE key = $1`, store.UnfinishedKey).Scan(&n); err != nil || n == 0 {
		return full
	}
	return nil
}

func (l *Loader) beginFile(ctx context.Context, path string) (err error) {
	// Nobody else reads the file, and a half-written one is thrown away: no journal, no waiting for the disk.
	if l.file, err = openFile(path, "journal_mode(OFF)", "synchronous(OFF)", "foreign_keys(0)", "cache_size(-65536)"); err != nil {
		return err
	}
	if l.lite, err = l.file.Conn(ctx); err != nil {
		return err
	}
	if err := l.know(ctx, store.SQLite); err != nil {
		return err
	}
	if err := l.run(ctx, `BEGIN`); err != nil {
		return err
	}
	return l.clear(ctx)
}

// clear removes the rows that migrations and the first start have made. A table without any is left alone: some refuse
// that rows are removed.
func (l *Loader) clear(ctx context.Context) error {
	for name := range l.tables {
		some := false
		for _, err := range l.rows(ctx, `SELECT 1 FROM `+quote(name)+` LIMIT 1`) {
			if err != nil {
				return err
			}
			some = true
		}
		if !some {
			continue
		}
		if err := l.run(ctx, `DELETE FROM `+quote(name)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) beginPostgres(ctx context.Context, versions []int64) (err error) {
	if l.conn, err = l.db.Pool().Acquire(ctx); err != nil {
		return err
	}
	if l.tx, err = l.conn.Begin(ctx); err != nil {
		return err
	}
	have, err := (&Snapshot{Dialect: store.Postgres, tx: l.tx}).Versions(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(have, versions) {
		return fault.New(fault.Conflict, "The database %s holds an unfinished restore of another backup: empty it first.", l.db.URL())
	}
	if err := l.know(ctx, store.Postgres); err != nil {
		return err
	}
	// Foreign keys go away and come back: rows come in any order, and are checked together.
	type key struct{ drop, add string }
	var keys []key
	for row, err := range l.rows(ctx, `SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', c.relname, k.conname),
			format('ALTER TABLE %I ADD CONSTRAINT %I %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
		WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname, k.conname`) {
		if err != nil {
			return err
		}
		keys = append(keys, key{fmt.Sprint(row[0]), fmt.Sprint(row[1])})
	}
	for _, k := range keys {
		if err := l.run(ctx, k.drop); err != nil {
			return err
		}
		l.foreign = append(l.foreign, k.add)
	}
	if err := l.clear(ctx); err != nil {
		return err
	}
	return l.knowMonths(ctx)
}

var byRange = regexp.MustCompile(`^RANGE \(([a-z_]+)\)$`)

// knowMonths finds the partitioned tables. All of ours lie in months of a column of milliseconds.
func (l *Loader) knowMonths(ctx context.Context) error {
	l.months = map[string]string{}
	for row, err := range l.rows(ctx, `SELECT relname::text, pg_get_partkeydef(oid) FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'p'`) {
		if err != nil {
			return err
		}
		m := byRange.FindStringSubmatch(fmt.Sprint(row[1]))
		if m == nil {
			return fmt.Errorf("dump: %s is partitioned by %s, which is not known here", row[0], row[1])
		}
		l.months[fmt.Sprint(row[0])] = m[1]
	}
	return nil
}

// know looks at the tables that the migrations made.
func (l *Loader) know(ctx context.Context, d store.Dialect) error {
	list, err := tables(ctx, d, l.rows)
	for _, t := range list {
		l.tables[t.Name] = t
	}
	return err
}

func (l *Loader) rows(ctx context.Context, query string, args ...any) iter.Seq2[[]any, error] {
	if l.tx != nil {
		return pgRows(ctx, l.tx, query, args)
	}
	return liteRows(ctx, l.lite, query, args)
}

func (l *Loader) run(ctx context.Context, query string, args ...any) (err error) {
	if l.tx != nil {
		_, err = l.tx.Exec(ctx, query, args...)
		return err
	}
	_, err = l.lite.ExecContext(ctx, query, args...)
	return err
}

// Add puts rows into a table, whose columns are those of t.
func (l *Loader) Add(ctx context.Context, t Table, rows [][]any) error {
	have, ok := l.tables[t.Name]
	if !ok {
		return fmt.Errorf("dump: there is no table %s", t.Name)
	}
	columns := make([]Column, len(t.Columns))
	for i, c := range t.Columns {
		at := slices.IndexFunc(have.Columns, func(h Column) bool { return h.Name == c.Name })
		if at < 0 {
			return fmt.Errorf("dump: the table %s has no column %s", t.Name, c.Name)
		}
		columns[i] = have.Columns[at]
	}
	for _, row := range rows {
		for i, v := range row {
			var err error
			if row[i], err = columns[i].Value(v); err != nil {
				return fmt.Errorf("dump: %s.%w", t.Name, err)
			}
		}
	}
	if l.tx == nil {
		return l.insert(ctx, t.Name, columns, rows)
	}
	if err := l.addMonths(ctx, t, rows); err != nil {
		return err
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	_, err := l.tx.CopyFrom(ctx, pgx.Identifier{t.Name}, names, pgx.CopyFromRows(rows))
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	return nil
}

// insert writes rows into SQLite, some at a time.
func (l *Loader) insert(ctx context.Context, table string, columns []Column, rows [][]any) error {
	names, marks := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i], marks[i] = quote(c.Name), "?"
	}
	head, one := `INSERT INTO `+quote(table)+` (`+strings.Join(names, ", ")+`) VALUES `, `(`+strings.Join(marks, ", ")+`)`
	step := max(1, 900/len(columns))
	for some := range slices.Chunk(rows, step) {
		query := head + one + strings.Repeat(", "+one, len(some)-1)
		if err := l.run(ctx, query, slices.Concat(some...)...); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

// addMonths makes the partitions that rows go to, named as package usage names them.
func (l *Loader) addMonths(ctx context.Context, t Table, rows [][]any) error {
	column, ok := l.months[t.Name]
	if !ok {
		return nil
	}
	at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == column })
	if at < 0 {
		return fmt.Errorf("dump: the rows of %s have no %s", t.Name, column)
	}
	for _, row := range rows {
		ms, ok := row[at].(int64)
		if !ok {
			return fmt.Errorf("dump: a row of %s has no time", t.Name)
		}
		day := time.UnixMilli(ms).UTC()
		month := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
		key := [2]string{t.Name, month.Format("200601")}
		if l.made[key] {
			continue
		}
		if err := l.run(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s PARTITION OF %s FOR VALUES FROM (%s) TO (%s)`,
			quote(key[0]+"_"+key[1]), quote(t.Name), strconv.FormatInt(store.Millis(month), 10), strconv.FormatInt(store.Millis(month.AddDate(0, 1, 0)), 10))); err != nil {
			return err
		}
		l.made[key] = true
	}
	return nil
}

// Finish checks and commits what was added, applies newer migrations and returns the database, which is still marked as
// unfinished: see Done. The loader is closed.
func (l *Loader) Finish(ctx context.Context) (_ *store.DB, err error) {
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.mark(ctx); err != nil {
		return nil, err
	}
	if l.tx != nil {
		err = l.finishPostgres(ctx)
	} else {
		err = l.finishFile(ctx)
	}
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, l.url, store.Options{Unfinished: true, Logger: l.log})
}

// mark is in the loaded rows, too: they have taken the place of those of Begin.
func (l *Loader) mark(ctx context.Context) error {
	query := `INSERT INTO meta (key, value, updated_at) VALUES ($1, $2, 0) ON CONFLICT (key) DO NOTHING`
	return l.run(ctx, query, store.UnfinishedKey, time.Now().UTC().Format(time.RFC3339))
}

func (l *Loader) finishFile(ctx context.Context) error {
	for row, err := range l.rows(ctx, `PRAGMA foreign_key_check`) {
		if err != nil {
			return err
		}
		return fmt.Errorf("dump: a row of %v names one of %v that is not there", row[0], row[2])
	}
	return l.run(ctx, `COMMIT`)
}

func (l *Loader) finishPostgres(ctx context.Context) error {
	for _, add := range l.foreign {
		if err := l.run(ctx, add); err != nil {
			return err
		}
	}
	// Numbers that the database gives out go on after those that were loaded.
	var next []string
	for row, err := range l.rows(ctx, `SELECT format('SELECT setval(%L, COALESCE(MAX(%I), 0) + 1, false) FROM %I', seq, attname, relname) FROM (
			SELECT c.relname, a.attname, pg_get_serial_sequence(quote_ident(c.relname), a.attname) AS seq
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
		) s WHERE seq IS NOT NULL AND relname NOT LIKE 'river\_%' AND relname <> 'goose_db_version'`) {
		if err != nil {
			return err
		}
		next = append(next, fmt.Sprint(row[0]))
	}
	for _, query := range next {
		if err := l.run(ctx, query); err != nil {
			return err
		}
	}
	return l.tx.Commit(ctx)
}

// Close gives up what was not finished; after Finish it does nothing.
func (l *Loader) Close() error {
	var errs []error
	if l.tx != nil {
		if err := l.tx.Rollback(context.Background()); !errors.Is(err, pgx.ErrTxClosed) {
			errs = append(errs, err)
		}
		l.tx = nil
	}
	if l.conn != nil {
		l.conn.Release()
		l.conn = nil
	}
	if l.lite != nil {
		errs = append(errs, l.lite.Close())
		l.lite = nil
	}
	if l.file != nil {
		errs = append(errs, l.file.Close())
		l.file = nil
	}
	if l.db != nil {
		errs = append(errs, l.db.Close())
		l.db = nil
	}
	return errors.Join(errs...)
}

// Done takes the mark away: the database is whole.
func Done(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM meta WHERE key = $1`, store.UnfinishedKey)
	return err
}
