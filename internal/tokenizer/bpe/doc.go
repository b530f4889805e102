// Package bpe encodes text to the token ids of OpenAI's published vocabularies and back, exactly as
// tiktoken does: cl100k_base, o200k_base, p50k_base, p50k_edit and r50k_base (also named gpt2).
//
// How it works:
//   - A text is cut into pieces by the vocabulary's pattern (split*.go): hand-written scanners instead of
//     a regular expression. Classes of code points come from a table that was asked of tiktoken (classes.go).
//   - A piece that is a token is one lookup: two open-addressing tables, one for at most 8 bytes, one for
//     at most 16, whose keys are the bytes themselves (table.go). Pieces that are not ASCII, or no token, are
//     looked up first among those that came before with their tokens (piece.go).
//   - Other pieces are merged pair by pair, lowest id first (merge.go). Each token of more than one byte has
//     exactly one pair of tokens that byte pair encoding can make it from: the last merge when its own
//     bytes are encoded. For if a token comes into being inside a longer piece, no merge crossed its ends
//     before, so the merges within were those of its bytes alone. One table of these pairs, eight bytes
//     each, is therefore enough, and no bytes are compared while merging. Long pieces use a heap, so that a
//     megabyte of one letter takes n log n steps.
//
// Vocabularies are data files made by gen from the original ones; a test rebuilds the originals from
// them and compares the SHA-256 that tiktoken expects. They are unpacked on first use.
//
// Invariants: an Encoding is immutable and safe for concurrent use; Decode(Encode(text)) == text for
// any bytes, also those that are not UTF-8.
package bpe
