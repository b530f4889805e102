package remote

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/engine"
)

// Model is an entry of another server's list.
type Model struct {
	ID            string
	ContextWindow int // 0 when the server does not tell
}

// listTimeout bounds the list of models, which every server has at hand.
const listTimeout = 10 * time.Second

// Models lists what the server at a base URL (ending in /v1) offers. Errors are as of Generate.
func Models(ctx context.Context, o Options, baseURL, apiKey string) ([]Model, error) {
	b, err := newBackend(o, engine.Spec{Name: baseURL, URL: baseURL, APIKey: apiKey})
	if err != nil {
		return nil, err
	}
	return b.models(ctx)
}

func (b *backend) models(ctx context.Context) ([]Model, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	resp, err := b.send(ctx, &http.Request{Method: http.MethodGet, URL: b.list, Header: b.header})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := readAll(resp, maxAnswer)
	if err != nil {
		return nil, b.broken(ctx, err)
	}
	defer recycle(body)
	var answer struct {
		Data []struct {
			ID          string `json:"id"`
			MaxModelLen int    `json:"max_model_len"` // vLLM
			Meta        struct {
				Ctx int `json:"n_ctx"` // llama-server
			} `json:"meta"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body.Bytes(), &answer, lenient); err != nil {
		return nil, b.garbled(err)
	}
	out := make([]Model, len(answer.Data))
	for i, m := range answer.Data {
		out[i] = Model{ID: m.ID, ContextWindow: max(0, m.MaxModelLen, m.Meta.Ctx)}
	}
	return out, nil
}
