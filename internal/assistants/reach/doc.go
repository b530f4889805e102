// Package reach keeps what the tools of assistants and threads may reach: files of Code Interpreter, and the vector store that file
// search looks in. It has no tables of its own; its functions are pieces of the transactions of packages assistants and thread.
//
// # Invariants
//
//   - A file that is referred to belongs to the project, and is held until the transaction ends.
//   - A vector store that was made for an assistant's files of v1, or for files attached to messages, is its owner's: it goes when the
//     owner goes, or is given another one. A store that somebody named is only referred to.
package reach
