package store

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres opens one pgx pool, which database/sql, River's workers and the bus share.
func (db *DB) openPostgres(ctx context.Context, rawURL string) error {
	db.dialect, db.safeURL = Postgres, Redact(rawURL)
	cfg, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		// pgx's text holds the address it could not read, with the password masked; ours is masked already.
		return errors.New("the address cannot be read: write postgres://USER:PASSWORD@HOST:PORT/NAME")
	}
	u, err := url.Parse(rawURL)
	if err != nil || !u.Query().Has("pool_max_conns") {
		cfg.MaxConns = int32(db.opts.MaxConns)
	}
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.HealthCheckPeriod = 30 * time.Second
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	if _, set := cfg.ConnConfig.RuntimeParams["application_name"]; !set {
		cfg.ConnConfig.RuntimeParams["application_name"] = "parley"
	}
	if db.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return db.translate(err)
	}
	db.writer = stdlib.OpenDBFromPool(db.pool)
	db.reader = db.writer
	return db.translate(db.writer.PingContext(ctx))
}

// Redact returns a database address without its password, for messages and logs.
func Redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "(unreadable address)"
	}
	if _, has := u.User.Password(); has {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	for _, k := range []string{"password", "sslpassword"} {
		q.Del(k)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// lockNotAvailable is PostgreSQL's code for a lock that was not had in time.
const lockNotAvailable = "55P03"

// compactPatience is how long Compact waits for readers, in which others wait behind it.
const compactPatience = "500ms"

// Compact has PostgreSQL write a table anew (VACUUM FULL), so that old versions of its rows are nowhere in its files. It reports false when
// somebody is in the way, a backup for instance: that one is waited for a moment only, since everybody else who wants the table waits
// behind it, and it is for the caller to come again. Other databases keep no old versions. The table's name is the program's.
func (db *DB) Compact(ctx context.Context, table string) (done bool, err error) {
	if db.dialect != Postgres {
		return true, nil
	}
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return false, db.translate(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SET lock_timeout = '`+compactPatience+`'`); err != nil {
		return false, db.translate(err)
	}
	_, err = conn.Exec(ctx, `VACUUM FULL `+table)
	if _, again := conn.Exec(context.WithoutCancel(ctx), `RESET lock_timeout`); again != nil {
		// Nobody else gets a connection that gives up so soon.
		err = errors.Join(err, again, conn.Conn().Close(context.WithoutCancel(ctx)))
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == lockNotAvailable {
		return false, nil
	}
	return err == nil, db.translate(err)
}
