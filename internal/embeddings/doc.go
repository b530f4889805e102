// Package embeddings is POST /v1/embeddings: vectors of texts. It decodes OpenAI's request, runs
// generate.Embed, and encodes the answer. It keeps nothing: no tables.
//
// Routes:
//
//	POST /v1/embeddings   createEmbedding   scope embeddings.write
//
// Files: embeddings.go decodes, checks and encodes; http.go serves.
//
// Invariants:
//   - Vectors have unit length, also after `dimensions` cut them.
//   - encoding_format base64, which the official clients ask for unasked, is little-endian float32.
//   - Inputs longer than the window are refused, never cut.
//   - Token ids are the served model's own. LangChain and others send ids of the original models'
//     vocabulary to aliases such as text-embedding-ada-002: those are refused with a message that says
//     what to do, because their vectors would be those of other words and nobody would notice.
package embeddings
