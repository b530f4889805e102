// Package discover looks for models that this machine has already: programs on loopback that serve
// them (Ollama, LM Studio, llama-server, vLLM), and GGUF files in the caches of such programs. It only
// looks: nothing is started, copied or changed, and nothing outside the machine is asked. Models that
// Ollama lists but has its makers' servers answer are left out: with them chats would leave the machine.
package discover

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/models/catalog"
)

// Timeout is how long all running programs together have to answer.
const Timeout = 300 * time.Millisecond

// Found is something that serves or holds models.
type Found struct {
	Program string // "Ollama", "LM Studio", "llama-server", "vLLM", "llama.cpp", "Hugging Face"
	// An endpoint: base URL ending in /v1, and what it serves.
	URL    string
	Models []Model
	// Or a file.
	File    string // path
	SHA256  string // where the cache's own file name tells it; not checked here
	Name    string // name to serve it under
	Kind    catalog.Kind
	Arch    string
	Weights string
	Bytes   int64
	Context int
	// Skipped says why it cannot be used; empty when it can.
	Skipped string
}

// Model is a model of an endpoint.
type Model struct {
	Name   string
	Kind   catalog.Kind
	Window int // tokens; 0 is not said
}

// Options say where to look. The zero value looks at the usual places.
type Options struct {
	HTTP      *http.Client // from egress; nil looks at no endpoints
	Endpoints []Endpoint   // nil: Endpoints()
	Dirs      []Dir        // nil: Dirs()
	Self      string       // our own address (HOST:PORT), which is not asked
}

// Endpoint is a place where a program usually listens.
type Endpoint struct {
	Program string
	Address string // HOST:PORT
}

// Endpoints are the usual places, with what OLLAMA_HOST says. An Ollama on another machine is none of
// them: who wants that one names it in the configuration.
func Endpoints() []Endpoint {
	out := []Endpoint{
		{"LM Studio", "127.0.0.1:1234"},
		{"llama-server", "127.0.0.1:8080"},
		{"vLLM", "127.0.0.1:8000"},
	}
	if address, ok := ollamaAddress(os.Getenv("OLLAMA_HOST")); ok {
		return append([]Endpoint{{"Ollama", address}}, out...)
	}
	return out
}

// ollamaAddress reads OLLAMA_HOST, [SCHEME://][HOST][:PORT][/], as Ollama does. Where it listens on every
// address it answers on loopback; false when it is elsewhere.
func ollamaAddress(env string) (string, bool) {
	port := "11434"
	scheme, rest, ok := strings.Cut(env, "://")
	switch {
	case !ok:
		rest = env
	case scheme == "http":
		port = "80"
	default:
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "/")
	host := strings.Trim(rest, "[]")
	if h, p, err := net.SplitHostPort(rest); err == nil {
		host, port = h, p
	}
	switch host {
	case "", "0.0.0.0", "::":
		host = "127.0.0.1"
	case "localhost":
	default:
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return "", false
		}
	}
	return net.JoinHostPort(host, port), true
}

// Look looks everywhere and returns what it found: endpoints first, then files, each in a fixed order.
func Look(ctx context.Context, o Options) []Found {
	if o.Endpoints == nil {
		o.Endpoints = Endpoints()
	}
	if o.Dirs == nil {
		o.Dirs = Dirs()
	}
	var wg sync.WaitGroup
	running := make([]*Found, len(o.Endpoints))
	for i, e := range o.Endpoints {
		if o.HTTP == nil || e.Address == o.Self {
			continue
		}
		wg.Go(func() {
			short, cancel := context.WithTimeout(ctx, Timeout)
			defer cancel()
			running[i] = ask(short, o.HTTP, e)
		})
	}
	files := Files(ctx, o.Dirs)
	wg.Wait()
	var out []Found
	for _, f := range running {
		if f != nil {
			out = append(out, *f)
		}
	}
	return append(out, files...)
}

// ask asks one address; nil when nobody usable is there.
func ask(ctx context.Context, client *http.Client, e Endpoint) *Found {
	base := "http://" + e.Address + "/v1"
	models, owner, err := list(ctx, client, base, "")
	found := &Found{Program: e.Program, URL: base, Models: models}
	switch {
	case err != nil:
		if status, ok := err.(statusError); ok && (status == http.StatusUnauthorized || status == http.StatusForbidden) {
			found.Skipped = "it asks for a key: add it to `remotes` in the configuration"
			return found
		}
		return nil
	case owner == self:
		return nil // another Parley, or this one
	case len(models) == 0:
		found.Skipped = "it has no models"
	}
	// 8000 and 8080 are everybody's ports: what answers says best who it is.
	if owner == "vllm" {
		found.Program = "vLLM"
	} else if owner == "llamacpp" {
		found.Program = "llama-server"
	}
	return found
}

// self marks Parley's own answer.
const self = "parley"

type statusError int

func (e statusError) Error() string { return fmt.Sprintf("answered %d", int(e)) }

// Models asks an OpenAI-compatible endpoint (base URL ending in /v1) what it serves.
func Models(ctx context.Context, client *http.Client, base, key string) ([]Model, error) {
	models, _, err := list(ctx, client, strings.TrimRight(base, "/"), key)
	return models, err
}

func list(ctx context.Context, client *http.Client, base, key string) (models []Model, owner string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/models", nil)
	if err != nil {
		return nil, "", err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := c.Do(req)
	if err != nil {
		return nil, "", clean(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, "", statusError(res.StatusCode)
	}
	var doc struct {
		Data []struct {
			ID       string          `json:"id"`
			OwnedBy  string          `json:"owned_by"`
			ServedBy json.RawMessage `json:"served_by"` // only Parley says this
			Window   int             `json:"max_model_len"`
			Meta     struct {
				Context int `json:"n_ctx_train"`
			} `json:"meta"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 4<<20)).Decode(&doc); err != nil {
		return nil, "", fmt.Errorf("%s/models answered something else than a list of models: %w", base, err)
	}
	for _, row := range doc.Data {
		if row.ServedBy != nil {
			return nil, self, nil
		}
		if row.ID == "" || elsewhere(row.ID) {
			continue
		}
		owner = row.OwnedBy
		models = append(models, Model{Name: row.ID, Kind: kindOf(row.ID), Window: max(0, row.Window, row.Meta.Context)})
	}
	slices.SortFunc(models, func(a, b Model) int { return strings.Compare(a.Name, b.Name) })
	return models, owner, nil
}

// elsewhere reports whether a name is that of a model in Ollama's cloud ("glm-5:cloud",
// "gpt-oss:120b-cloud"), which a local Ollama lists beside its own.
func elsewhere(name string) bool {
	_, tag, _ := strings.Cut(name, ":")
	return tag == "cloud" || strings.HasSuffix(tag, "-cloud")
}

// kindOf guesses what a model is for by its name, which is all that endpoints tell.
func kindOf(name string) catalog.Kind {
	name = strings.ToLower(name)
	contains := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
	}
	switch {
	case contains("rerank"):
		return catalog.Reranker
	case contains("embed", "minilm", "bge-", "gte-", "e5-"):
		return catalog.Embeddings
	case contains("coder", "codestral", "devstral", "starcoder", "codellama"):
		return catalog.Code
	}
	return catalog.Chat
}

func clean(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}
