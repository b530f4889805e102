package store

import (
	"context"
	"errors"
	"net/url"
	"time"

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
