// Package cloud is a blob.Store in a bucket: of S3 and what speaks like it, of Google Cloud Storage, or of Azure.
//
// It stands on gocloud.dev/blob. Keys are names in the bucket, behind the URL's prefix. An upload that fails is aborted: buckets show
// a content when it is whole. What is being read while it is replaced or deleted may end in an error once its reader seeks: contents
// of Parley have keys that are used once.
package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	ours "github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/fault"
)

// Store keeps contents in a bucket. Make it with Open, or with New over a bucket that is open.
type Store struct{ bucket *blob.Bucket }

// openTime bounds the look at the bucket when the program starts.
const openTime = 30 * time.Second

// Open opens the bucket of a URL:
//
//	s3://BUCKET?region=REGION&endpoint=https://HOST&path_style=true&prefix=NAME/
//	gs://BUCKET?prefix=NAME/
//	azblob://CONTAINER?account=NAME&endpoint=https://HOST&prefix=NAME/
//
// Credentials come from the environment and the files that the provider's own tools read. The error says what does not work.
func Open(ctx context.Context, address string) (*Store, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errors.New("blob.url: write s3://BUCKET, gs://BUCKET or azblob://CONTAINER")
	}
	openers := map[string]struct {
		open   func(ctx context.Context, bucket string, q url.Values) (*blob.Bucket, error)
		params []string
	}{
		"s3": {openS3, []string{"region", "endpoint", "path_style"}}, "gs": {openGCS, nil}, "azblob": {openAzure, []string{"account", "endpoint"}},
	}
	o, ok := openers[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("blob.url: %q is no kind of store: write s3, gs or azblob", u.Scheme)
	}
	q := u.Query()
	prefix := q.Get("prefix")
	q.Del("prefix")
	known := url.Values{}
	for _, name := range o.params {
		if q.Has(name) {
			known.Set(name, q.Get(name))
			q.Del(name)
		}
	}
	if len(q) > 0 {
		return nil, fmt.Errorf("blob.url: %s:// has no parameter %q", u.Scheme, q.Encode())
	}
	b, err := o.open(ctx, u.Host, known)
	if err != nil {
		return nil, fmt.Errorf("blob.url: %w", scrubbed(err))
	}
	look, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if there, err := b.IsAccessible(look); err != nil || !there {
		if err == nil {
			err = errors.New("there is none of the name, or the credentials do not allow to list it")
		}
		return nil, errors.Join(fmt.Errorf("blob.url: the bucket %s cannot be used: %w", u.Host, scrubbed(err)), b.Close())
	}
	if prefix != "" {
		b = blob.PrefixedBucket(b, prefix)
	}
	return New(b), nil
}

// New is a store in an open bucket, which it closes.
func New(b *blob.Bucket) *Store { return &Store{b} }

// Close gives the bucket back.
func (s *Store) Close() error { return s.bucket.Close() }

// partSize is how much of a content an upload holds in memory for each of its parts under way, in bytes. Buckets take up to 10,000 parts.
const partSize = 8 << 20

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (ours.Info, error) {
	if err := ours.CheckKey(key); err != nil {
		return ours.Info{}, err
	}
	ctx, cancel := context.WithCancel(ctx) // of an upload that has begun: it is aborted
	defer cancel()
	if err := ctx.Err(); err != nil {
		return ours.Info{}, err
	}
	w, err := s.bucket.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream", BufferSize: partSize, MaxConcurrency: 2})
	if err != nil {
		return ours.Info{}, failed(key, err)
	}
	hash := sha256.New()
	src := &source{ctx: ctx, r: r}
	size, err := io.Copy(io.MultiWriter(hash, w), src)
	if err != nil {
		cancel()
		_ = w.Close() // which would make the content; its error says that it was canceled
		if src.err != nil {
			return ours.Info{}, src.err
		}
		return ours.Info{}, failed(key, err)
	}
	if err := w.Close(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return ours.Info{}, failed(key, err)
	}
	return ours.Info{Key: key, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), Modified: time.Now().UTC()}, nil
}

// source is what a Put reads: it ends with its context, and keeps its error apart from the bucket's.
type source struct {
	ctx context.Context // of the Put
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, key string) (io.ReadSeekCloser, ours.Info, error) {
	if err := ours.CheckKey(key); err != nil {
		return nil, ours.Info{}, err
	}
	r, err := s.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return nil, ours.Info{}, failed(key, err)
	}
	return reader{r, key}, ours.Info{Key: key, Size: r.Size(), Modified: r.ModTime().UTC()}, nil
}

// reader gives errors on the way their kind.
type reader struct {
	*blob.Reader
	key string
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = failed(r.key, err)
	}
	return n, err
}

// WriteTo would pass Read by.
func (r reader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (ours.Info, error) {
	if err := ours.CheckKey(key); err != nil {
		return ours.Info{}, err
	}
	a, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return ours.Info{}, failed(key, err)
	}
	return ours.Info{Key: key, Size: a.Size, Modified: a.ModTime.UTC()}, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := ours.CheckKey(key); err != nil {
		return err
	}
	if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return failed(key, err)
	}
	return nil
}

// List implements blob.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[ours.Info, error] {
	return func(yield func(ours.Info, error) bool) {
		list := s.bucket.List(&blob.ListOptions{Prefix: prefix})
		for {
			o, err := list.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(ours.Info{}, failed(prefix, err))
				return
			}
			if ours.CheckKey(o.Key) != nil {
				continue // somebody else's in the same bucket
			}
			if !yield(ours.Info{Key: o.Key, Size: o.Size, Modified: o.ModTime.UTC()}, nil) {
				return
			}
		}
	}
}

// failed gives a bucket's errors a kind.
func failed(key string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case gcerrors.Code(err) == gcerrors.NotFound:
		return fault.New(fault.NotFound, "No such content: %s.", key).WithCause(scrubbed(err))
	case gcerrors.Code(err) == gcerrors.ResourceExhausted:
		return fault.New(fault.Full, "The store of contents takes no more. The operator must make room in the bucket.").WithCause(scrubbed(err))
	}
	return fault.New(fault.Unavailable, "The store of contents does not answer as it should. The operator finds the reason in the log.").WithCause(scrubbed(err))
}

var (
	queries  = regexp.MustCompile(`\?[^\s"']+`)
	accounts = regexp.MustCompile(`://[^\s/"'@]+@`)
)

// scrubbed is an error's text without what may be a credential: queries of addresses, and names with passwords before a host.
func scrubbed(err error) error {
	text := err.Error()
	clean := accounts.ReplaceAllString(queries.ReplaceAllString(text, "?…"), "://…@")
	if clean == text {
		return err
	}
	return errors.New(strings.TrimSpace(clean))
}
