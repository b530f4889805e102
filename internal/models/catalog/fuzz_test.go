package catalog

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse feeds anything as a catalog: what is taken has names that are safe as files' names and as
// arguments of pip and npm.
func FuzzParse(f *testing.F) {
	f.Add([]byte("models:\n- name: m\n  kind: chat\n  licence: MIT\n  verified: pulled-here\n  files: [{name: m.gguf, sha256: " + strings.Repeat("a", 64) +
		", bytes: 5}]\n  sources: [{kind: pypi, packages: [{name: p, version: 1.0.0}], paths: {m.gguf: [p/m.gguf]}}]\n"))
	f.Add([]byte("models:\n- name: ../x\n  kind: chat\n"))
	f.Add([]byte("models: [&a {name: m, page: {temperature: 1}}, *a]"))
	f.Add([]byte("models: {}"))
	f.Add([]byte("models:\n- files: !00 00\n000000008: 00000")) // the library panics
	f.Add([]byte("a: &a [x,x,x]\nb: &b [*a,*a,*a]\nmodels: [*b,*b]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data, "test")
		if err != nil {
			return
		}
		for _, e := range c.Entries {
			if c.Find(e.Name) != e || filepath.Base(e.Name) != e.Name {
				t.Errorf("name %q", e.Name)
			}
			for _, file := range e.Files {
				if filepath.Base(file.Name) != file.Name || file.Name == ".." {
					t.Errorf("file %q", file.Name)
				}
			}
			for _, s := range e.Sources {
				for _, p := range s.Packages {
					if strings.HasPrefix(p.Name, "-") || strings.HasPrefix(p.Version, "-") || strings.ContainsAny(p.Name+p.Version, " \n:\\") {
						t.Errorf("package %q %q", p.Name, p.Version)
					}
				}
			}
			if e.Bytes() < 0 {
				t.Errorf("%s has %d bytes", e.Name, e.Bytes())
			}
		}
	})
}
