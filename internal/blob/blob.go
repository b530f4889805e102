// Package blob keeps large immutable contents (uploads, images, audio, results) by key, outside the
// database.
//
// Keys are made by us, never by users: one to 512 letters, digits and "._-/", as in
// "files/file-abc123". A Put is atomic and durable: readers see the whole content or none, and what
// was acknowledged survives a power cut. Contents are not changed in place; a Put of an existing key
// replaces it, and who reads the old content goes on reading it.
//
// Dir keeps them in a directory. Every implementation passes blobtest.Conform.
package blob

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// Info describes a content.
type Info struct {
	Key      string
	Size     int64     // bytes
	SHA256   string    // hex; set by Put alone, as reading all to tell it would be slow
	Modified time.Time // of the last Put
}

// Store keeps contents. Safe for concurrent use. Errors: fault.NotFound for an absent key,
// fault.Invalid for a malformed one, fault.Full when there is no room, fault.Unavailable when the store cannot be reached.
type Store interface {
	// Put stores what r gives until EOF. When r or ctx fails, nothing is stored and a content that
	// was there before stays.
	Put(ctx context.Context, key string, r io.Reader) (Info, error)
	// Get opens a content; the caller closes it. The reader also seeks, for range requests.
	Get(ctx context.Context, key string) (io.ReadSeekCloser, Info, error)
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes a content; an absent one is no error, so that it can be repeated.
	Delete(ctx context.Context, key string) error
	// List gives the contents whose keys begin with prefix, in the order of their keys.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

const maxKey = 512

// CheckKey refuses keys that no Store takes: empty or long ones, other characters, and parts that are
// empty, "." or "..", or begin with a dot.
func CheckKey(key string) error {
	ok := key != "" && len(key) <= maxKey
	start := true // of a part
	for i := 0; ok && i < len(key); i++ {
		c := key[i]
		switch {
		case c == '/':
			ok = !start
			start = true
			continue
		case c == '.':
			ok = !start
		case c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		default:
			ok = false
		}
		start = false
	}
	if !ok || start {
		return fault.New(fault.Invalid, "%q is no key of a stored content.", key)
	}
	return nil
}

func notFound(key string, cause error) error {
	return fault.New(fault.NotFound, "No such content: %s.", key).WithCause(cause)
}
