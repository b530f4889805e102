package models

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/pull"
)

// blob puts a model into a home as a pull from elsewhere does: its file lies in the cache.
func (r *Registry) blob(t *testing.T, name string, m model) Installed {
	t.Helper()
	dir, err := r.store.TempDir(name)
	if err != nil {
		t.Fatal(err)
	}
	sha, size, err := r.store.Copy(t.Context(), dir, m.file(t, name+".gguf"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	in := Installed{Name: name, Kind: "chat", Engine: "llama", Ref: name, Path: r.store.Path(sha), SHA256: sha, Bytes: size,
		Files: []pull.File{{Name: name + ".gguf", Path: r.store.Path(sha), SHA256: sha, Bytes: size}}}
	if err := r.put(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return in
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestRemoveWithFiles(t *testing.T) {
	r := open(t, nil)
	other := open(t, func(o *Options) { o.Cache = r.store.Dir })
	alone, shared, twin := r.blob(t, "alone", model{name: "a"}), r.blob(t, "shared", model{name: "b"}), r.blob(t, "twin", model{name: "c"})
	other.blob(t, "theirs", model{name: "b"})
	r.blob(t, "twin-2", model{name: "c"})
	own := model{name: "own", weights: 1}.file(t, "own.gguf")
	r.mustPull(t, own, PullOptions{})

	for _, tt := range []struct {
		name  string
		path  string
		stays bool
		kept  string
	}{
		{"alone", alone.Path, false, ""},
		{"shared", shared.Path, true, "the home directory " + other.home + " uses it"},
		{"twin", twin.Path, true, "the model twin-2 uses it"},
		{"own", own, true, "it lies in " + filepath.Dir(own)},
		{"twin-2", twin.Path, false, ""},
	} {
		files, err := r.RemoveWithFiles(t.Context(), tt.name)
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: %v %v", tt.name, files, err)
		}
		if there(tt.path) != tt.stays || !strings.HasPrefix(files[0].Kept, tt.kept) || (files[0].Kept == "") != (tt.kept == "") || (files[0].Bytes > 0) == tt.stays {
			t.Errorf("%s: there %v, %+v", tt.name, there(tt.path), files)
		}
	}
	if _, err := r.RemoveWithFiles(t.Context(), "alone"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("twice: %v", err)
	}
	if n := len(r.Installed()); n != 0 {
		t.Errorf("%d are installed", n)
	}
}

// TestFilesStayWhenItCannotBeTold who else uses them.
func TestFilesStayWhenItCannotBeTold(t *testing.T) {
	r := open(t, nil)
	other := open(t, func(o *Options) { o.Cache = r.store.Dir })
	in := r.blob(t, "one", model{name: "a"})
	other.blob(t, "two", model{name: "b"})
	if err := os.WriteFile(manifestPath(other.home), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RemoveWithFiles(t.Context(), "one"); fault.KindOf(err) != fault.Conflict || !there(in.Path) {
		t.Errorf("%v, there: %v", err, there(in.Path))
	}
	// A home that is gone uses nothing.
	if err := os.RemoveAll(other.home); err != nil {
		t.Fatal(err)
	}
	in = r.blob(t, "one", model{name: "a"})
	if _, err := r.RemoveWithFiles(t.Context(), "one"); err != nil || there(in.Path) {
		t.Errorf("%v, there: %v", err, there(in.Path))
	}
}

func TestServingAndEndpoints(t *testing.T) {
	r := open(t, func(o *Options) {
		o.Settings.Remotes = []Remote{{Name: "up", URL: "http://user:pass@127.0.0.1:9/v1?key=secret", Models: []RemoteModel{{Name: "m", Window: 100}}}}
	})
	r.blob(t, "mine", model{name: "a"})
	got := r.Serving()
	if len(got) != 2 || got[0].Name != "mine" || got[0].Remote() || got[0].Window == 0 || got[0].Memory == 0 || got[1].Name != "up/m" || !got[1].Remote() || got[1].Window != 100 {
		t.Errorf("%+v", got)
	}
	ends := r.Probe(t.Context())
	if len(ends) != 1 || ends[0].URL != "http://127.0.0.1:9/v1" || ends[0].Err == nil || !ends[0].Configured || strings.Join(ends[0].Models, " ") != "up/m" {
		t.Errorf("%+v", ends)
	}
}
