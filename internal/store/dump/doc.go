// Package dump reads all rows of a database in one snapshot and writes them into an empty one, of the same kind or of
// the other. It knows tables by looking at the database, so that a new table is carried without a word here.
//
// Rows travel as values of five kinds, which both databases have: whole number, truth, text, bytes, real number.
// Not carried: goose's book, in whose place the numbers of the applied migrations travel, and River's tables, whose forms
// differ between the databases (package jobs says what of them is to be kept).
//
// Invariants:
//
//   - A Snapshot sees one state of the database, while others write. On SQLite the file of the write-ahead log grows until it
//     is closed.
//   - A Loader makes the tables as they were (the migrations that had been applied), loads, and only then applies newer
//     ones. Until Done the database is marked as unfinished, and store.Open refuses it.
//   - On PostgreSQL rows go in by COPY, in one transaction; constraints between tables are checked at its end. On SQLite
//     the loader is the only one at its file.
package dump
