// Package store is Parley's way to its database: one SQL text for SQLite and PostgreSQL.
//
// # SQL
//
// Statements are written by hand in the portable subset, with $1, $2 … for arguments; for SQLite
// they are rewritten to ? or ?1, ?2 … once and kept. The subset: TEXT ids made by package ids, BIGINT
// times in milliseconds (Millis, Time), BOOLEAN, JSON as TEXT (JSON), `ON CONFLICT`, `RETURNING`,
// row values, `FILTER`, `IS NOT DISTINCT FROM`, `->>`, partial indexes. Not in it: now(), greatest(),
// `= ANY(array)`, `FOR UPDATE`, DELETE or UPDATE inside WITH. A place that needs a dialect asks
// DB.Dialect; outside this package there are at most 15 of these.
//
// Only files named sql*.go and constructors use this package; nobody outside imports database/sql
// (package jobs hands River what SQLTx and SQLDB give).
//
// # Reading and writing
//
//	err := db.Tx(ctx, func(tx *store.Tx) error {        // writes: one transaction
//		_, err := tx.Exec(ctx, `INSERT INTO chats (id, org_id) VALUES ($1, $2)`, id, a.Org)
//		return err
//	})
//	err := db.Read().QueryRow(ctx, `SELECT title FROM chats WHERE id = $1`, id).Scan(&title)
//
// On SQLite there is a pool of readers (WAL: they never wait) and ONE writer, which transactions
// take in turn, first come first served; waiting ends with ctx or after Options.WriteWait. So a
// transaction must be short, must not call a model or the network, and must not call DB.Tx or
// DB.Exec inside itself (it would wait for itself until WriteWait). On PostgreSQL transactions run
// side by side at READ COMMITTED; a serialization failure or deadlock runs the function again, so it
// must have no effects but those on tx: put hints and messages into Tx.AfterCommit. A statement that
// fails ends its transaction on both databases.
//
// High-rate appends (usage, traces, votes) go through a Batcher, which shares one transaction among
// many producers.
//
// # Migrations
//
// migrations/NNNN_name.sql, plain SQL, forward only, each in its own transaction, run by Open in the
// order of their numbers (goose keeps the book, table goose_db_version). A line that ends in
// `-- only: postgres` or `-- only: sqlite` is for that database; a line that is nothing but that
// opens a block which `-- end only` closes. A migration that was released is never edited. Every
// table has org_id and project_id unless it belongs to the installation as a whole. River's tables
// are made by package jobs with River's own migrator.
//
// # Tables of this package
//
//	meta(key, value, updated_at)  settings of the installation; "instance_id" names it
//
// # Errors
//
// ErrNoRows; IsUnique and IsForeignKey for broken constraints; fault.Unavailable when the database
// cannot be reached, is full, locked or damaged: its message is for users, the cause for the log.
// All else is an internal error.
//
// # Measured
//
// go test -bench . here, two cores at load 3, SQLite with synchronous NORMAL: 130,000 point reads/s from two
// goroutines, 65,000 one-row transactions/s, 31,000 rows/s acknowledged by a Batcher to 64 producers.
package store
