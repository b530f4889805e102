// Package generate is the one core operation behind every API shape that produces text or vectors:
// /v1/chat/completions, /v1/completions, /v1/embeddings and the chat page all call it, and none of
// them calls another shape.
//
// Run makes one sequence from messages, text or tokens. Fan makes several (n, best_of, lists of
// prompts) under one admission and one usage record. Embed turns texts or tokens into vectors.
//
// What happens, in this order:
//
//  1. the model's name is resolved (alias table) and the served model is leased from the pool, which
//     loads it on first use;
//  2. messages are rendered with the model's own chat template and tokenized; text is tokenized as it
//     is. A control token's text inside of a message is only text: no message can end its turn or begin
//     another. Remote backends (engine.InputMessages) get messages and text untouched;
//     Token ids of the name's own encoding are read as the text that they say; those of logit_bias become
//     biases on what they stand for (readBias);
//  3. the prompt is measured against the window, which is the smaller of the alias's and the served
//     model's: 400 context_length_exceeded with both counts in the message;
//  4. limits.Admit is asked, with the prompt's size;
//  5. the engine generates; its events are passed on. Where a name counts in its encoding, the answer is cut
//     and counted in that (cutter), and the prompt, the demand and usage are, too;
//  6. usage.Record is called exactly once for every admitted request: completed, failed or canceled,
//     with what was really produced.
//
// Functions (Request.Tools) are told to models that are served here in the form of their chat template, or as text where it knows none,
// and what they write is held to a grammar and read back as ToolCallDelta (package toolcall); to other servers they are passed on. Each
// sequence has its own reader of calls. Stop texts are then looked for here, in the words alone.
//
// A Format (response_format) becomes a grammar and a note in the system message for models that are
// served here, and is passed on to those that another server answers.
//
// The first event is Admitted, so that a shape knows its headers before the first byte goes out, and
// an error before it is still plain JSON with a status.
//
// Invariants:
//   - One request with one sequence starts no goroutine: the engine's iterator is passed through.
//   - Breaking out of an iterator or ending its context cancels the sequence, releases the lease and
//     records the usage before the iterator returns.
//   - Choice i of a request with a seed always gets the same derived seed, so n answers are as
//     reproducible as one.
//
// A model whose template refuses the system role gets what it says before the first question. Models
// without a chat template are given a plain ChatML form (see fallbackTemplate); most small
// instruct models were trained on it or follow it, and Admitted.Fallback says that it was used.
package generate
