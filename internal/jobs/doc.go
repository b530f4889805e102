// Package jobs runs work in the background that must not be lost: River on the same database.
//
// A job says only "look at X again": its arguments name a row, and its function reads that row's state
// from the capability's table and does what is due. So it must be idempotent, must do nothing when
// nothing is due, and must bear that two of its kind look at the same X at once. What users see (a run's
// status, a fine-tune's events) lives in the capability's table, never here.
//
//	type lookAtRun struct{ RunID string `json:"run_id"` }
//	func (lookAtRun) Kind() string { return "assistants.run" }
//
//	jobs.Register(j, jobs.Kind{Timeout: time.Minute}, func(ctx context.Context, a lookAtRun) error { … })
//	db.Tx(ctx, func(tx *store.Tx) error { …; return j.Enqueue(ctx, tx, lookAtRun{id}) })
//
// Capabilities register in their jobs.go before Start and enqueue inside the transaction that makes the
// work due: both happen or neither.
//
// # What happens when
//
//   - An error: again after about 1, 16, 81 … seconds (attempt⁴), at most Kind.MaxAttempts times; then
//     it is discarded and logged. Permanent(err) discards at once, Later(d) looks again after d without
//     counting as an attempt. Waiting times have a grain of about five seconds.
//   - Stop: running jobs may finish until its context ends; then theirs is canceled, and those that
//     return are due again at the next start, without a delay and without an attempt lost.
//   - A process that dies (kill -9, power): its running jobs are due again at the next start on SQLite,
//     where one process holds the home; on PostgreSQL as soon as another server notices within
//     recoverEvery that the dead one's advisory lock is gone. They keep their count of attempts, so that
//     a job that kills its process is discarded in the end.
//
// # Tables
//
// River's own (river_job, river_leader, river_queue, …), made by New with River's migrator.
//
// # Measured
//
// BenchmarkPickup, from the commit to the function's first line, one job at a time; BenchmarkThroughput,
// jobs enqueued in transactions of their own and done. Two busy cores (load 7), so upper bounds:
//
//	SQLite, file, WAL     p50 1.9–2.5 ms   p99 10–19 ms   1,400 jobs/s
//	PostgreSQL 15, local  p50 1.6–2.4 ms   p99 4–12 ms    1,300 jobs/s
//
// Two things were found. On PostgreSQL River's own hints are limited to one per cooldown and not tied
// to the transaction that commits: p99 was 1,093 ms, the poll; with a hint in every transaction it
// is the above (quietDriver). On SQLite the riversqlite driver only polls; a listener on a channel
// (sqliteDriver) is as quick as polling each 20 ms and leaves an idle server idle (4 ms of CPU a second).
package jobs
