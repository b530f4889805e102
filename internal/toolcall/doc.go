// Package toolcall knows how models write calls of functions: what a model is told of the functions it may call, the grammar that
// holds it to them, and the calls in what it wrote.
//
// Each model family has a form of its own, which its chat template shows: Detect renders a conversation in which the assistant called
// functions and reads off what stands before, between and behind the names and arguments. That is what the model was trained to write.
// A model whose template knows no functions, or writes them in a way that is not understood, gets the form of Generic.
//
// Invariants:
//
//   - The text that a template writes for calls is let through by Grammar and read by Parser as the same calls.
//   - Parser gives the same events, pieces joined, however the text was split; text is held back only while it may be a call's frame.
//   - The arguments of a call are the JSON text that the model wrote, given on as it comes: every piece continues a prefix of the whole.
//   - What only looks like a call (no such function, no arguments) comes out as text, with nothing lost.
package toolcall
