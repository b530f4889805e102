// Package llama serves a GGUF model with llama.cpp inside this process: Open is an engine.Opener,
// Preparer an engine.Preparer. A crash in C++ ends the process, so the server runs it in a child
// (engine/child).
//
// # The loop
//
// One goroutine computes for a model (loop.go). Each round it takes in new requests, drops canceled
// ones, admits the oldest, composes a batch, decodes it and samples. A batch holds the newest token
// of each decoding sequence, then chunks of prompts. While streams decode, pace.go sizes the chunks
// from measured speed so that a step stays near Options.StepTarget; alone, a prompt takes whole
// micro batches.
//
// # KV memory
//
// Sequences share one memory of cells (rows.go mirrors it). A finished sequence stays in the cells as a
// cached prefix while nothing else is computed, so that the same prompt again costs nothing. When others
// compute, it is parked (park.go): every computed token looks at all cells in use, so that an idle prefix
// is copied out of them before a long prompt, after 128 tokens of others, or when cells or rows are
// needed. Spec.PrefixMemory bounds what is parked, the prefix used longest ago leaves first; one that does
// not fit at all stays until it has cost others as much as it is worth (pace.price). Saving 600 tokens of
// SmolLM2-135M took 7 ms, bringing them back 1 ms; computing them takes 700 ms.
//
// A new prompt goes on from the longest common prefix, which is brought back for it if it is parked: in
// place when little else would be lost, else by sharing the cells. A prompt whose beginning another one is
// just computing waits for it, and takes its first logits too when the prompts are equal. When running
// sequences fill all cells, the newest goes back to the queue with what it has, and goes on when another
// one has ended.
//
// A token takes 2 × layers × KV heads × head size × 2 bytes (23 KB for SmolLM2-135M). The number of
// cells is Spec.Cells, or one and a quarter windows between 4,096 and 12,288, at least one window, at
// most a quarter of the machine's memory; a window larger than that is shortened, as Info tells.
//
// # Sampling
//
// Biases and penalties are sparse and added here; the choice is llama.cpp's own sampler chain (top_k,
// top_p, min_p, temperature, draw by seed), greedy is the first largest logit as in C. A bias of -100
// or less bans. Grammars check the free choice first and filter all tokens only when it is refused.
// With triggers a grammar sleeps; its text begins with the trigger's own. Logprobs are of the raw
// logits.
//
// The same seed, parameters and prompt give the same text when alone with a cold cache and all threads
// (crowd.go takes some away on a busy machine). Batches, chunks and prefix hits change floats: with 16
// streams together about 70 % of greedy 64-token answers of SmolLM2-135M (Q8_0) differed somewhere from
// what it says alone (BenchmarkDivergence); every token was still the best one, or within 0.75 nats of
// it (TestLoadChangesOnlyFloats).
//
// # What unified memory costs
//
// ggml's attention looks at every cell in use for every decoded token and skips what the mask hides. Cells
// of 16 streams lie side by side, so that a stream's own cells are far apart. For SmolLM2-135M on two
// cores that is a fifth of a step of 16 streams and little with 8. Partitioned memory would avoid
// it, and would share no prefixes, hold no long sequence in the same bytes, and fall apart into several
// batches when streams end in between.
package llama
