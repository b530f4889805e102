// Package chat is POST /v1/chat/completions: it decodes OpenAI's request, runs generate.Fan, and
// encodes the answer as JSON or as server-sent events. It keeps nothing: no tables.
//
// Routes:
//
//	POST /v1/chat/completions   createChatCompletion   scope chat.write
//
// Files: request.go decodes and checks, format.go does so with response_format, tools.go with functions, turns.go with calls and their
// results among the messages; response.go has the answer's shapes, calls.go those of calls, http.go writes them.
//
// Invariants:
//   - What this release does not do (image parts, audio) is
//     refused with 400 and the parameter's name; nothing that would change the answer is ignored.
//   - An error before the first event is plain JSON with its status, after it an error event.
//   - logprobs speak of the served model's own tokens, named by parley-served-model.
//   - Under a response_format of JSON an answer whose finish_reason is stop is valid JSON, unless a stop
//     text ended it; one that is length is the beginning of such. The grammar is made by jsonschema.
//   - The functions of 2023 are tools with one call to an answer: both kinds are one to the core.
//   - A call that has to be made (a named function, required) satisfies its schema unless max_tokens cut it. A stop text cuts no call.
//   - Streams of several choices carry each choice's chunks in order, mixed with the others'.
package chat
