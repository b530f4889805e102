// Package documents reads text out of files: what a PDF, a letter, a table or a web page says, in reading
// order, with headings, tables and page numbers kept. It holds no data and has no tables and no routes.
//
// Files: documents.go has the types and Read, sniff.go finds the format, charset.go the encoding; one file
// for each format reads it.
//
// Invariants:
//   - The content decides the format; the name only where texts look alike (Markdown, CSV, code).
//   - A file gives text or an error that says what is wrong with it and what would help. It is never
//     silently empty.
//   - Text is valid UTF-8 without control characters other than newline and tab.
//   - What a file makes of memory and time is bounded, however it was built: sizes unpacked, depth,
//     cells and text have limits (limits.go).
//   - Names of files are never part of a command or of a path.
package documents
