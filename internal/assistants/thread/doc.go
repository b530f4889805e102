// Package thread keeps threads with their messages, runs and run steps.
//
// # Tables (migration 0190)
//
//	threads           one per thread: what its tools reach, how many messages it has, the next position
//	thread_messages   one per message, in the order of position
//	thread_runs       one per run, with what package assistants/runs needs to go on with it
//	thread_run_steps  one per step, in the order of position
//
// # Invariants
//
//   - A thread belongs to a project. Another's is not found, and so is all that is in it.
//   - Positions of messages are unique and grow: who adds some holds the thread's row (Lock).
//   - At most one run of a thread is active; a unique index holds it. While one is, requests add no messages.
//   - Adding to a thread and reading a page of it cost the same whatever its length: by index, never by counting.
package thread
