// Package runs executes runs of assistants: it makes them, has the model and the tools work, writes down each step, streams what
// happens, and goes on with what a dead server left.
//
// Tables: thread_runs and thread_run_steps, which package thread keeps. Routes (http.go): POST /v1/threads/runs,
// POST /v1/threads/{thread_id}/runs, POST …/runs/{run_id}/cancel, POST …/runs/{run_id}/submit_tool_outputs. Reading runs and steps is
// package assistants'.
//
// # Who executes
//
// The server that took the request, on a goroutine of its own: a client that goes away does not end its run. The run's row names the
// server; every transaction of the execution first asks whether that is still so (hold), so that a server that was thought to be dead
// writes nothing more. A run that waits for outputs belongs to nobody; who gets them goes on with it. Dead servers' runs are taken over
// by the next beat of another one (package presence), or at the next start.
//
// # How far a run got
//
// The cursor (column cursor) has the whole turns of the model with the results of their calls, and what of a turn under way stands in
// tables already. Each of these is one transaction: the beginning of a message or of calls, the end of a turn, the beginning of a tool's
// work, its end, the end of the run. After kill -9 the run goes on from the last of them:
//
//   - a turn that was cut off is made again, into the message and the step that were begun;
//   - words that were whole when the calls behind them were cut off are not said again;
//   - a tool that was begun and has no end is not called again: its step fails with the word interrupted, and the model is told;
//   - a run whose execution ends its server again and again without getting any further fails after maxAttempts.
//
// # Invariants
//
//   - A run ends once, and everything that it had begun ends with it, in one transaction.
//   - What an event tells was committed before, but for pieces of texts, calls and outputs, which their ends have whole.
//   - A run that waits for outputs is expired by the first beat after its time, by whichever server.
//   - Cancelling: the row says cancelling, a hint tells the server that executes; it ends the run.
//   - A tool that this server cannot offer fails the run, with the reason: never silently less.
package runs
