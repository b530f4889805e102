// Package tokenizer counts and shows tokens: those of OpenAI's published vocabularies, by the encoder in
// tokenizer/bpe, and those of served models, by the engine's own tokenizer.
//
//	POST /v1/tokenize            a text or a chat to token ids, with counts
//	POST /v1/detokenize          token ids to text
//	POST /api/tokenizer/prices   a text or a chat counted for each model of the calendar that has a price
//
// It has no tables. Nothing is generated, so usage rows (operations tokenize and detokenize) have no
// tokens, and of the limits only requests per minute apply, in a class of their own.
//
// Invariants:
//   - With an encoding, ids are byte for byte tiktoken's, its rules for special tokens included. With a
//     model, they are those of the model that answers for the name, in both directions.
//   - Messages with an encoding are counted as OpenAI's documentation counts them, functions and calls as others
//     found out (chat.go, functions.go); there are no ids of them, because what a chat looks like
//     inside was never published for all models.
package tokenizer
