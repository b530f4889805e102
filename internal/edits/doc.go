// Package edits is POST /v1/edits: a text that the model changes as it is told. The original had models
// of its own for it; here it is asked of a chat model. It decodes OpenAI's request, runs generate.Fan,
// and encodes the answer. It keeps nothing: no tables.
//
// Routes:
//
//	POST /v1/edits                    createEdit         scope completions.write
//	POST /v1/engines/{engine}/edits   createEngineEdit   scope completions.write
//
// Files: edits.go decodes, checks and says how the model is asked; http.go serves.
//
// Invariants:
//   - The answer has what the reference documents of December 2022 and of October 2023 require together:
//     id, model and finish_reason too, which the original's answers left out.
//   - usage counts what the model read, the words that ask for the edit included.
package edits
