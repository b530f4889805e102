// Package responses serves the API that followed Assistants: responses and conversations, for programs that moved to it. Its tools are
// those of assistants: functions of the caller, file search over vector stores, Code Interpreter.
//
// A response is one run of the loop of package agent. Its context is its own input behind the items of a conversation, or behind those of
// the responses that previous_response_id leads back to.
//
// Tables: responses, response_items (input and output in order), conversations, conversation_items. Routes (http.go,
// http_conversations.go): /v1/responses and below, /v1/conversations and below.
//
// # Who executes
//
// A response belongs to the request that asked for it: who goes away cancels it. With background it is executed by the server, on a
// goroutine of its own, and outlives its client; what a dead server left is taken over by the next beat of another one (package presence),
// or at the next start, and goes on from its last whole turn. A tool that was begun and has no end is not called again: the model is told
// that it was interrupted.
//
// # Invariants
//
//   - What is refused before the model was admitted is an error of the request, and leaves nothing behind. From then on it is a response
//     with a status.
//   - A response ends once: its status, its items, and what it adds to its conversation are one transaction.
//   - With store false nothing is kept but its line of usage.
//   - Items keep their ids: an item_reference finds those of the project's stored responses and conversations, and no others.
//   - Words of documents and of uploaded files are fenced (agent.Fence).
package responses
