package llama

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parley-ai/parley/internal/engine"
)

// AlteredError says that a model file is not what was pulled.
type AlteredError struct {
	Path     string
	Expected string // sha256, hex
	Found    string
}

func (e *AlteredError) Error() string {
	return fmt.Sprintf("model file %s was altered or cut short: expected sha256 %s, found %s; pull the model again", e.Path, e.Expected, e.Found)
}

// seen is what the sidecar file remembers of a verified file.
type seen struct {
	Size   int64  `json:"size"`
	MTime  int64  `json:"mtime_ns"`
	Inode  uint64 `json:"inode,omitempty"`
	SHA256 string `json:"sha256"`
}

// VerifyFile compares a file with its sha256 (hex). Reading a large file takes time, so the result
// is kept in PATH.verified with size, time and inode, and the file is read again only when one of
// these has changed. Without an expected hash only the file's existence is checked.
func VerifyFile(ctx context.Context, path, expected string, progress engine.Progress) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("model file: %w", err)
	}
	defer f.Close()
	if expected == "" {
		return nil
	}
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("model file: %w", err)
	}
	now := seen{Size: st.Size(), MTime: st.ModTime().UnixNano(), Inode: inode(st)}
	sidecar := path + ".verified"
	var old seen
	if data, err := os.ReadFile(sidecar); err == nil && json.Unmarshal(data, &old) == nil {
		now.SHA256 = old.SHA256
		if now == old && old.SHA256 == expected {
			return nil
		}
	}
	h := sha256.New()
	r := &progressReader{ctx: ctx, r: f, size: st.Size(), progress: progress}
	if _, err := io.CopyBuffer(h, r, make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("model file %s: %w", path, err)
	}
	now.SHA256 = hex.EncodeToString(h.Sum(nil))
	if now.SHA256 != expected {
		return &AlteredError{Path: path, Expected: expected, Found: now.SHA256}
	}
	// A file that was written within the clock's resolution could change once more unnoticed.
	if time.Since(st.ModTime()) > time.Second {
		if data, err := json.Marshal(now); err == nil {
			_ = os.WriteFile(sidecar, data, 0o644) // a read-only directory only costs the next start some time
		}
	}
	return nil
}

type progressReader struct {
	ctx      context.Context
	r        io.Reader
	size     int64
	done     int64
	progress engine.Progress
}

func (p *progressReader) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	p.done += int64(n)
	if p.progress != nil && p.size > 0 {
		p.progress(float64(p.done) / float64(p.size))
	}
	return n, err
}

// withHash adds the file's hashes to an error of llama.cpp about it: a file without a pinned hash
// may be broken too.
func withHash(err error, spec engine.Spec) error {
	f, openErr := os.Open(spec.Path)
	if openErr != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, copyErr := io.Copy(h, f); copyErr != nil {
		return err
	}
	expected := spec.SHA256
	if expected == "" {
		expected = "unknown"
	}
	return fmt.Errorf("%w (sha256 expected %s, found %s)", err, expected, hex.EncodeToString(h.Sum(nil)))
}
