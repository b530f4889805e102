// Package interpreter is Code Interpreter: sessions of Python in sandboxes that belong to a thread or a container, with the files that
// users attach and that code makes. It gives the loop of package agent its tool.
//
// # Tables (0210_interpreter.sql)
//
//	interpreter_sessions  one per sandbox that was started: what is metered, and whether an owner had one before
//	interpreter_files     which file of the project lies under which path of /mnt/data
//
// No routes.
//
// # A session
//
// An owner (a thread's id, a container's id) has one session at a time. It begins with the first code, in a sandbox of its own, into which the files
// are copied; it ends when nobody used it for Options.Idle, when another server began one for the same owner, or when the sandbox died. The next code then begins a new one: files are
// copied in again, variables are gone, and the model is told.
//
// # Invariants
//
//   - What comes out of a sandbox are bytes, paths that were checked, and text. A path is never used as a path of this machine.
//   - A file that code made or changed becomes a file of the project (assistants_output) before the model hears of it, with its path in the same
//     transaction: a session that is made anew has it again.
//   - Two calls for one owner run one after the other.
//   - A session counts when it starts: its row is there before the code runs.
package interpreter
