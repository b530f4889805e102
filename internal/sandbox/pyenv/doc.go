// Package pyenv makes the Python environment of the Code Interpreter: a root directory with an interpreter, its standard library, the
// libraries that models expect (requirements.txt), a shell with a few tools, and nothing of the machine besides. The sandbox mounts it
// for reading only.
//
// It is made once, by `parley setup code-interpreter`, of the machine's own Python and by its own pip, and lies in the cache under a name that
// changes with what it is made of: a new release that wants other packages makes a new one beside it.
//
// # Invariants
//
//   - What Find returns is whole: it is made under another name and renamed at the end.
//   - It holds no path, no file of configuration and no secret of the machine, only copies of Python, of shared libraries and of tools.
package pyenv

import _ "embed"

// requirements are the packages with their versions, for pip.
//
//go:embed requirements.txt
var requirements string
