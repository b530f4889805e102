// Package vector is an index of embeddings inside the process: it finds the vectors nearest to a question's.
//
// Vectors lie in lists of neighbours around a middle. A search takes the lists whose middles are nearest, scans one
// bit for each dimension (signs.go), compares the best of those by 8 bits and the best of those by 16 (rows.go). An
// index is never trained and never rebuilt: lists that grow long are split, and each goes on moving to where its
// vectors are (split.go). The vectors themselves are in the caller's database; the index holds them in 16 bits, which
// is enough for cosines that are right to some hundred-thousandths, in about two thirds of their memory as float32.
//
// Files: index.go adds and removes, search.go searches, dot*.go and signs.go are the arithmetic, with kernels for
// amd64 that have AVX-512 or AVX2 and plain Go for everything else, file.go saves.
//
// It has no tables and no routes.
//
// Invariants:
//   - A vector has one id and one place; adding an id again replaces its vector.
//   - Up to exactBelow vectors a search compares all of them.
//   - Methods may be called at the same time. A search sees each vector or does not; it never sees half of one.
//   - Save replaces the file whole: killed at any moment, Open gives what some Save wrote, and the caller's note
//     says which. A file that is torn or changed is refused with ErrBroken.
package vector
