package capi

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packages are the files of published packages besides the CPU variants and the Node addon, as their
// archives list them: release v0.5.0 is package version 3.22.1, v0.4.0 is 3.21.1.
var packages = []struct {
	name, release string
	files         string
	cpu           string // one of its CPU variants
	devices       []string
}{
	{"linux-x64", "v0.5.0", "libggml-base.so libggml.v0.5.0.so libllama-common.so libllama.v0.5.0.so", "libggml-cpu-zen4.so", nil},
	{"linux-arm64", "v0.5.0", "libggml-base.so libggml.v0.5.0.so libllama-common.so libllama.v0.5.0.so", "libggml-cpu-armv8.2_1.so", nil},
	{"linux-armv7l", "v0.5.0", "libggml-base.so libggml.v0.5.0.so libllama-common.so libllama.v0.5.0.so", "libggml-cpu.so", nil},
	{"linux-x64-cuda", "v0.5.0", "libggml-base.so libggml-cuda.so libggml.cuda.v0.5.0.so libllama-common.so libllama.cuda.v0.5.0.so", "libggml-cpu-x64.so", []string{"cuda"}},
	{"linux-x64-vulkan", "v0.5.0", "libggml-base.so libggml-vulkan.so libggml.vulkan.v0.5.0.so libllama-common.so libllama.vulkan.v0.5.0.so", "libggml-cpu-x64.so", []string{"vulkan"}},
	{"mac-arm64-metal", "v0.4.0", "libggml-base.dylib libggml.metal.v0.4.0.dylib libllama-common.dylib libllama.metal.v0.4.0.dylib libggml-blas.so libggml-metal.so", "libggml-cpu-apple_m2_m3.so", []string{"blas", "metal"}},
	{"mac-x64", "v0.4.0", "libggml-base.dylib libggml.v0.4.0.dylib libllama-common.dylib libllama.v0.4.0.dylib libggml-blas.so", "libggml-cpu-haswell.so", []string{"blas"}},
	{"win-x64", "v0.4.0", "ggml-base.dll ggml.v0.4.0.dll llama-common.dll llama.v0.4.0.dll llama-addon.lib", "ggml-cpu-sse42.dll", nil},
	{"win-arm64", "v0.4.0", "ggml-base.dll ggml.v0.4.0.dll llama-common.dll llama.v0.4.0.dll llama-addon.lib", "ggml-cpu.dll", nil},
	{"win-x64-cuda", "v0.4.0", "ggml-base.dll ggml-cuda.dll ggml.cuda.v0.4.0.dll llama-common.dll llama.cuda.v0.4.0.dll llama-addon.exp llama-addon.lib", "ggml-cpu-x64.dll", []string{"cuda"}},
	{"win-x64-vulkan", "v0.4.0", "ggml-base.dll ggml-vulkan.dll ggml.vulkan.v0.4.0.dll llama-common.dll llama.vulkan.v0.4.0.dll llama-addon.lib", "ggml-cpu-x64.dll", []string{"vulkan"}},
	// Built by hand, without releases in the names.
	{"plain", "", "libggml-base.so libggml.so libllama.so libmtmd.so", "libggml-cpu.so", nil},
}

func fill(t *testing.T, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindInPublishedPackages(t *testing.T) {
	for _, p := range packages {
		t.Run(p.name, func(t *testing.T) {
			names := append(strings.Fields(p.files), p.cpu, "llama-addon.node", "parley-files.json")
			found, err := Find(fill(t, names...))
			if err != nil {
				t.Fatal(err)
			}
			if found.Release != p.release || !slices.Equal(found.Devices, p.devices) || len(found.CPU) != 1 || filepath.Base(found.CPU[0]) != p.cpu {
				t.Errorf("found %+v", found)
			}
			for what, path := range map[string]string{"llama.": found.Llama, "ggml.": found.Ggml, "ggml-base.": found.Base} {
				if name := strings.TrimPrefix(filepath.Base(path), "lib"); !strings.HasPrefix(name, what) {
					t.Errorf("%s was taken for %s", path, what)
				}
			}
		})
	}
}

func TestFindRefusesMixtures(t *testing.T) {
	for want, files := range map[string]string{
		"two builds":       "libggml-base.so libggml.v0.5.0.so libllama.v0.5.0.so libllama.cuda.v0.5.0.so",
		"not of one build": "libggml-base.so libggml.v0.5.0.so libllama.cuda.v0.5.0.so",
		"no llama.cpp":     "libggml-base.so libggml-cuda.so", // the CUDA package's extension, which is no package by itself
	} {
		if _, err := Find(fill(t, strings.Fields(files)...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", files, err, want)
		}
	}
}
