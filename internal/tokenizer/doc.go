// Package tokenizer counts and shows tokens: those of OpenAI's published vocabularies, by the encoder in
// tokenizer/bpe, and those of served models, by the engine's own tokenizer.
//
//	POST /v1/tokenize     a text or a chat to token ids, with counts
//	POST /v1/detokenize   token ids to text
//
// It has no tables and records no usage: nothing is generated.
//
// Invariants:
//   - With an encoding, ids are byte for byte tiktoken's, its rules for special tokens included. With a
//     model, they are those of the model that answers for the name, in both directions.
//   - Messages with an encoding are counted as OpenAI's documentation counts them (chat.go); there are no
//     ids of them, because what a chat looks like inside was never published for all models.
package tokenizer
