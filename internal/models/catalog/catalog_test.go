package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, home string) *Catalog {
	t.Helper()
	c, err := Load(home)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBuiltInCatalog(t *testing.T) {
	c := load(t, "")
	kinds, hub := map[Kind]int{}, 0
	for _, e := range c.Entries {
		kinds[e.Kind]++
		if e.Title == "" {
			t.Errorf("%s has no title", e.Name)
		}
		if e.Verified == NeverPulledHere && e.Found == "" {
			t.Errorf("%s was never pulled here and does not say where it was found", e.Name)
		}
		if e.Verified == PulledHere && e.Kind != Library && e.Bytes() == 0 {
			t.Errorf("%s was pulled here, so its sizes must be pinned", e.Name)
		}
		for _, f := range e.Files {
			if e.Verified == PulledHere && f.SHA256 == "" {
				t.Errorf("%s: %s was pulled here, so its hash must be pinned", e.Name, f.Name)
			}
		}
		for _, s := range e.Sources {
			if s.Kind == HF {
				hub++
			}
		}
		if e.Kind == Chat || e.Kind == Code {
			if e.Context < 2048 || e.Parameters == 0 || e.Memory == 0 || len(e.Languages) == 0 {
				t.Errorf("%s lacks context, parameters, memory or languages", e.Name)
			}
			if e.Bytes() > 0 && e.Memory < e.Bytes() {
				t.Errorf("%s: memory %d is less than its weights %d", e.Name, e.Memory, e.Bytes())
			}
		}
	}
	if hub < 8 || kinds[Chat] < 8 || kinds[Code] < 1 || kinds[Embeddings] < 2 || kinds[Reranker] < 1 {
		t.Errorf("%d entries of the hub, kinds %v: too few", hub, kinds)
	}
}

// Only the first of these was ever run here; the names are those that the package node-llama-cpp lists
// as its optional dependencies, with their folders.
func TestLibrariesOfEachPlatform(t *testing.T) {
	c := load(t, "")
	for platform, pkg := range map[string]string{
		"linux/amd64": "linux-x64", "linux/arm64": "linux-arm64", "linux/arm": "linux-armv7l", "linux/riscv64": "linux-riscv64",
		"darwin/arm64": "mac-arm64-metal", "darwin/amd64": "mac-x64", "windows/amd64": "win-x64", "windows/arm64": "win-arm64",
	} {
		e := c.LibraryFor("llama", platform)
		if e == nil {
			t.Errorf("%s: none", platform)
			continue
		}
		src := e.Sources[0]
		if e.Name != "llama-cpp-"+pkg || src.Kind != NPM || src.Packages[0].Name != "@node-llama-cpp/"+pkg || src.Directory != "bins/"+pkg ||
			src.Packages[0].Version != c.Find("llama-cpp-linux-x64").Sources[0].Packages[0].Version {
			t.Errorf("%s: %s from %+v", platform, e.Name, src)
		}
	}
	if e := c.LibraryFor("llama", "plan9/mips"); e != nil {
		t.Errorf("plan9/mips: %s", e.Name)
	}
}

func TestOwnCatalogExtendsAndOverrides(t *testing.T) {
	home := t.TempDir()
	own := `models:
  - name: smollm2-135m-instruct
    title: Mine
    kind: chat
    licence: MIT
    verified: never-pulled-here
    files: [{name: mine.gguf}]
    sources: [{kind: file, path: /models/mine.gguf}]
  - name: another
    title: Another
    kind: code
    licence: MIT
    verified: never-pulled-here
    files: [{name: x.gguf}]
    sources: [{kind: hf, repo: me/x-GGUF, gated: true}]
`
	if err := os.WriteFile(filepath.Join(home, "catalog.yaml"), []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	builtin, c := load(t, ""), load(t, home)
	if got := c.Find("smollm2-135m-instruct").Title; got != "Mine" {
		t.Errorf("title %q: the own entry does not override", got)
	}
	if len(c.Entries) != len(builtin.Entries)+1 || !c.Find("another").Gated() {
		t.Error("the own entry was not added")
	}
}

func TestBadCatalogsAreRefused(t *testing.T) {
	entry := func(change func(string) string) string {
		return change(`models:
  - name: a
    title: A
    kind: chat
    licence: MIT
    verified: pulled-here
    files: [{name: a.gguf}]
    sources: [{kind: pypi, packages: [{name: pkg, version: 1.0.0}]}]
`)
	}
	replace := func(old, new string) string {
		return entry(func(s string) string { return strings.Replace(s, old, new, 1) })
	}
	for name, row := range map[string]struct{ text, want string }{
		"unknown field":     {replace("title: A", "titel: A"), "titel"},
		"upper case name":   {replace("name: a\n", "name: A\n"), "small letters"},
		"kind":              {replace("kind: chat", "kind: talk"), "talk"},
		"no licence":        {replace("licence: MIT", "licence: ''"), "licence"},
		"verified":          {replace("pulled-here", "sure"), "sure"},
		"file with a path":  {replace("name: a.gguf", "name: ../a.gguf"), "file name"},
		"hash":              {replace("name: a.gguf", "name: a.gguf, sha256: abc"), "64 hex"},
		"option as package": {replace("name: pkg", "name: --index-url"), "package"},
		"URL as version":    {replace("version: 1.0.0", "version: 'https://x'"), "package"},
		"page's range":      {replace("kind: chat", "kind: chat\n    page: {temperature: 2.5}"), "temperature 2.5"},
		"page's penalty":    {replace("kind: chat", "kind: chat\n    page: {frequency_penalty: 3}"), "penalties"},
		"page's tokens":     {replace("kind: chat", "kind: chat\n    page: {max_tokens: -1}"), "max_tokens"},
		"matryoshka":        {replace("kind: chat", "kind: embeddings\n    dimensions: 8\n    matryoshka: [8, 16]"), "matryoshka"},
		"source":            {replace("kind: pypi", "kind: ftp"), "ftp"},
		"repo":              {replace("{kind: pypi, packages: [{name: pkg, version: 1.0.0}]}", "{kind: hf, repo: x}"), "OWNER/NAME"},
		"twice":             {entry(func(s string) string { return s + strings.TrimPrefix(s, "models:\n") }), "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(row.text), "test")
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, expected one about %q", err, row.want)
			}
		})
	}
}

func TestPathsOf(t *testing.T) {
	s := Source{Prefix: "pkg/", Files: map[string][]string{"b": {"x/1", "y/2"}}}
	if got := s.PathsOf("a"); len(got) != 1 || got[0] != "pkg/a" {
		t.Errorf("a: %v", got)
	}
	if got := s.PathsOf("b"); len(got) != 2 || got[1] != "y/2" {
		t.Errorf("b: %v", got)
	}
}
