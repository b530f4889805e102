package remote

import (
	"encoding/base64"
	"math"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// Requests are appended by hand: they are few kinds of simple objects, made once per request, and this
// is several times faster than reflection.

func appendString(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil { // broken UTF-8: what was appended has replacement characters
		return out
	}
	return out
}

func appendFloat(b []byte, f float32) []byte {
	if f != f || math.IsInf(float64(f), 0) {
		return append(b, '0')
	}
	return strconv.AppendFloat(b, float64(f), 'g', -1, 32)
}

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// check refuses what cannot be said in this API.
func (b *backend) check(req *engine.GenerateRequest) error {
	switch {
	case len(req.Tokens) > 0:
		return fault.New(fault.Invalid, "The model %s is answered by another server, which takes text, not token ids. Please send the text.", b.spec.Name)
	case req.Sampling.Grammar != nil:
		return b.cannot("be held to a grammar")
	case len(req.Sampling.BiasTexts) > 0 || req.Sampling.EndBias != 0:
		return b.cannot("bias texts or the end of the answer")
	case req.PromptLogprobs:
		return b.cannot("give logprobs of the prompt")
	case len(req.Messages) == 0 && len(req.Images) > 0:
		return b.cannot("see images outside of a conversation")
	}
	return nil
}

func (b *backend) cannot(what string) error {
	return fault.New(fault.Invalid, "The model %s is answered by another server and cannot %s.", b.spec.Name, what)
}

// body appends the request's JSON.
func (b *backend) body(buf []byte, req *engine.GenerateRequest) []byte {
	buf = append(buf, `{"model":`...)
	if req.Adapter != "" {
		buf = appendString(buf, req.Adapter)
	} else {
		buf = appendString(buf, b.model)
	}
	if len(req.Messages) > 0 {
		buf = append(buf, `,"messages":[`...)
		last := -1 // the images belong to the last thing the user said
		for i, m := range req.Messages {
			if m.Role == "user" {
				last = i
			}
		}
		for i := range req.Messages {
			if i > 0 {
				buf = append(buf, ',')
			}
			var images [][]byte
			if i == last {
				images = req.Images
			}
			buf = appendMessage(buf, &req.Messages[i], images)
		}
		buf = append(buf, ']')
	} else {
		buf = append(buf, `,"prompt":`...)
		buf = appendString(buf, req.Text)
	}
	if req.MaxTokens >= 0 {
		buf = append(buf, `,"max_tokens":`...)
		buf = appendInt(buf, req.MaxTokens)
	}
	if len(req.Stop) > 0 {
		buf = append(buf, `,"stop":[`...)
		for i, s := range req.Stop {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendString(buf, s)
		}
		buf = append(buf, ']')
	}
	buf = appendSampling(buf, &req.Sampling)
	switch {
	case !req.Logprobs:
	case len(req.Messages) > 0:
		buf = append(buf, `,"logprobs":true,"top_logprobs":`...)
		buf = appendInt(buf, req.TopLogprobs)
	default:
		buf = append(buf, `,"logprobs":`...)
		buf = appendInt(buf, req.TopLogprobs)
	}
	if req.User != "" {
		buf = append(buf, `,"user":`...)
		buf = appendString(buf, req.User)
	}
	if req.ResponseFormat != "" {
		buf = append(buf, `,"response_format":`...)
		buf = append(buf, req.ResponseFormat...)
	}
	if req.Tools != "" {
		buf = append(buf, `,"tools":`...)
		buf = append(buf, req.Tools...)
		if req.ToolChoice != "" {
			buf = append(buf, `,"tool_choice":`...)
			buf = append(buf, req.ToolChoice...)
		}
		if req.SingleCall {
			buf = append(buf, `,"parallel_tool_calls":false`...)
		}
	}
	if req.IgnoreEOS {
		buf = append(buf, `,"ignore_eos":true`...)
	}
	if !req.Whole {
		buf = append(buf, `,"stream":true,"stream_options":{"include_usage":true}`...)
	}
	return append(buf, '}')
}

func appendMessage(buf []byte, m *engine.Message, images [][]byte) []byte {
	buf = append(buf, `{"role":`...)
	buf = appendString(buf, m.Role)
	if m.Name != "" {
		buf = append(buf, `,"name":`...)
		buf = appendString(buf, m.Name)
	}
	if m.ToolCallID != "" {
		buf = append(buf, `,"tool_call_id":`...)
		buf = appendString(buf, m.ToolCallID)
	}
	if len(m.ToolCalls) > 0 {
		buf = appendCalls(buf, m.ToolCalls)
	}
	buf = append(buf, `,"content":`...)
	if m.Content == "" && len(m.ToolCalls) > 0 {
		return append(buf, `null}`...)
	}
	if len(images) == 0 {
		buf = appendString(buf, m.Content)
		return append(buf, '}')
	}
	buf = append(buf, `[{"type":"text","text":`...)
	buf = appendString(buf, m.Content)
	for _, image := range images {
		buf = append(buf, `},{"type":"image_url","image_url":{"url":"data:`...)
		buf = append(buf, http.DetectContentType(image)...)
		buf = append(buf, ";base64,"...)
		buf = base64.StdEncoding.AppendEncode(buf, image)
		buf = append(buf, `"}`...)
	}
	return append(buf, `}]}`...)
}

func appendCalls(buf []byte, calls []engine.ToolCall) []byte {
	buf = append(buf, `,"tool_calls":[`...)
	for i, c := range calls {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, `{"id":`...)
		buf = appendString(buf, c.ID)
		buf = append(buf, `,"type":"function","function":{"name":`...)
		buf = appendString(buf, c.Name)
		buf = append(buf, `,"arguments":`...)
		buf = appendString(buf, c.Arguments)
		buf = append(buf, `}}`...)
	}
	return append(buf, ']')
}

// appendSampling appends what differs from what every server does by itself, and temperature and seed
// always: their defaults differ between servers.
func appendSampling(buf []byte, s *engine.Sampling) []byte {
	buf = append(buf, `,"temperature":`...)
	buf = appendFloat(buf, s.Temperature)
	buf = append(buf, `,"seed":`...)
	buf = strconv.AppendUint(buf, uint64(s.Seed), 10)
	if s.TopP > 0 {
		buf = append(buf, `,"top_p":`...)
		buf = appendFloat(buf, s.TopP)
	}
	if s.TopK > 0 {
		buf = append(buf, `,"top_k":`...)
		buf = appendInt(buf, s.TopK)
	}
	if s.MinP > 0 {
		buf = append(buf, `,"min_p":`...)
		buf = appendFloat(buf, s.MinP)
	}
	if s.PresencePenalty != 0 {
		buf = append(buf, `,"presence_penalty":`...)
		buf = appendFloat(buf, s.PresencePenalty)
	}
	if s.FrequencyPenalty != 0 {
		buf = append(buf, `,"frequency_penalty":`...)
		buf = appendFloat(buf, s.FrequencyPenalty)
	}
	if len(s.Bias) > 0 {
		buf = append(buf, `,"logit_bias":{`...)
		for i, bias := range s.Bias {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = append(buf, '"')
			buf = appendInt(buf, int(bias.Token))
			buf = append(buf, `":`...)
			buf = appendFloat(buf, bias.Bias)
		}
		buf = append(buf, '}')
	}
	return buf
}
