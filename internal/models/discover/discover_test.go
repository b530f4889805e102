package discover

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/gguf"
)

// program plays a server that lists models.
func program(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/models" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestRunningProgramsAreFound(t *testing.T) {
	// This server never answers within the time; it must cost no more than that.
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer hanging.Close()
	defer close(release)
	self := program(t, 200, `{"data":[{"id":"gpt-4","owned_by":"openai","served_by":"x"}]}`)
	o := Options{HTTP: http.DefaultClient, Dirs: []Dir{}, Endpoints: []Endpoint{
		{"Ollama", program(t, 200, `{"data":[{"id":"nomic-embed-text:latest","owned_by":"library"},{"id":"llama3.2:3b","owned_by":"library"},{"id":"gpt-oss:120b-cloud","owned_by":"library"},{"id":"glm-5:cloud","owned_by":"library"}]}`)},
		{"LM Studio", program(t, 401, `{}`)},
		{"llama-server", program(t, 200, `{"data":[{"id":"org/Qwen","owned_by":"vllm","max_model_len":4096}]}`)},
		{"vLLM", program(t, 200, `{"data":[{"id":"m","owned_by":"llamacpp","meta":{"n_ctx_train":2048}}]}`)},
		{"empty", program(t, 200, `{"data":[]}`)},
		{"parley", self},
		{"web site", program(t, 200, `<html>`)},
		{"nobody", "127.0.0.1:1"},
		{"hanging", strings.TrimPrefix(hanging.URL, "http://")},
	}}
	found := Look(t.Context(), o)
	if len(found) != 5 {
		t.Fatalf("%d found: %+v", len(found), found)
	}
	ollama := found[0]
	if ollama.Program != "Ollama" || !strings.HasSuffix(ollama.URL, "/v1") || len(ollama.Models) != 2 || ollama.Models[0] != (Model{"llama3.2:3b", catalog.Chat, 0}) ||
		ollama.Models[1].Kind != catalog.Embeddings || ollama.Skipped != "" {
		t.Errorf("%+v", ollama)
	}
	if found[1].Program != "LM Studio" || !strings.Contains(found[1].Skipped, "key") {
		t.Errorf("%+v", found[1])
	}
	if found[2].Program != "vLLM" || found[2].Models[0].Window != 4096 || found[3].Program != "llama-server" || found[3].Models[0].Window != 2048 {
		t.Errorf("programs are named by port, not by what they say: %+v %+v", found[2], found[3])
	}
	if found[4].Skipped == "" {
		t.Errorf("a program without models: %+v", found[4])
	}
	o.Self = o.Endpoints[0].Address
	if again := Look(t.Context(), o); len(again) != 4 {
		t.Errorf("our own address was asked: %+v", again)
	}
}

func TestOllamaHost(t *testing.T) {
	for value, want := range map[string]string{
		"": "127.0.0.1:11434", "0.0.0.0": "127.0.0.1:11434", "http://127.0.0.1:5000/": "127.0.0.1:5000", "0.0.0.0:99": "127.0.0.1:99",
		":4000": "127.0.0.1:4000", "[::1]:5": "[::1]:5", "[::]:5": "127.0.0.1:5", "::1": "[::1]:11434", "localhost": "localhost:11434",
		"http://localhost": "localhost:80", "box:1234": "", "10.0.0.9": "", "https://ollama.example": "",
	} {
		t.Setenv("OLLAMA_HOST", value)
		list := Endpoints()
		if want == "" && list[0].Program == "Ollama" || want != "" && list[0] != (Endpoint{"Ollama", want}) {
			t.Errorf("%q: %v, want %q", value, list[0], want)
		}
	}
}

func TestDirs(t *testing.T) {
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "XDG_CACHE_HOME": "", "OLLAMA_MODELS": "", "LLAMA_CACHE": "", "HF_HUB_CACHE": "", "HF_HOME": "",
	} {
		t.Setenv(name, value)
	}
	put(t, filepath.Join(home, ".lmstudio-home-pointer"), filepath.Join(home, "elsewhere")+"\n")
	has := func(program, path string) {
		t.Helper()
		if !slices.Contains(Dirs(), Dir{program, path}) {
			t.Errorf("%s %s is not among %v", program, path, Dirs())
		}
	}
	has("Ollama", filepath.Join(home, ".ollama", "models"))
	has("LM Studio", filepath.Join(home, ".lmstudio", "models"))
	has("LM Studio", filepath.Join(home, "elsewhere", "models"))
	has("Hugging Face", filepath.Join(home, ".cache", "huggingface", "hub"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "xdg"))
	has("Hugging Face", filepath.Join(home, "xdg", "huggingface", "hub"))
	t.Setenv("HF_HOME", filepath.Join(home, "hf"))
	has("Hugging Face", filepath.Join(home, "hf", "hub"))
	t.Setenv("HF_HUB_CACHE", filepath.Join(home, "hub"))
	has("Hugging Face", filepath.Join(home, "hub"))
	t.Setenv("LLAMA_CACHE", filepath.Join(home, "llama"))
	has("llama.cpp", filepath.Join(home, "llama"))
	t.Setenv("OLLAMA_MODELS", filepath.Join(home, "ollama"))
	has("Ollama", filepath.Join(home, "ollama"))
}

type head map[string]any

func (h head) write(t *testing.T, path string) {
	t.Helper()
	var meta []gguf.KV
	for key, v := range h {
		meta = append(meta, gguf.KV{Key: key, Value: gguf.Value{V: v}})
	}
	var buf bytes.Buffer
	if err := gguf.Write(&buf, meta, nil, nil); err != nil {
		t.Fatal(err)
	}
	put(t, path, buf.String())
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFilesInCaches(t *testing.T) {
	root := t.TempDir()
	chat := head{"general.architecture": "llama", "llama.context_length": uint32(4096), "tokenizer.chat_template": "{{ x }}"}
	at := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }

	digest := strings.Repeat("ab", 32)
	chat.write(t, at("ollama", "blobs", "sha256-"+digest))
	put(t, at("ollama", "manifests", "registry.ollama.ai", "library", "llama3.2", "3b"),
		`{"layers":[{"mediaType":"application/vnd.ollama.image.license","digest":"sha256:`+strings.Repeat("cd", 32)+`"},{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:`+digest+`"}]}`)
	put(t, at("ollama", "manifests", "registry.ollama.ai", "library", "broken", "latest"), `{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../etc/passwd"}]}`)

	chat.write(t, at("hub", "models--me--m", "blobs", "0123"))
	if err := os.MkdirAll(at("hub", "models--me--m", "snapshots", "aaa"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := at("hub", "models--me--m", "snapshots", "aaa", "Coder-7B.gguf")
	if err := os.Symlink(at("hub", "models--me--m", "blobs", "0123"), link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}

	put(t, at("studio", "me", "x", "broken.gguf"), "no model")
	put(t, at("studio", "me", "x", "big-00001-of-00003.gguf"), "GGUF")
	head{"general.architecture": "clip"}.write(t, at("studio", "me", "x", "mmproj-f16.gguf"))
	head{"general.architecture": "llama", "general.type": "adapter"}.write(t, at("studio", "me", "x", "lora.gguf"))
	head{"general.architecture": "wavtokenizer-dec"}.write(t, at("studio", "me", "x", "voice.gguf"))
	head{"general.architecture": "llama", "llama.context_length": uint32(512)}.write(t, at("studio", "me", "x", "base.gguf"))
	head{"general.architecture": "bert", "bert.context_length": uint32(512), "bert.attention.causal": false}.write(t, at("studio", "me", "x", "vectors.gguf"))
	put(t, at("studio", "me", "x", "notes.txt"), "x")

	found := Look(t.Context(), Options{Dirs: []Dir{
		{"Ollama", at("ollama")}, {"Hugging Face", at("hub")}, {"LM Studio", at("studio")}, {"llama.cpp", at("none")}, {"again", at("hub")},
	}})
	got := map[string]Found{}
	for _, f := range found {
		if _, twice := got[f.Name]; twice {
			t.Errorf("%s was found twice", f.Name)
		}
		got[f.Name] = f
	}
	if f := got["llama3.2-3b"]; f.Program != "Ollama" || f.SHA256 != digest || f.Skipped != "" || f.Kind != catalog.Chat || f.Context != 4096 {
		t.Errorf("Ollama: %+v", f)
	}
	if f := got["coder-7b"]; f.Program != "Hugging Face" || f.File != link || f.Kind != catalog.Code {
		t.Errorf("Hugging Face: %+v", f)
	}
	if f := got["vectors"]; f.Kind != catalog.Embeddings || f.Skipped != "" {
		t.Errorf("vectors: %+v", f)
	}
	for name, why := range map[string]string{
		"broken": "not a GGUF", "big-00001-of-00003": "one part", "mmproj-f16": "eye", "lora": "adapter", "voice": "no language model", "base": "chat template",
	} {
		if f, ok := got[name]; !ok || !strings.Contains(f.Skipped, why) {
			t.Errorf("%s: %q, want a reason about %q", name, f.Skipped, why)
		}
	}
	if len(found) != 9 {
		t.Errorf("%d found", len(found))
	}
}
