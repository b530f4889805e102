// Package testassets finds the real libraries and models that the engine's tests run on: in the home
// that `make models` filled (PARLEY_TEST_HOME, PARLEY_TEST_CACHE), or one by one in PARLEY_TEST_LLAMA_LIB,
// PARLEY_TEST_TEXT_MODEL and PARLEY_TEST_EMBED_MODEL.
package testassets

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Assets are paths; what was not found is empty.
type Assets struct {
	Library string // directory
	Text    string // GGUF of SmolLM2-135M-Instruct
	Embed   string // GGUF of all-MiniLM-L6-v2
}

// Find skips the test when the libraries or the text model are missing.
func Find(t testing.TB) Assets {
	t.Helper()
	a := Assets{Library: os.Getenv("PARLEY_TEST_LLAMA_LIB"), Text: os.Getenv("PARLEY_TEST_TEXT_MODEL"), Embed: os.Getenv("PARLEY_TEST_EMBED_MODEL")}
	if home := os.Getenv("PARLEY_TEST_HOME"); home != "" && os.Getenv("PARLEY_TEST_CACHE") != "" {
		a.fill(t, home)
	}
	if a.Library == "" || a.Text == "" {
		t.Skip("PARLEY_TEST_HOME and PARLEY_TEST_CACHE name no home with the default models: `make test` pulls them and names it")
	}
	return a
}

// fill adds what a home's manifest names.
func (a *Assets) fill(t testing.TB, home string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(home, "models.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Models []struct{ Name, Kind, Engine, Dir, Path, SHA256 string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	// Files in the cache are named by their hash alone, so that it can be moved (package models).
	cache := os.Getenv("PARLEY_TEST_CACHE")
	for _, m := range manifest.Models {
		if m.Path == "" && m.SHA256 != "" {
			m.Path = filepath.Join(cache, "blobs", "sha256", m.SHA256)
		}
		switch {
		case m.Kind == "library" && m.Engine == "llama" && a.Library == "":
			a.Library = filepath.Join(cache, "libraries", filepath.Base(m.Dir))
		case m.Name == "smollm2-135m-instruct" && a.Text == "":
			a.Text = m.Path
		case m.Name == "all-minilm-l6-v2" && a.Embed == "":
			a.Embed = m.Path
		}
	}
}
