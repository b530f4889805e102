package remote

import (
	"context"
	"math"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// Embed asks for all vectors in one request, in the base64-less form that every server knows.
func (b *backend) Embed(ctx context.Context, req engine.EmbedRequest) (engine.EmbedResponse, error) {
	if len(req.Tokens) > 0 {
		return engine.EmbedResponse{}, fault.New(fault.Invalid, "The model %s is answered by another server, which takes text, not token ids. Please send the text.", b.spec.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.ctx, cancel)()

	body := append([]byte(nil), `{"model":`...)
	body = appendString(body, b.model)
	body = append(body, `,"encoding_format":"float","input":[`...)
	for i, text := range req.Texts {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendString(body, text)
	}
	resp, err := b.post(ctx, &http.Request{URL: b.embed}, append(body, "]}"...))
	if err != nil {
		return engine.EmbedResponse{}, err
	}
	defer resp.Body.Close()
	buf, err := readAll(resp, maxAnswer)
	if err != nil {
		return engine.EmbedResponse{}, b.broken(ctx, err)
	}
	defer recycle(buf)
	var a struct {
		Data []struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
		Usage usage `json:"usage"`
	}
	if err := json.Unmarshal(buf.Bytes(), &a, lenient); err != nil {
		return engine.EmbedResponse{}, b.garbled(err)
	}
	out := engine.EmbedResponse{Vectors: make([][]float32, len(req.Texts)), PromptTokens: a.Usage.PromptTokens}
	for _, d := range a.Data {
		if d.Index >= 0 && d.Index < len(out.Vectors) {
			out.Vectors[d.Index] = unit(d.Embedding)
		}
	}
	for _, v := range out.Vectors {
		if len(v) == 0 || len(v) != len(out.Vectors[0]) {
			return engine.EmbedResponse{}, b.garbled(errMissing)
		}
	}
	return out, nil
}

var errMissing = fault.New(fault.Internal, "an input has no vector in the answer, or one of another length")

// unit scales a vector to length 1; not every server does.
func unit(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum > 0 {
		scale := 1 / math.Sqrt(sum)
		for i := range v {
			v[i] = float32(float64(v[i]) * scale)
		}
	}
	return v
}
