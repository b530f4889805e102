package child

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// file is a model file as it was when it was loaded. Whoever opens the backend checks it against its
// pinned hash; this tells whether it is still the same when the process is started again.
type file struct {
	path string
	info os.FileInfo // nil when there was none
}

// note remembers a file as it is now.
func (f *file) note(path string) {
	f.path = path
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		f.info = info
	}
}

// size is the file's, in bytes; 0 when there is none.
func (f *file) size() int64 {
	if f.info == nil {
		return 0
	}
	return f.info.Size()
}

// check refuses a file that is gone, or that changed and does not have the spec's hash any more.
func (f *file) check(ctx context.Context, spec engine.Spec) error {
	if f.info == nil {
		return nil
	}
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Unavailable, "The file %s of the model %s is gone. Run `parley pull` again", f.path, spec.Name).WithCause(err)
	case err != nil:
		return fault.New(fault.Unavailable, "The file %s of the model %s cannot be read.", f.path, spec.Name).WithCause(err)
	case os.SameFile(f.info, info) && info.Size() == f.info.Size() && info.ModTime().Equal(f.info.ModTime()):
		return nil
	}
	if spec.SHA256 != "" {
		found, err := hash(ctx, f.path)
		if err != nil {
			return err
		}
		if found != spec.SHA256 {
			return fault.New(fault.Unavailable, "The file %s of the model %s was altered: its sha256 is %s and should be %s. Run `parley pull` again", f.path, spec.Name, found, spec.SHA256)
		}
	}
	f.info = info
	return nil
}

// hash is the sha256 of a file, in hex.
func hash(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	for ctx.Err() == nil {
		if _, err := io.CopyN(h, f, 16<<20); errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		} else if err != nil {
			return "", err
		}
	}
	return "", ctx.Err()
}
