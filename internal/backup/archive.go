package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"

	"github.com/parley-ai/parley/internal/fault"
)

// writer makes the file.
type writer struct {
	zip     *zstd.Encoder
	tar     *tar.Writer
	at      time.Time
	entries []Entry
}

func newWriter(w io.Writer, at time.Time) (*writer, error) {
	// Two goroutines at most: the server has other work.
	zip, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	return &writer{zip: zip, tar: tar.NewWriter(zip), at: at}, nil
}

// add writes an entry whose content is at hand.
func (w *writer) add(name string, data []byte) error {
	return w.stream(name, int64(len(data)), bytes.NewReader(data))
}

// stream writes an entry of a size that is known.
func (w *writer) stream(name string, size int64, r io.Reader) error {
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: w.at, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w.tar, sum), io.LimitReader(r, size))
	if err == nil && n != size {
		err = fmt.Errorf("%s has become shorter while it was read", name)
	}
	if err != nil {
		return err
	}
	w.entries = append(w.entries, Entry{name, size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

func (w *writer) json(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.add(name, append(data, '\n'))
}

// finish writes the manifest and all that is still held.
func (w *writer) finish(m *Manifest) error {
	m.Entries = w.entries
	if err := w.json(manifestName, m); err != nil {
		return err
	}
	return errors.Join(w.tar.Close(), w.zip.Close())
}

// maxEntry bounds what is held in memory of an entry: pieces have some megabytes and one row, the manifest a line for each entry.
const maxEntry = 1 << 30

// reader reads the file, entry by entry, and keeps their sums.
type reader struct {
	zip  *zstd.Decoder
	tar  *tar.Reader
	seen []Entry
}

func newReader(r io.Reader) (*reader, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, err
	}
	return &reader{zip: zip, tar: tar.NewReader(zip)}, nil
}

func (r *reader) close() { r.zip.Close() }

// next gives the next entry's name and content, which use reads wholly or in part.
func (r *reader) next(use func(name string, size int64, content io.Reader) error) error {
	h, err := r.tar.Next()
	if err != nil {
		return err
	}
	sum := sha256.New()
	content := io.TeeReader(r.tar, sum)
	if err := use(h.Name, h.Size, content); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	r.seen = append(r.seen, Entry{h.Name, h.Size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// errNoBackup is for files that are something else.
func errNoBackup(err error) error {
	return fault.New(fault.Invalid, "The file is no backup of Parley.").WithCause(err)
}

func errDamaged(err error) error {
	return fault.New(fault.Invalid, "The backup is damaged or was cut short: it does not end with a manifest that agrees with it. Take another one.").WithCause(err)
}

// read goes through a file: header first, then use for each entry, then the manifest, which it holds against all that was read.
func read(from io.Reader, begin func(Header) error, use func(name string, size int64, content io.Reader) error) (h Header, m Manifest, err error) {
	r, err := newReader(from)
	if err != nil {
		return h, m, errNoBackup(err)
	}
	defer r.close()
	err = r.next(func(name string, size int64, content io.Reader) error {
		if name != headerName || size > maxEntry {
			return errors.New("the first entry is no header")
		}
		return decode(content, &h)
	})
	switch {
	case err != nil || h.Format == 0:
		return h, m, errNoBackup(err)
	case h.Format != format:
		return h, m, fault.New(fault.Invalid, "The backup has the form %d; this Parley reads the form %d: use the version that wrote it, %s.", h.Format, format, h.Parley)
	}
	if err := begin(h); err != nil {
		return h, m, err
	}
	for last := false; !last; {
		var own error // of use: no fault of the file's
		err := r.next(func(name string, size int64, content io.Reader) error {
			if last = name == manifestName; last {
				if size > maxEntry {
					return errors.New("the manifest is too large")
				}
				return decode(content, &m)
			}
			own = use(name, size, content)
			return own
		})
		if own != nil {
			return h, m, own
		}
		if err != nil {
			return h, m, errDamaged(err)
		}
	}
	if !slices.Equal(m.Entries, r.seen[:len(r.seen)-1]) {
		return h, m, errDamaged(errors.New("sizes or sums differ"))
	}
	return h, m, nil
}

func decode(r io.Reader, v any) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// Verify reads a whole backup and holds it against its manifest.
func Verify(r io.Reader) (Header, Manifest, error) {
	return read(r, func(Header) error { return nil }, func(string, int64, io.Reader) error { return nil })
}
