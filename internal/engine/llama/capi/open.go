package capi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Library is llama.cpp as loaded into this process. A process loads one: the backends are global.
type Library struct {
	fn      funcs
	layout  layout
	dir     string
	poolNew func(params *poolParams) ptr
	poolEnd func(pool ptr)
}

// Found says what lies in a library directory.
type Found struct {
	Release string // llama.cpp release, e.g. "v0.5.0" or "b8095"
	Llama   string // path of libllama
	Ggml    string
	Base    string
	CPU     []string // CPU variants that are there
	Devices []string // further devices that the package has a backend for: "cuda", "vulkan", "metal", "blas"
}

// The packages name their files like libllama.v0.5.0.so, and libllama.cuda.v0.5.0.so in builds for a
// device; on Windows without lib, and backends on macOS end in .so beside the libraries' .dylib.
var (
	libraryName = regexp.MustCompile(`^(?:lib)?(llama|ggml)((?:\.[a-z]+)?)(?:\.(v[0-9.]+[0-9]|b[0-9]+))?\.(?:so|dylib|dll)$`)
	backendName = regexp.MustCompile(`^(?:lib)?ggml-([a-z]+)(?:-[a-z0-9._]+)?\.(?:so|dylib|dll)$`)
)

// Find looks at a directory without loading anything. The release comes from the library's file
// name and from the package's build metadata; where both are there they must agree.
func Find(dir string) (Found, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Found{}, fmt.Errorf("engine libraries: %w", err)
	}
	var out Found
	build := map[string]string{} // device and release of each library
	for _, e := range entries {
		name := e.Name()
		path := filepath.Join(dir, name)
		if m := libraryName.FindStringSubmatch(name); m != nil {
			if before, twice := build[m[1]]; twice {
				return out, fmt.Errorf("%s holds two builds of llama.cpp, %q and %q: keep each package in a directory of its own", dir, before, m[2]+m[3])
			}
			build[m[1]] = m[2] + m[3]
			if m[1] == "llama" {
				out.Llama, out.Release = path, m[3]
			} else {
				out.Ggml = path
			}
			continue
		}
		switch m := backendName.FindStringSubmatch(name); {
		case m == nil:
		case m[1] == "base":
			out.Base = path
		case m[1] == "cpu":
			out.CPU = append(out.CPU, path)
		default:
			out.Devices = append(out.Devices, m[1])
		}
	}
	if build["llama"] != build["ggml"] && out.Llama != "" && out.Ggml != "" {
		return out, fmt.Errorf("%s and %s in %s are not of one build: pull the libraries again", filepath.Base(out.Llama), filepath.Base(out.Ggml), dir)
	}
	if out.Llama == "" || out.Ggml == "" || out.Base == "" {
		return out, fmt.Errorf("no llama.cpp libraries in %s: pull them with `parley pull`", dir)
	}
	var meta struct {
		BuildOptions struct {
			LlamaCpp struct {
				Release string `json:"release"`
			} `json:"llamaCpp"`
		} `json:"buildOptions"`
	}
	if data, err := os.ReadFile(filepath.Join(dir, "_nlcBuildMetadata.json")); err == nil {
		if err := json.Unmarshal(data, &meta); err != nil {
			return out, fmt.Errorf("build metadata in %s: %w", dir, err)
		}
		if r := meta.BuildOptions.LlamaCpp.Release; r != "" {
			if out.Release != "" && out.Release != r {
				return out, fmt.Errorf("%s is release %s by its name and %s by its metadata: pull the libraries again", out.Llama, out.Release, r)
			}
			out.Release = r
		}
	}
	return out, nil
}

var loaded struct {
	sync.Mutex
	dir string
	lib *Library
}

// Open loads the libraries of dir into the process, once; later calls with the same directory get
// the same Library. It refuses a library whose release is unknown or whose structs do not have the
// defaults that the table says.
func Open(dir string) (*Library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if loaded.lib != nil {
		if loaded.dir != dir {
			return nil, fmt.Errorf("this process has loaded %s already and cannot load %s beside it", loaded.dir, dir)
		}
		return loaded.lib, nil
	}
	lib, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("llama.cpp from %s: %w", dir, err)
	}
	loaded.dir, loaded.lib = dir, lib
	return lib, nil
}

func open(dir string) (*Library, error) {
	if !slices.Contains([]string{"amd64", "arm64"}, runtime.GOARCH) {
		return nil, fmt.Errorf("the binding passes structs by value, which was tried on amd64 and arm64 only, not on %s: use a remote backend", runtime.GOARCH)
	}
	found, err := Find(dir)
	if err != nil {
		return nil, err
	}
	var handles []uintptr
	for _, path := range []string{found.Base, found.Ggml, found.Llama} {
		h, err := openLibrary(path)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", path, err)
		}
		handles = append([]uintptr{h}, handles...)
	}
	version := ""
	if a := symbol(handles, "llama_version"); a != 0 {
		var fn func() ptr
		if err := register(&fn, a, "llama_version"); err != nil {
			return nil, err
		}
		version = goString(fn())
	}
	lay, err := identify(found.Release, version)
	if err != nil {
		return nil, err
	}
	lib := &Library{layout: lay, dir: dir}
	if err := lib.fn.bind(handles); err != nil {
		return nil, fmt.Errorf("release %s: %w", lay.release, err)
	}
	if err := lib.verify(); err != nil {
		return nil, fmt.Errorf("release %s: %w", lay.release, err)
	}
	lib.fn.logSet(logCallbackPointer(), 0)
	lib.fn.loadBackends(dir)
	if lib.fn.deviceCount() == 0 {
		return nil, fmt.Errorf("no CPU variant fits this machine: %s", takeErrors())
	}
	lib.fn.backendInit()
	return lib, lib.bindThreadpool()
}

// identify finds the layout by the release named in the file or metadata, or by what llama_version
// answers; when both are known they must agree.
func identify(release, version string) (layout, error) {
	if release == "" {
		for _, l := range layouts {
			if version != "" && slices.Contains(l.versions, version) {
				return l, nil
			}
		}
		return layout{}, fmt.Errorf("cannot tell the llama.cpp release (file name, metadata and llama_version %q say nothing known): this program knows %s",
			version, strings.Join(Releases(), ", "))
	}
	l, err := layoutOf(release)
	if err != nil {
		return layout{}, err
	}
	if version != "" && !slices.Contains(l.versions, version) {
		return layout{}, fmt.Errorf("the library says version %q, release %s should say one of %q", version, release, l.versions)
	}
	if version == "" && len(l.versions) > 0 {
		return layout{}, fmt.Errorf("the library lacks llama_version, which release %s has", release)
	}
	return l, nil
}

// verify compares the library's default structs with the table.
func (l *Library) verify() error {
	m, c, q := l.fn.modelDefaults(), l.fn.contextDefaults(), l.fn.quantizeDefaults()
	err := errors.Join(
		l.layout.model.verify("llama_model_params", &m),
		l.layout.context.verify("llama_context_params", &c),
		l.layout.quantize.verify("llama_model_quantize_params", &q))
	if !l.fn.chainDefaults() {
		err = errors.Join(err, errors.New("llama_sampler_chain_params.no_perf is false by default, expected true"))
	}
	return err
}

// Release is the llama.cpp release, e.g. "v0.5.0".
func (l *Library) Release() string { return l.layout.release }

// Dir is the directory that the libraries came from.
func (l *Library) Dir() string { return l.dir }

// Devices names the compute devices, e.g. ["CPU"].
func (l *Library) Devices() []string {
	var out []string
	for i := range l.fn.deviceCount() {
		out = append(out, goString(l.fn.deviceName(l.fn.deviceGet(i))))
	}
	return out
}

// Variant is the file name of the CPU variant that was chosen for this machine, e.g.
// "libggml-cpu-zen4.so"; empty when the library did not say.
func (l *Library) Variant() string {
	for _, line := range loadedBackends() {
		if name := filepath.Base(line); strings.Contains(name, "ggml-cpu") {
			return name
		}
	}
	return ""
}

// poolParams is ggml_threadpool_params, the same in every known version.
type poolParams struct {
	mask     [512]bool
	threads  int32
	priority int32
	poll     uint32 // 0 sleep at once … 100 spin long
	strict   bool
	paused   bool
}

// bindThreadpool finds the thread pool functions, which live in the CPU variant itself.
func (l *Library) bindThreadpool() error {
	for i := range l.fn.deviceCount() {
		reg := l.fn.deviceReg(l.fn.deviceGet(i))
		newPool, endPool := l.fn.procAddress(reg, "ggml_threadpool_new"), l.fn.procAddress(reg, "ggml_threadpool_free")
		if newPool == 0 || endPool == 0 {
			continue
		}
		if err := register(&l.poolNew, newPool, "ggml_threadpool_new"); err != nil {
			return err
		}
		return register(&l.poolEnd, endPool, "ggml_threadpool_free")
	}
	return errors.New("no device offers ggml_threadpool_new")
}
