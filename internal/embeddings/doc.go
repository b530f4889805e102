// Package embeddings is POST /v1/embeddings: vectors of texts. It decodes OpenAI's request, runs
// generate.Embed, and encodes the answer. It keeps nothing: no tables.
//
// Routes:
//
//	POST /v1/embeddings                    createEmbedding         scope embeddings.write
//	POST /v1/engines/{engine}/embeddings   createEngineEmbedding   scope embeddings.write
//	POST /v1/engines/{engine}/search       createSearch            scope embeddings.write
//
// Files: embeddings.go decodes, checks and encodes, search.go does so for the search of before 2022;
// http.go serves, http_engines.go the routes whose path names the model.
//
// Invariants:
//   - Vectors have unit length, also after `dimensions` cut them. A name may say how long programs expect
//     its vectors to be (1,536 for text-embedding-ada-002): shorter ones are followed by zeros, which
//     change no cosine, no dot product and no distance; longer ones are cut.
//   - encoding_format base64, which the official clients ask for unasked, is little-endian float32.
//   - Nothing is cut off inputs. Those longer than the name's limit are refused with both counts; those
//     within it and longer than the served model's window are embedded in windows (generate.Embed), and
//     the header Parley-Embedding-Windows says so: how many windows, and of how many inputs.
//   - Token ids mean what the program meant: those of tiktoken's encoding where the name has one
//     (cl100k_base for text-embedding-ada-002, as LangChain sends them), decoded and read as text; the
//     served model's own where it is asked for by its own name.
package embeddings
