// Package chattemplate renders conversations with the chat template that a model brings: a Jinja program, in GGUF files the metadata
// tokenizer.chat_template, that turns messages and tools into the prompt the model was trained on. A prompt that differs in one space
// makes a model worse without anybody noticing, so the result is byte for byte what transformers' apply_chat_template gives in Python.
//
// The package has two halves. jinja, below it, is the interpreter, with Python's values. This package says what a conversation is to a
// template (Input), finds out what a template can take (Caps), and changes conversations to fit (RenderAdapted).
//
// Invariants:
//
//   - Render changes nothing: what Python refuses is refused, in the same words where the template chose them (Refusal).
//   - Messages and tools keep the order of their keys from the client's JSON to the prompt.
//   - A Template is compiled once and used by all requests at the same time.
//   - Templates come from files that nobody has checked. They reach no file and no network, and every render ends: see jinja.Limits.
//
// testdata holds seventy templates of well-known models, conversations, and what Python made of each pair (gen.py). All are equal; there
// is no list of exceptions. The interpreter is our own since gonja 2.9.1 gave 3,475 of the then 6,230 pairs equal, one template of
// seventy in all pairs: it does not tell None from undefined, does not raise on wrong types, loses the order of keys, and a recursive macro
// overflows the stack, which ends the process.
package chattemplate
