package models

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// Remove takes a model out of the home. Its files stay in the cache, which other homes may use.
func (r *Registry) Remove(ctx context.Context, name string) error {
	_, err := r.remove(ctx, name)
	return err
}

func (r *Registry) remove(ctx context.Context, name string) (was Installed, err error) {
	return was, r.update(ctx, func(m *manifest) error {
		i := slices.IndexFunc(m.Models, func(in Installed) bool { return in.Name == name })
		if i < 0 {
			return notInstalled(name)
		}
		was = m.Models[i]
		m.Models = slices.Delete(m.Models, i, i+1)
		for kind, served := range m.Defaults {
			if served == name {
				delete(m.Defaults, kind)
			}
		}
		return nil
	})
}

// RemovedFile is what became of a file of a removed model.
type RemovedFile struct {
	Name  string `json:"name" doc:"The file, or the directory of libraries."`
	Bytes int64  `json:"bytes" doc:"How much room that freed; 0 for one that was kept."`
	Kept  string `json:"kept,omitempty" doc:"Why it was kept."`
}

// RemoveWithFiles is Remove that also deletes the model's files in the cache, except those that another model, or another
// home that uses the cache, has. A file that was installed where it lay stays: it is the person's own.
func (r *Registry) RemoveWithFiles(ctx context.Context, name string) (_ []RemovedFile, err error) {
	defer fault.Wrap(&err, "models.RemoveWithFiles(%s)", name)
	was, err := r.remove(ctx, name)
	if err != nil {
		return nil, err
	}
	// With the manifest's lock nobody of this home installs a file between the look and the deletion.
	unlock, err := blobs.LockFile(ctx, manifestPath(r.home)+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	used, err := r.usedFiles()
	if err != nil {
		return nil, fault.New(fault.Conflict, "The model `%s` was removed; its files stay in the cache, because it cannot be told who else uses them", name).WithCause(err)
	}
	if was.Kind == catalog.Library {
		return r.removeLibrary(was, used)
	}
	shas, names := []string{}, map[string]string{was.SHA256: was.Name + ", as it was loaded"}
	if was.SHA256 != "" {
		shas = append(shas, was.SHA256)
	}
	for _, f := range was.Files {
		if names[f.SHA256] = f.Name; !slices.Contains(shas, f.SHA256) {
			shas = append(shas, f.SHA256)
		}
	}
	own := map[string]string{}
	for _, f := range append([]struct{ Path, SHA256 string }{{was.Path, was.SHA256}}, pathsOf(was)...) {
		if f.Path != "" && f.Path != r.store.Path(f.SHA256) {
			own[f.SHA256] = f.Path
		}
	}
	out := []RemovedFile{}
	for _, sha := range shas {
		f := RemovedFile{Name: names[sha]}
		switch {
		case own[sha] != "":
			f.Kept = fmt.Sprintf("it lies in %s, where it was before", filepath.Dir(own[sha]))
		case used[sha] != "":
			f.Kept = used[sha]
		default:
			if f.Bytes, err = r.store.Remove(sha); err != nil {
				return out, err
			}
		}
		out = append(out, f)
	}
	return out, nil
}

func pathsOf(in Installed) []struct{ Path, SHA256 string } {
	out := make([]struct{ Path, SHA256 string }, len(in.Files))
	for i, f := range in.Files {
		out[i].Path, out[i].SHA256 = f.Path, f.SHA256
	}
	return out
}

// usedFiles returns who uses which file of the cache, by sha256, and which directory of libraries, by its name.
func (r *Registry) usedFiles() (map[string]string, error) {
	homes, err := r.store.Homes()
	if err != nil {
		return nil, err
	}
	used := map[string]string{}
	for _, home := range append(homes, r.home) {
		m, err := loadManifest(home, r.store)
		if err != nil {
			return nil, err
		}
		for _, in := range m.Models {
			by := fmt.Sprintf("the model %s uses it", in.Name)
			if home != r.home {
				by = fmt.Sprintf("the home directory %s uses it", home)
			}
			used[in.SHA256] = by
			for _, f := range in.Files {
				used[f.SHA256] = by
			}
			if in.Kind == catalog.Library {
				used[filepath.Base(in.Dir)] = by
			}
		}
	}
	delete(used, "")
	return used, nil
}

func (r *Registry) removeLibrary(was Installed, used map[string]string) ([]RemovedFile, error) {
	f := RemovedFile{Name: filepath.Base(was.Dir)}
	if f.Kept = used[f.Name]; f.Kept == "" {
		if err := os.RemoveAll(r.store.Library(f.Name)); err != nil {
			return nil, err
		}
		f.Bytes = was.Bytes
	}
	return []RemovedFile{f}, nil
}
