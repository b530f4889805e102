package files

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Limits of resumable uploads, as the original had them.
const (
	MaxUpload   = 8 << 30  // bytes of the whole
	MaxPart     = 64 << 20 // bytes of one part
	maxParts    = 10_000   // of one upload
	UploadLasts = time.Hour
)

// States of an upload.
const (
	Pending   = "pending"
	Completed = "completed"
	Cancelled = "cancelled"
	Expired   = "expired"
)

// Upload is a file that arrives in parts.
type Upload struct {
	ID        string
	Org       string
	Project   string
	Name      string
	Purpose   string
	MediaType string
	Bytes     int64 // as announced
	Status    string
	File      *File // of a completed one, while the file is there
	Keep      time.Duration
	Created   time.Time
	Expires   time.Time // while it is pending

	file string // its id; empty: none
}

// Part is a piece of an upload.
type Part struct {
	ID      string
	Upload  string
	Bytes   int64
	Created time.Time

	key string
}

// NewUpload is an upload to begin.
type NewUpload struct {
	Name      string
	Purpose   string // one of Uploadable
	MediaType string
	Bytes     int64
	Keep      time.Duration // of the file; 0: until it is deleted
}

// Begin makes a pending upload. Its size counts as stored from now on.
func (s *Service) Begin(ctx context.Context, who actor.Actor, n NewUpload) (Upload, error) {
	switch {
	case !slices.Contains(Uploadable, n.Purpose):
		return Upload{}, wrongPurpose(n.Purpose)
	case n.Bytes < 1:
		return Upload{}, fault.Param("bytes", "%d is less than the minimum of 1 - 'bytes'", n.Bytes).WithCode("integer_below_min_value")
	case n.Bytes > MaxUpload:
		return Upload{}, fault.Param("bytes", "%d is greater than the maximum of %d - 'bytes'", n.Bytes, int64(MaxUpload)).WithCode("integer_above_max_value")
	}
	now := s.now()
	u := Upload{
		ID: ids.New("upload_"), Org: who.Org, Project: who.Project, Name: CleanName(n.Name), Purpose: n.Purpose, MediaType: n.MediaType,
		Bytes: n.Bytes, Status: Pending, Keep: n.Keep, Created: now, Expires: now.Add(UploadLasts),
	}
	return u, s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := s.charge(ctx, tx, who.Org, u.Bytes, 0); err != nil {
			return err
		}
		return s.insertUpload(ctx, tx, u)
	})
}

// AddPart stores a part of a pending upload.
func (s *Service) AddPart(ctx context.Context, who actor.Actor, id string, r io.Reader) (Part, error) {
	p, err := s.receive(ctx, who, id, r)
	if err != nil {
		return Part{}, err
	}
	defer p.drop(ctx)
	return p.add(ctx)
}

// pendingPart is a content that is to become a part of an upload.
type pendingPart struct {
	s      *Service
	who    actor.Actor
	upload string
	c      content
	added  bool
}

// receive stores the content of a part. Call drop in the end.
func (s *Service) receive(ctx context.Context, who actor.Actor, id string, r io.Reader) (*pendingPart, error) {
	u, err := s.upload(ctx, s.db.Read(), who, id)
	if err != nil {
		return nil, err
	}
	if err := s.open(u); err != nil {
		return nil, err
	}
	c, err := s.write(ctx, who, r, MaxPart)
	if err != nil {
		return nil, err
	}
	return &pendingPart{s: s, who: who, upload: id, c: c}, nil
}

// drop removes the content unless it was added.
func (p *pendingPart) drop(ctx context.Context) {
	if !p.added {
		p.s.drop(ctx, p.c.key)
	}
}

// add makes the content a part.
func (p *pendingPart) add(ctx context.Context) (Part, error) {
	s, c, id := p.s, p.c, p.upload
	part := Part{ID: ids.New("part_"), Upload: id, Bytes: c.bytes, Created: s.now(), key: c.key}
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		u, err := s.lockUpload(ctx, tx, p.who, id)
		if err != nil {
			return err
		}
		if err := s.open(u); err != nil {
			return err
		}
		n, sum, err := s.measureParts(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case c.bytes == 0:
			return fault.Param("data", "The part is empty.").WithCode("empty_part")
		case n >= maxParts:
			return fault.Param("data", "The upload has %d parts already, which is the most. Send larger ones, of up to 64 MB.", n).WithCode("too_many_parts")
		case sum+c.bytes > u.Bytes:
			return fault.Param("data", "With this part the upload '%s' would have %d bytes, more than the %d that it was made for.", id, sum+c.bytes, u.Bytes).WithCode("upload_too_large")
		}
		if err := s.own(ctx, tx, c.key); err != nil {
			return err
		}
		return s.insertPart(ctx, tx, u, part)
	})
	if err != nil {
		return Part{}, err
	}
	p.added = true
	return part, nil
}

// Complete makes a file of the parts in the order given. md5 is of the whole, in hex; empty: not compared. A file for fine-tuning
// that does not have the form is kept, with the state Failed and the reason, so that nobody sends gigabytes twice for a look at the line.
func (s *Service) Complete(ctx context.Context, who actor.Actor, id string, order []string, md5 string) (Upload, error) {
	u, err := s.upload(ctx, s.db.Read(), who, id)
	if err != nil {
		return Upload{}, err
	}
	if err := s.open(u); err != nil {
		return Upload{}, err
	}
	parts, err := s.ordered(ctx, u, order)
	if err != nil {
		return Upload{}, err
	}
	whole := &joined{ctx: ctx, s: s, parts: parts}
	c, err := s.write(ctx, who, whole, MaxUpload)
	whole.close()
	if err != nil {
		return Upload{}, err
	}
	n := New{Name: u.Name, Purpose: u.Purpose, MediaType: u.MediaType, Keep: u.Keep}
	if md5 != "" && !strings.EqualFold(md5, c.md5) {
		s.drop(ctx, c.key)
		return Upload{}, fault.Param("md5", "The md5 of the parts together is %s and not %.80s. Check their order, or upload the file again.", c.md5, md5).WithCode("md5_mismatch")
	}
	status, details := Processed, ""
	if u.Purpose == FineTune {
		if err := s.validate(ctx, c.key, u.Name); err != nil {
			e := fault.As(err)
			if e == nil || e.Kind != fault.Invalid {
				s.drop(ctx, c.key)
				return Upload{}, err
			}
			status, details = Failed, e.Message
		}
	}
	f, err := s.keep(ctx, who, n, c, status, details, func(tx *store.Tx, f File) error {
		if u, err = s.lockUpload(ctx, tx, who, id); err != nil {
			return err
		}
		if err := s.open(u); err != nil {
			return err
		}
		// What it announced is what the file now counts.
		if err := s.charge(ctx, tx, who.Org, -u.Bytes, 0); err != nil {
			return err
		}
		u.Status, u.file = Completed, f.ID
		return s.endUpload(ctx, tx, u)
	})
	if err != nil {
		return Upload{}, err
	}
	s.dropParts(ctx, parts)
	u.File = &f
	return u, nil
}

// ordered returns an upload's parts in an order, when they are all and together as large as announced.
func (s *Service) ordered(ctx context.Context, u Upload, order []string) ([]Part, error) {
	all, err := s.parts(ctx, s.db.Read(), u.ID)
	if err != nil {
		return nil, err
	}
	have := make(map[string]Part, len(all))
	for _, p := range all {
		have[p.ID] = p
	}
	parts, sum := make([]Part, 0, len(order)), int64(0)
	for i, id := range order {
		p, ok := have[id]
		if !ok {
			return nil, fault.Param("part_ids", "The upload '%s' has no part '%.80s', or it is named twice (part_ids[%d]).", u.ID, id, i).WithCode("invalid_part")
		}
		delete(have, id)
		parts, sum = append(parts, p), sum+p.Bytes
	}
	if sum != u.Bytes {
		return nil, fault.Param("part_ids", "The parts have %d bytes together, and the upload was made for %d. Name all parts, or upload what is missing.", sum, u.Bytes).WithCode("upload_incomplete")
	}
	return parts, nil
}

// Cancel ends a pending upload and removes its parts.
func (s *Service) Cancel(ctx context.Context, who actor.Actor, id string) (u Upload, err error) {
	var parts []Part
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if u, err = s.lockUpload(ctx, tx, who, id); err != nil {
			return err
		}
		if err := s.open(u); err != nil {
			return err
		}
		parts, err = s.abandon(ctx, tx, &u, Cancelled)
		return err
	})
	if err != nil {
		return Upload{}, err
	}
	s.dropParts(ctx, parts)
	return u, nil
}

// abandon ends an upload without a file.
func (s *Service) abandon(ctx context.Context, tx *store.Tx, u *Upload, status string) ([]Part, error) {
	parts, err := s.parts(ctx, tx, u.ID)
	if err != nil {
		return nil, err
	}
	if err := s.charge(ctx, tx, u.Org, -u.Bytes, 0); err != nil {
		return nil, err
	}
	u.Status = status
	return parts, s.endUpload(ctx, tx, *u)
}

// GetUpload returns an upload of the actor's project.
func (s *Service) GetUpload(ctx context.Context, who actor.Actor, id string) (Upload, error) {
	return s.upload(ctx, s.db.Read(), who, id)
}

// open refuses what is asked of an upload that has ended.
func (s *Service) open(u Upload) error {
	if u.Status == Pending && !s.clock.Now().Before(u.Expires) {
		u.Status = Expired
	}
	if u.Status == Pending {
		return nil
	}
	return fault.New(fault.Invalid, "The upload '%s' is %s. Make a new one.", u.ID, u.Status).WithCode("upload_" + u.Status)
}

func (s *Service) dropParts(ctx context.Context, parts []Part) {
	for _, p := range parts {
		s.clear(ctx, p.key)
	}
}

// joined reads parts one after another, one of them open at a time.
type joined struct {
	ctx   context.Context // of the request that reads
	s     *Service
	parts []Part
	now   io.ReadCloser
}

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.now == nil {
			if len(j.parts) == 0 {
				return 0, io.EOF
			}
			r, _, err := j.s.blobs.Get(j.ctx, j.parts[0].key)
			if err != nil {
				return 0, err
			}
			j.now, j.parts = r, j.parts[1:]
		}
		n, err := j.now.Read(p)
		if err == io.EOF {
			j.close()
			if n == 0 {
				continue
			}
			err = nil
		}
		return n, err
	}
}

func (j *joined) close() {
	if j.now != nil {
		_ = j.now.Close() // it was only read
		j.now = nil
	}
}

// wrongPurpose names the purposes that users may give, in the original's words.
func wrongPurpose(purpose string) error {
	return fault.Param("purpose", "'%.80s' is not one of %s - 'purpose'", purpose, quoted(Uploadable)).WithCode("invalid_value")
}

// suffix is the ending of a name in small letters; the name "file" is what clients send who know none.
func suffix(name string) string { return strings.ToLower(path.Ext(name)) }
