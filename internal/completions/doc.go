// Package completions is POST /v1/completions: a text that the model continues. It decodes OpenAI's
// request, runs generate.Fan, and encodes the answer as JSON or as server-sent events. It keeps
// nothing: no tables.
//
// Routes:
//
//	POST /v1/completions                    createCompletion         scope completions.write
//	POST /v1/engines/{engine}/completions   createEngineCompletion   scope completions.write
//	POST /v1/answers                        createAnswer             scope completions.write
//	POST /v1/classifications                createClassification     scope completions.write
//
// Files: request.go decodes and checks, response.go has the answer's shapes, choices.go collects
// them, http.go writes them. answers.go and classifications.go are the two of before 2023 for which the
// server writes the prompt, passages.go chooses what comes into it, http_answers.go serves them.
//
// Invariants:
//   - Choice i belongs to prompt i/n: indexes are in the order of the prompts.
//   - echo with max_tokens 0 and logprobs scores a text: every token of it with its logprob, but null
//     for the first, as in the original, whose models read nothing before it.
//   - best_of keeps the n answers with the highest mean logprob per token; all of them are counted.
//   - text_offset counts characters from the beginning of the prompt, as the original's does.
//   - suffix makes the model write what stands between it and the prompt (generate.Prompt.Before); usage
//     counts what the model read for that.
//   - Prompts of answers and classifications are those of OpenAI's guides to their end, of at most 2,048
//     tokens together with the answer. Search only chooses when there is no room for everything.
//   - Token ids sent to a name of the original's are ids of its encoding: they are read as the text that
//     they say. Others are the served model's own; an alias without an encoding refuses ids, because
//     they would silently be read as other words.
package completions
