package capi

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/ebitengine/purego"
)

// cLog collects what the C libraries print. Errors are kept so that a failed load can say why.
var cLog struct {
	sync.Mutex
	once     sync.Once
	callback uintptr
	line     strings.Builder
	level    slog.Level
	recent   []string // latest warnings and errors
	backends []string // "load_backend: loaded …" lines
}

// levels of ggml_log_level; 5 continues the line before.
var logLevels = map[int32]slog.Level{0: slog.LevelDebug, 1: slog.LevelDebug, 2: slog.LevelDebug, 3: slog.LevelWarn, 4: slog.LevelError}

// logCallback gets every message of llama.cpp and ggml, from any thread.
func logCallback(level int32, text, _ uintptr) {
	s := goString(text)
	cLog.Lock()
	defer cLog.Unlock()
	if level != 5 {
		cLog.level = logLevels[level]
	}
	cLog.line.WriteString(s)
	if !strings.HasSuffix(s, "\n") {
		return
	}
	line := strings.TrimSpace(cLog.line.String())
	cLog.line.Reset()
	if line == "" || strings.Trim(line, ".") == "" {
		return
	}
	// Sequences share a context's cells, so it is larger than what one of them may use; the engine's
	// window keeps each within what the model was trained for.
	if strings.Contains(line, "possible training context overflow") {
		cLog.level = slog.LevelDebug
	}
	if cLog.level >= slog.LevelWarn {
		if len(cLog.recent) == 20 {
			cLog.recent = cLog.recent[1:]
		}
		cLog.recent = append(cLog.recent, line)
	}
	if rest, ok := strings.CutPrefix(line, "load_backend: loaded "); ok {
		cLog.backends = append(cLog.backends, rest)
	}
	slog.Log(context.Background(), cLog.level, line, "from", "llama.cpp")
}

func logCallbackPointer() uintptr {
	cLog.once.Do(func() { cLog.callback = purego.NewCallback(logCallback) })
	return cLog.callback
}

// takeErrors returns and forgets the latest warnings and errors of the C side.
func takeErrors() string {
	cLog.Lock()
	defer cLog.Unlock()
	out := strings.Join(cLog.recent, "; ")
	cLog.recent = nil
	return out
}

func loadedBackends() []string {
	cLog.Lock()
	defer cLog.Unlock()
	return append([]string(nil), cLog.backends...)
}
