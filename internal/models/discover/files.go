package discover

import (
	"cmp"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/gguf"
	"github.com/parley-ai/parley/internal/models/hub"
)

// Dir is a program's cache.
type Dir struct {
	Program string
	Path    string
}

// Dirs are the usual caches on this system, with what their programs' variables say.
func Dirs() []Dir {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		caches = filepath.Join(home, ".cache")
	}
	// Unlike llama.cpp's, this one is below .cache on every system.
	hf := filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "huggingface")
	dirs := []Dir{
		{"Ollama", cmp.Or(os.Getenv("OLLAMA_MODELS"), filepath.Join(home, ".ollama", "models"))},
		{"LM Studio", filepath.Join(home, ".lmstudio", "models")},
		{"LM Studio", filepath.Join(home, ".cache", "lm-studio", "models")},
		{"llama.cpp", cmp.Or(os.Getenv("LLAMA_CACHE"), filepath.Join(caches, "llama.cpp"))},
		{"Hugging Face", cmp.Or(os.Getenv("HF_HUB_CACHE"), filepath.Join(cmp.Or(os.Getenv("HF_HOME"), hf), "hub"))},
	}
	// Where somebody moved LM Studio's home to.
	if data, err := os.ReadFile(filepath.Join(home, ".lmstudio-home-pointer")); err == nil {
		if moved := strings.TrimSpace(string(data)); filepath.IsAbs(moved) {
			dirs = append(dirs, Dir{"LM Studio", filepath.Join(moved, "models")})
		}
	}
	if runtime.GOOS == "linux" {
		// Where the installer's service keeps them.
		dirs = append(dirs, Dir{"Ollama", "/usr/share/ollama/.ollama/models"})
	}
	return dirs
}

// Bounds of a walk: caches are small trees, and a home directory put here by mistake must not cost
// minutes.
const (
	maxDepth   = 7
	maxEntries = 20_000
)

// Files reads the GGUF files of the caches.
func Files(ctx context.Context, dirs []Dir) []Found {
	var out []Found
	seen := map[string]bool{}
	add := func(program, path, name, sha string) {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real] {
			return
		}
		seen[real] = true
		f := inspect(path, name)
		f.Program, f.SHA256 = program, sha
		out = append(out, f)
	}
	for _, dir := range dirs {
		if ctx.Err() != nil {
			break
		}
		if dir.Program == "Ollama" {
			ollama(ctx, dir.Path, func(path, name, sha string) { add(dir.Program, path, name, sha) })
			continue
		}
		walk(ctx, dir.Path, func(path string) {
			if strings.HasSuffix(strings.ToLower(path), ".gguf") {
				add(dir.Program, path, nameOf(filepath.Base(path)), "")
			}
		})
	}
	slices.SortStableFunc(out, func(a, b Found) int { return strings.Compare(a.Program+a.Name, b.Program+b.Name) })
	return out
}

// walk calls visit for every file of a tree, links included, within the bounds.
func walk(ctx context.Context, root string, visit func(path string)) {
	entries := 0
	base := strings.Count(filepath.Clean(root), string(filepath.Separator))
	// Directories that may not be read are passed over.
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if entries++; ctx.Err() != nil || entries > maxEntries {
			return filepath.SkipAll
		}
		if err != nil {
			return nil
		}
		if d.IsDir() {
			if strings.Count(path, string(filepath.Separator))-base > maxDepth {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() || d.Type()&fs.ModeSymlink != 0 {
			visit(path)
		}
		return nil
	})
}

var digestRE = regexp.MustCompile(`^sha256:([0-9a-f]{64})$`)

// ollama reads the manifests, which name the blob that holds the weights.
func ollama(ctx context.Context, root string, add func(path, name, sha string)) {
	manifests := filepath.Join(root, "manifests")
	walk(ctx, manifests, func(path string) {
		// A manifest is some hundred bytes long.
		if info, err := os.Stat(path); err != nil || info.Size() > 1<<20 {
			return
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return
		}
		var doc struct {
			Layers []struct {
				MediaType string `json:"mediaType"`
				Digest    string `json:"digest"`
			} `json:"layers"`
		}
		if json.Unmarshal(data, &doc) != nil {
			return
		}
		for _, layer := range doc.Layers {
			m := digestRE.FindStringSubmatch(layer.Digest)
			if m == nil || layer.MediaType != "application/vnd.ollama.image.model" {
				continue
			}
			// …/library/llama3.2/3b is what Ollama calls llama3.2:3b.
			name := nameOf(filepath.Base(filepath.Dir(path)) + "-" + filepath.Base(path))
			add(filepath.Join(root, "blobs", "sha256-"+m[1]), name, m[1])
		}
	})
}

var notInName = regexp.MustCompile(`[^a-z0-9._-]+`)

func nameOf(file string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.TrimSuffix(strings.ToLower(file), ".gguf"), "-"), "-.")
}

// inspect reads a file's head and decides whether Parley can serve it.
func inspect(path, name string) Found {
	f := Found{File: path, Name: name}
	base := strings.ToLower(filepath.Base(path))
	info, err := os.Stat(path)
	if err != nil {
		f.Skipped = "it cannot be read"
		return f
	}
	f.Bytes = info.Size()
	if hub.Split(base) {
		f.Skipped = "it is one part of a model in several files"
		return f
	}
	g, err := gguf.Open(path, gguf.Options{})
	if err != nil {
		f.Skipped = strings.TrimPrefix(err.Error(), path+": ")
		return f
	}
	f.Arch, f.Weights, f.Context = g.Architecture(), g.Weights().String(), g.Context()
	switch {
	case f.Arch == "clip" || strings.Contains(base, "mmproj"):
		f.Skipped = "it is the eye of a vision model, not a model"
	case g.Text("general.type") == "adapter":
		f.Skipped = "it is an adapter, not a model"
	case g.Context() == 0:
		f.Skipped = "it is no language model (" + f.Arch + ")"
	case g.Reranker():
		f.Kind = catalog.Reranker
	case g.Encoder():
		f.Kind = catalog.Embeddings
	case g.Text("tokenizer.chat_template") == "":
		f.Skipped = "it has no chat template"
	default:
		f.Kind = kindOf(name)
	}
	return f
}
