// Package agent is the loop of a model that calls tools: the model's turn, its calls, their results, the next turn, until the model
// answers in words, a call is the caller's own to answer, or the turns are used up. Assistants' runs and Responses stand on it; it knows
// none of their words, stores nothing and has no routes.
//
// A Tool is what this server runs itself (Code Interpreter, file search, an MCP server's tools). A function of the caller is told to the
// model in the same way and never run: the loop ends with Required.
//
// Who calls the loop records what happens: every event is yielded before the loop goes on, so that what is written down in the body
// of the range statement is written down before the next thing happens. Executing comes before a tool is called, Executed after: a
// tool whose Executing was recorded and whose Executed was not may have done its work or not, and the caller tells the model so
// (Interrupted) instead of running it again.
//
// # Invariants
//
//   - The events of a turn are TurnStarted, TextDelta and CallDelta in the order in which the model wrote, TurnDone. Then, for each
//     call of a Tool, Executing, Output…, Executed: those of tools that may run in parallel mixed, all others one after another.
//   - Every call that TurnDone names is either executed or in Required; what the model called and nobody offers is an Executed with an
//     error that the model is told.
//   - A tool's error never ends the loop, the end of the context does.
//   - Breaking out of the range ends the model's turn and cancels the tools; no tool runs on when the iterator has returned.
//   - What a tool brings from elsewhere (Result.Foreign) stands between two marks that its author cannot have known.
package agent
