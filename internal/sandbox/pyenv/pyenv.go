package pyenv

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// builder changes when the same packages make another environment.
const builder = "1"

// Env is an environment that was made.
type Env struct {
	Root     string   `json:"-"`      // the directory that becomes / in the sandbox
	Python   string   `json:"python"` // "3.11.7"
	Program  string   `json:"program"`
	Packages []string `json:"packages"` // "numpy 2.3.5", sorted
	Bytes    int64    `json:"bytes"`
}

// Site is where the packages lie inside.
func (e Env) Site() string {
	parts := strings.SplitN(e.Python, ".", 3)
	if len(parts) < 2 {
		return "/usr/local/lib/python3/site-packages"
	}
	return "/usr/local/lib/python" + parts[0] + "." + parts[1] + "/site-packages"
}

// ErrMissing is the error of Find: there is none yet.
var ErrMissing = errors.New("the Python environment of the Code Interpreter is not made yet: run `parley setup code-interpreter`")

// Dir is where an environment of this release lies in a cache.
func Dir(cache string) string {
	sum := sha256.Sum256([]byte(builder + "\n" + runtime.GOARCH + "\n" + requirements))
	return filepath.Join(cache, "python", hex.EncodeToString(sum[:6]))
}

// Find returns the environment of this release in a cache, or ErrMissing.
func Find(cache string) (Env, error) {
	dir := Dir(cache)
	data, err := os.ReadFile(filepath.Join(dir, "environment.json"))
	if errors.Is(err, os.ErrNotExist) {
		return Env{}, ErrMissing
	}
	if err != nil {
		return Env{}, err
	}
	var e Env
	if err := json.Unmarshal(data, &e); err != nil {
		return Env{}, fmt.Errorf("%s is damaged: remove it and run `parley setup code-interpreter`: %w", dir, err)
	}
	e.Root = filepath.Join(dir, "root")
	return e, nil
}
