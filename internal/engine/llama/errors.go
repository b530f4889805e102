package llama

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// withHash adds the file's hashes to llama.cpp's error about it. Files with a pinned hash are checked
// before they come here (models.Registry.Verified); this tells about the others.
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
	return fmt.Errorf("%w (sha256 expected %s, found %s)", err, cmp.Or(spec.SHA256, "unknown"), hex.EncodeToString(h.Sum(nil)))
}

func errClosed() error {
	return fault.New(fault.Unavailable, "The model was unloaded. Send the request again.")
}

func errOverloaded() error {
	return fault.New(fault.Overloaded, "The engine is currently overloaded, please try again later")
}

func errCanceled(cause error) error {
	return fault.New(fault.Canceled, "the request was canceled").WithCause(cause)
}

func errTooLong(window, have int) error {
	return fault.New(fault.Invalid, "This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of the messages.",
		window, have).WithCode("context_length_exceeded")
}
