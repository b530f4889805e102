package dump

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parley-ai/parley/internal/store"
)

// Snapshot is one state of a database.
type Snapshot struct {
	Dialect store.Dialect

	file *sql.DB // SQLite: a connection of its own
	conn *sql.Conn
	pool *pgxpool.Conn // PostgreSQL
	tx   pgx.Tx
}

// Open takes a snapshot, which holds until Close.
func Open(ctx context.Context, db *store.DB) (_ *Snapshot, err error) {
	s := &Snapshot{Dialect: db.Dialect()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if pool := db.Pool(); pool != nil {
		if s.pool, err = pool.Acquire(ctx); err != nil {
			return nil, err
		}
		s.tx, err = s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		return s, err
	}
	if s.file, err = openFile(strings.TrimPrefix(db.URL(), "sqlite://"), "query_only(1)"); err != nil {
		return nil, err
	}
	if s.conn, err = s.file.Conn(ctx); err != nil {
		return nil, err
	}
	if _, err = s.conn.ExecContext(ctx, `BEGIN`); err != nil {
		return nil, err
	}
	// The snapshot is taken by the first statement that reads.
	var n int
	return s, s.conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM meta`).Scan(&n)
}

// openFile opens an SQLite file for one connection.
func openFile(path string, pragmas ...string) (*sql.DB, error) {
	u := url.URL{Path: path}
	q := url.Values{"_pragma": append([]string{"busy_timeout(5000)"}, pragmas...)}
	db, err := sql.Open("sqlite", "file:"+u.EscapedPath()+"?"+q.Encode())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// Close ends the snapshot.
func (s *Snapshot) Close() error {
	var errs []error
	if s.tx != nil {
		if err := s.tx.Rollback(context.Background()); !errors.Is(err, pgx.ErrTxClosed) {
			errs = append(errs, err)
		}
	}
	if s.pool != nil {
		s.pool.Release()
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.file != nil {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(errs...)
}

// Versions returns the numbers of the migrations that were applied, in their order.
func (s *Snapshot) Versions(ctx context.Context) (out []int64, err error) {
	for row, err := range s.Rows(ctx, `SELECT version_id FROM goose_db_version WHERE is_applied AND version_id > 0 ORDER BY version_id`) {
		if err != nil {
			return nil, err
		}
		version, ok := row[0].(int64)
		if !ok {
			return nil, fmt.Errorf("dump: a migration's number is a %T", row[0])
		}
		out = append(out, version)
	}
	return out, nil
}

// Tables returns the tables that are carried, in the order of their names.
func (s *Snapshot) Tables(ctx context.Context) ([]Table, error) {
	return tables(ctx, s.Dialect, s.Rows)
}

// Rows runs a query and yields its rows: int64, bool, string, []byte, float64 or nil.
func (s *Snapshot) Rows(ctx context.Context, query string, args ...any) iter.Seq2[[]any, error] {
	if s.tx != nil {
		return pgRows(ctx, s.tx, query, args)
	}
	return liteRows(ctx, s.conn, query, args)
}

// All is the query of all rows of a table.
func (t Table) All() string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = quote(c.Name)
	}
	return `SELECT ` + strings.Join(names, ", ") + ` FROM ` + quote(t.Name)
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// rowsOf runs a query.
type rowsOf func(ctx context.Context, query string, args ...any) iter.Seq2[[]any, error]

func pgRows(ctx context.Context, tx pgx.Tx, query string, args []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		rows, err := tx.Query(ctx, query, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			row, err := rows.Values()
			for i, v := range row {
				switch v := v.(type) {
				case int16:
					row[i] = int64(v)
				case int32:
					row[i] = int64(v)
				case uint32: // oid
					row[i] = int64(v)
				case float32:
					row[i] = float64(v)
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

func liteRows(ctx context.Context, conn *sql.Conn, query string, args []any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		rows, err := conn.QueryContext(ctx, query, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			yield(nil, err)
			return
		}
		for rows.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			err := rows.Scan(into...)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// kinds are the types of columns, as the databases write them.
var kinds = map[string]Kind{
	"integer": Int, "bigint": Int, "int": Int, "smallint": Int, "boolean": Bool, "text": Text, "character varying": Text,
	"blob": Bytes, "bytea": Bytes, "real": Real, "double precision": Real,
}

// own says that a table is a tool's, and not carried.
func own(table string) bool { return table == "goose_db_version" || strings.HasPrefix(table, "river_") }

func tables(ctx context.Context, d store.Dialect, rows rowsOf) (out []Table, err error) {
	names, columns := `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`,
		`SELECT name, type FROM pragma_table_xinfo($1) WHERE hidden = 0 ORDER BY cid`
	if d == store.Postgres {
		names = `SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
			AND NOT relispartition ORDER BY relname`
		columns = `SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
			WHERE relnamespace = current_schema()::regnamespace AND relname = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`
	}
	var list []string
	for row, err := range rows(ctx, names) {
		if err != nil {
			return nil, err
		}
		if name, ok := row[0].(string); ok && !own(name) {
			list = append(list, name)
		}
	}
	for _, name := range list {
		t := Table{Name: name}
		for row, err := range rows(ctx, columns, name) {
			if err != nil {
				return nil, err
			}
			column, _ := row[0].(string)
			typ, _ := row[1].(string)
			kind, ok := kinds[strings.ToLower(typ)]
			if !ok {
				return nil, fmt.Errorf("dump: %s.%s has the type %q, which is not in the portable subset", name, column, typ)
			}
			t.Columns = append(t.Columns, Column{column, kind})
		}
		out = append(out, t)
	}
	return out, nil
}

// Value brings a value that was read into the form of its column.
func (c Column) Value(v any) (any, error) {
	v, err := c.Kind.as(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return v, nil
}
