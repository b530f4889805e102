package capi

import "golang.org/x/sys/windows"

// openLibrary loads a DLL by absolute path and looks for the DLLs it needs beside it.
func openLibrary(path string) (uintptr, error) {
	h, err := windows.LoadLibraryEx(path, 0, windows.LOAD_WITH_ALTERED_SEARCH_PATH)
	return uintptr(h), err
}

func findSymbol(lib uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(lib), name)
}

// floatCallbacks says whether C can call Go with float arguments: not on Windows, so that loading
// reports no progress there.
const floatCallbacks = false
