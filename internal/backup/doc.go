// Package backup writes a whole installation into one file while the server runs, and makes a home and a database of it
// again. It also moves an installation from one database to another (`parley migrate-db`).
//
// # The file
//
// A tar compressed with Zstandard. header.json comes first: the format, Parley's version, the numbers of the migrations, the
// tables with their columns. Then tables/NAME/000000 and on, pieces of some megabytes in the form of package dump; jobs/000000,
// the jobs that are due; home/…, files of the home. manifest.json comes last: rows of each table, and size and SHA-256 of each
// entry. A file without it was cut short.
//
// What is carried: all tables of the database but those in Left; jobs that are due or to come; models.json; what lies in
// HOME/blobs; with Options.Key the installation's key HOME/secret.key, without which what is sealed in the database stays
// sealed. Not carried: models (they are in the cache and can be pulled again), the configuration, which names secrets, and logs.
//
// # Routes
//
//	GET /admin/backup  adminBackup  on the admin socket alone: the file has everybody's data in it
//
// # Invariants
//
//   - A backup is one state of the database: of the moment when it began. What was answered before is in it: rows of usage
//     that wait in files are written to the database first.
//   - Restore writes only into a home and a database that hold nothing, and says so else. It reads the whole file and
//     compares it with its manifest before it writes anything; a stream, which can be read once, before it says that it is whole.
//   - A restore that was killed leaves a mark (a file in the home, a setting in the database) with which no server starts.
//     It can be run again.
//   - Rows can go to the other kind of database: the file does not depend on it. An older backup becomes new tables by the
//     migrations that it lacks.
package backup
