package discover

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/models/catalog"
)

// fixed is a transport that answers everything with one body.
type fixed string

func (f fixed) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(f)))}, nil
}

// FuzzList feeds anything as the list of models of a program on this machine.
func FuzzList(f *testing.F) {
	f.Add(`{"data":[{"id":"llama3.2:3b","owned_by":"library","max_model_len":5},{"id":"glm-5:cloud"}]}`)
	f.Add(`{"data":[{"id":"x","served_by":null},{"id":"","meta":{"n_ctx_train":-1}}]}`)
	f.Add(`{"data":[null]}`)
	f.Fuzz(func(t *testing.T, body string) {
		found := ask(context.Background(), &http.Client{Transport: fixed(body)}, Endpoint{"Ollama", "127.0.0.1:1"})
		if found == nil {
			return
		}
		if len(found.Models) == 0 && found.Skipped == "" {
			t.Errorf("found with no models: %+v", found)
		}
		for _, m := range found.Models {
			if m.Name == "" || elsewhere(m.Name) || m.Window < 0 || m.Kind == "" {
				t.Errorf("%+v", m)
			}
		}
	})
}

// FuzzManifest feeds anything as a manifest of Ollama's cache: no file outside of its blobs is named.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:` + strings.Repeat("0", 64) + `"}]}`))
	f.Add([]byte(`{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../x"}]}`))
	f.Add([]byte(`[]`))
	root := f.TempDir()
	dir := filepath.Join(root, "manifests", "registry.ollama.ai", "library", "m")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, "3b"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		ollama(context.Background(), root, func(path, name, sha string) {
			if filepath.Dir(path) != filepath.Join(root, "blobs") || name != "m-3b" || len(sha) != 64 {
				t.Errorf("%s %s %s", path, name, sha)
			}
		})
	})
}

// FuzzAddress feeds anything as OLLAMA_HOST: only addresses of this machine come out, and what is a file's
// name can be a model's.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"", "0.0.0.0:1", "http://localhost/", "[::1]:80", "10.0.0.1", "https://127.0.0.1", "Model (1).Q4_K_M.gguf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if address, ok := ollamaAddress(s); ok && !strings.HasPrefix(address, "127.") && !strings.HasPrefix(address, "localhost:") && !strings.HasPrefix(address, "[::") {
			t.Errorf("%q became %q", s, address)
		}
		if name := nameOf(s); strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || strings.HasPrefix(name, ".") {
			t.Errorf("%q became %q", s, name)
		}
		if kind := kindOf(s); !slices.Contains([]catalog.Kind{catalog.Chat, catalog.Code, catalog.Embeddings, catalog.Reranker}, kind) {
			t.Errorf("%q is a %q", s, kind)
		}
	})
}
