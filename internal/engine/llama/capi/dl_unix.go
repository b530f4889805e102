//go:build !windows

package capi

import "github.com/ebitengine/purego"

// openLibrary loads a shared library by absolute path. Its symbols are global because the backends
// that ggml loads later bind to those of ggml-base.
func openLibrary(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

func findSymbol(lib uintptr, name string) (uintptr, error) { return purego.Dlsym(lib, name) }

// floatCallbacks says whether C can call Go with float arguments.
const floatCallbacks = true
