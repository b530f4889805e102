// Package contract holds Parley against OpenAI's reference documents of four dates (December 2022, October
// 2023, January 2024, August 2026). It has tests only; what they read is here to be read by people too:
//
//   - testdata/*.json: each document's operations, and the schemas of those that Parley serves, without
//     prose. They are parts of github.com/openai/openai-openapi under the licence beside them, written by
//     contract/extract.
//   - exceptions.yaml: the operations that are not served, with the reason.
//   - differences.yaml: where an answer differs from a document's schema, with the reason.
//   - errors.yaml: what OpenAI answered to what was wrong, with sources, and what Parley answers.
//   - parameters.yaml: the parameters that are refused, taken without effect, or Parley's own.
//
// The tests run requests on the whole server with the echo engine. An entry of these lists that is no
// longer true fails, as does anything that is not listed.
package contract
