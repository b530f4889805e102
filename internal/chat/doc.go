// Package chat is POST /v1/chat/completions: it decodes OpenAI's request, runs generate.Fan, and
// encodes the answer as JSON or as server-sent events. It keeps nothing: no tables.
//
// Routes:
//
//	POST /v1/chat/completions   createChatCompletion   scope chat.write
//
// Files: request.go decodes and checks, response.go has the answer's shapes, http.go writes them.
//
// Invariants:
//   - What this release does not do (functions, tools, response_format json, image parts, audio) is
//     refused with 400 and the parameter's name; nothing that would change the answer is ignored.
//   - An error before the first event is plain JSON with its status, after it an error event.
//   - logit_bias and logprobs speak of the served model's own tokens, named by parley-served-model.
//   - Streams of several choices carry each choice's chunks in order, mixed with the others'.
package chat
