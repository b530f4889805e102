// Package wire holds what /v1/chat/completions and /v1/completions have in common on the wire: the
// sampling parameters with their defaults and limits, the unions `stop` and `logit_bias`, usage, and
// the response headers that say what answered.
//
// Extensions of ours that clients may ignore: the header parley-served-model names the model that
// really answered, openai-model repeats the name in the body.
package wire
