// Package capi calls llama.cpp's prebuilt shared libraries without cgo.
//
// # Data per library version
//
// What differs between versions is data in table.go: for each release the size, the field offsets
// and the default values of llama_model_params, llama_context_params and
// llama_model_quantize_params. Open finds the release by file name, package metadata and
// llama_version, which must agree, then asks the library for its default structs and compares every
// byte with the table; on a difference it refuses and names the fields. A new version costs 1 line
// when no struct changed, else 1 line and the changed struct: 10 lines for model params, 27 for
// context params, 10 for quantize params, 48 for all three. Three published versions with different
// layouts (v0.5.0, b10361, b8095) are in the table, and TestVersions generates on each of those that it finds.
//
// # Rules
//
// A bad pointer on the C side ends the process, so this package checks token ids, sequence ids,
// positions and batch sizes before each call, and hands out no addresses. A process loads one
// library. Biases and penalties are not done in C: llama_sampler_init_penalties changed its
// signature between versions and looks up every candidate, while the additions are sparse.
package capi
