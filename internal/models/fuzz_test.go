package models

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/models/blobs"
)

// FuzzManifest feeds anything as HOME/models.json: a home that can be opened can be used, and what is
// written of it is read as the same.
func FuzzManifest(f *testing.F) {
	sha := strings.Repeat("a", 64)
	f.Add([]byte(`{"version":1,"models":[{"name":"m","kind":"chat","sha256":"` + sha + `","files":[{"name":"m.gguf","sha256":"` + sha + `"}]}],"defaults":{"chat":"m"}}`))
	f.Add([]byte(`{"version":1,"models":[{"name":"","kind":"library","dir":"../../x","files":[{"name":"../y"}]},{"name":"m"},{"name":"m"}],"defaults":{"":""}}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`null`))
	cache := f.TempDir()
	store := blobs.Store{Dir: cache}
	f.Fuzz(func(t *testing.T, data []byte) {
		home := t.TempDir()
		if err := os.WriteFile(manifestPath(home), data, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := loadManifest(home, store)
		if err != nil {
			return
		}
		for _, in := range m.Models {
			again := in.stripped(store)
			again.fill(store)
			if again.Path != in.Path || again.Dir != in.Dir || len(again.Files) != len(in.Files) {
				t.Errorf("%+v became %+v", in, again)
			}
			if in.Dir != "" && filepath.Dir(in.Dir) != filepath.Join(cache, "libraries") && in.Kind == "library" {
				t.Errorf("a library in %s", in.Dir)
			}
		}
		r, err := Open(Options{Home: home, Cache: cache})
		if err != nil {
			return
		}
		list, err := r.List(t.Context(), actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range list {
			if _, err := r.Get(t.Context(), actor.Actor{}, model.ID); err != nil {
				t.Errorf("%q is listed: %v", model.ID, err)
			}
		}
	})
}

// FuzzReference feeds anything as what `parley pull` is given: names that come of it are safe in paths,
// and what is written down has no password.
func FuzzReference(f *testing.F) {
	for _, s := range []string{"hf:me/m@main:x.gguf", "https://u:p@h/m.gguf?sig=1#sha256=x", "http://[::1", "Qwen3-8B (1).GGUF", "..", "", "\xff/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if name := nameOf(ref); name == "" || filepath.Base(name) != name || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || name[0] == '.' || name[0] == '-' {
			t.Errorf("%q became %q", ref, name)
		}
		if rest, ok := strings.CutPrefix(ref, "https://user:secretpassword@"); ok && strings.Contains(SafeRef(ref), "secretpassword") && !strings.Contains(rest, "secretpassword") {
			t.Errorf("%q became %q", ref, SafeRef(ref))
		}
		if parts := hubRef.FindStringSubmatch(ref); parts != nil && (strings.Count(parts[1], "/") != 1 || strings.ContainsAny(parts[1], " \x00?#%")) {
			t.Errorf("%q: repository %q", ref, parts[1])
		}
	})
}
