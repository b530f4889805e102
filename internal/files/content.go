package files

import (
	"context"
	"crypto/md5" // #nosec G501 -- what clients send to compare with
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime"
	"path"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// content is one that lies in the blob store and is no file yet.
type content struct {
	key    string
	bytes  int64
	sha256 string // hex
	md5    string // hex
}

// write stores what r gives, at most limit bytes, as a content that this server is writing.
func (s *Service) write(ctx context.Context, who actor.Actor, r io.Reader, limit int64) (content, error) {
	c := content{key: "files/" + ids.Random(32)}
	if err := s.announce(ctx, who.Org, c.key); err != nil {
		return content{}, err
	}
	in := &meter{r: r, left: limit, limit: limit, md5: md5.New()} // #nosec G401 -- what clients send to compare with
	info, err := s.blobs.Put(ctx, c.key, in)
	if err != nil {
		s.drop(ctx, c.key)
		return content{}, err
	}
	c.bytes, c.sha256, c.md5 = info.Size, info.SHA256, hex.EncodeToString(in.md5.Sum(nil))
	return c, nil
}

// writeNew is write for what is not counted as stored before it is a file: no more is taken than the organization may store with all
// that it is sending to this server at this moment, so that many who send at once do not fill the disk before they are refused.
func (s *Service) writeNew(ctx context.Context, who actor.Actor, r io.Reader, limit int64) (content, error) {
	t, err := s.Stored(ctx, who.Org)
	if err != nil {
		return content{}, err
	}
	if t.Max <= 0 {
		return s.write(ctx, who, r, limit)
	}
	in := &sending{s: s, org: who.Org, r: r, stored: t}
	defer in.end()
	return s.write(ctx, who, in, limit)
}

// sending is a content on its way, which counts as its organization's until end.
type sending struct {
	s      *Service
	org    string
	r      io.Reader
	stored Totals // when it began
	bytes  int64
}

func (r *sending) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if all := r.stored.Bytes + r.s.sending[r.org] + int64(n); all > r.stored.Max {
		return 0, overLimit(all, r.stored.Max) // and nothing is counted: only who goes over it is refused
	}
	r.bytes += int64(n)
	r.s.sending[r.org] += int64(n)
	return n, err
}

func (r *sending) end() {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if r.s.sending[r.org] -= r.bytes; r.s.sending[r.org] == 0 {
		delete(r.s.sending, r.org)
	}
}

// meter bounds what is read and sums it up.
type meter struct {
	r     io.Reader
	left  int64
	limit int64
	md5   hash.Hash
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.left -= int64(n)
	if m.left < 0 {
		return 0, TooLarge(m.limit)
	}
	_, _ = m.md5.Write(p[:n]) // a hash never fails
	return n, err
}

// TooLarge is the answer to more than limit bytes, with the original's code.
func TooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "The file is larger than the limit of %d MB. Send it in parts through /v1/uploads, or split it.", limit>>20).WithCode("file_too_large")
}

// dropTime bounds how long removing a content may take; what fails is left to Tidy.
const dropTime = time.Minute

// drop removes a content that no file has any more, or never got. The request that wanted it may have ended.
func (s *Service) drop(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.doom(ctx, tx, key) })
	s.leave(ctx, key, err)
	if err == nil {
		s.clear(ctx, key)
	}
}

// clear removes a doomed content when the transaction that doomed it is committed.
func (s *Service) clear(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTime)
	defer cancel()
	s.leave(ctx, key, s.bury(ctx, key))
}

// leave says what is left to Tidy.
func (s *Service) leave(ctx context.Context, key string, err error) {
	if err != nil {
		s.log.WarnContext(ctx, "a content that no file has could not be removed yet; it will be tried again", "key", key, "error", err)
	}
}

// bury removes a doomed content, and then what is known of it.
func (s *Service) bury(ctx context.Context, key string) error {
	if err := s.blobs.Delete(ctx, key); err != nil {
		return err
	}
	return s.forget(ctx, key)
}

// batch is how many of a kind one Tidy looks at.
const batch = 500

// tidyEvery is the pause between two looks. It is as short as servers' signs of life are: what a killed one left is removed soon.
const tidyEvery = 10 * time.Second

// Run tidies at once, and then again and again until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := s.Tidy(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "files that are over could not all be removed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tidy ends what is over: files and uploads that have expired, contents that killed servers were writing, that could not be removed
// before, or that belonged to deleted organizations. It bears that two servers do it at once.
func (s *Service) Tidy(ctx context.Context) error {
	files, err := s.outdated(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.remove(ctx, tx, f) }); err != nil {
			return err
		}
	}
	uploads, err := s.overdue(ctx)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		if err := s.expire(ctx, u); err != nil {
			return err
		}
	}
	if err := s.doomAbandoned(ctx); err != nil {
		return err
	}
	keys, err := s.doomed(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range keys {
		// One that the store does not let go of keeps none of the others.
		errs = append(errs, s.bury(ctx, key))
	}
	return errors.Join(errs...)
}

func (s *Service) expire(ctx context.Context, u Upload) error {
	who := actor.Actor{Org: u.Org, Project: u.Project}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		u, err := s.lockUpload(ctx, tx, who, u.ID)
		if fault.KindOf(err) == fault.NotFound || err == nil && u.Status != Pending {
			return nil // somebody else was first
		}
		if err == nil {
			_, err = s.abandon(ctx, tx, &u, Expired)
		}
		return err
	})
}

// Forget dooms all contents of an organization that is being deleted. Its rows are emptied with all others.
func (s *Service) Forget(ctx context.Context, tx *store.Tx, org string) (map[string]int64, error) {
	return nil, s.doomAll(ctx, tx, org)
}

// types are media types of names' endings, where machines' own tables differ or have none.
var types = map[string]string{
	".jsonl": "application/jsonl", ".md": "text/markdown", ".csv": "text/csv", ".json": "application/json", ".txt": "text/plain", ".py": "text/x-python",
	".js": "text/javascript", ".ts": "text/x-typescript", ".java": "text/x-java", ".c": "text/x-c", ".cpp": "text/x-c++", ".cs": "text/x-csharp", ".go": "text/x-go",
	".rb": "text/x-ruby", ".php": "text/x-php", ".sh": "application/x-sh", ".tex": "text/x-tex", ".html": "text/html", ".css": "text/css", ".xml": "application/xml",
	".pdf": "application/pdf", ".doc": "application/msword", ".tar": "application/x-tar", ".zip": "application/zip", ".epub": "application/epub+zip",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".eml": "message/rfc822",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".png":  "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".svg": "image/svg+xml",
	".pkl": "application/octet-stream",
}

// mediaTypeOf tells a media type by a name's ending; empty: unknown.
func mediaTypeOf(name string) string { return types[strings.ToLower(path.Ext(name))] }

// validMediaType reports whether a client's claim says anything.
func validMediaType(s string) bool {
	mt, _, err := mime.ParseMediaType(s)
	return err == nil && len(s) <= 200 && strings.Contains(mt, "/") && mt != "application/octet-stream"
}
