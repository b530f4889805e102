// Package object has the objects of the Assistants API as Parley keeps them: assistants, threads, messages, runs and their steps, with the
// rules that hold whoever makes one. It knows no HTTP and no SQL; packages assistants and thread keep the objects, package wire
// writes them in the shapes of v1 (November 2023) and v2 (April 2024).
//
// What differs between the two generations is kept in v2's words:
//
//   - the tool "retrieval" of v1 is FileSearch;
//   - files belong to tools (an assistant's File says for which, a message's Attachment too), where v1 had one list of files.
//
// JSON of these types is what lies in the database's columns, not what goes over the wire. Times are kept to the millisecond.
package object
