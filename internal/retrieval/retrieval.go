package retrieval

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// Bounds, as in the original.
const (
	MaxFiles       = 10_000    // of a store
	MaxBatch       = 2_000     // files attached together
	MaxCreateFiles = 500       // files named when a store is made
	MaxFileTokens  = 5_000_000 // of a file's text
	MaxExpireDays  = 365
	DefaultChunk   = 800 // tokens
	DefaultOverlap = 400 // tokens
	MinChunk       = 100
	MaxChunk       = 4096
)

// Store is a vector store without what is in it.
type Store struct {
	ID          string
	Name        string
	Description string
	Metadata    map[string]string
	Model       string // name of the embedding model
	ExpireDays  int    // after LastActive; 0: it does not expire
	ExpiresAt   time.Time
	LastActive  time.Time
	Created     time.Time
	Bytes       int64 // of chunks, vectors and words
	Counts      Counts

	state    state
	revision int64
	org      string
	project  string
}

type state string

const (
	live    state = "live"
	expired state = "expired"
	deleted state = "deleted"
)

// Counts says how many of a store's or a batch's files are in each status.
type Counts struct {
	InProgress int `json:"in_progress"`
	Completed  int `json:"completed"`
	Failed     int `json:"failed"`
	Cancelled  int `json:"cancelled"`
	Total      int `json:"total"`
}

func (c *Counts) add(s Status, n int) {
	c.Total += n
	switch s {
	case InProgress:
		c.InProgress += n
	case Completed:
		c.Completed += n
	case Failed:
		c.Failed += n
	case Cancelled:
		c.Cancelled += n
	}
}

// Status is "expired", "in_progress" while a file is being read, or "completed".
func (s *Store) Status() string {
	switch {
	case s.state == expired || s.state == deleted:
		return string(expired)
	case s.Counts.InProgress > 0:
		return string(InProgress)
	}
	return string(Completed)
}

// Status is where a file of a store stands.
type Status string

// The statuses.
const (
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
)

// File is a file in a store.
type File struct {
	StoreID    string
	FileID     string
	Name       string
	Status     Status
	Error      *FileError // only when failed
	Attributes map[string]any
	Chunking   Chunking
	Bytes      int64 // of chunks, vectors and words; 0 until completed
	Chunks     int   // 0 until completed
	Created    time.Time

	id      string // of the row
	org     string
	project string
	user    string
	key     string

	served     string // what made the vectors
	dimensions int
}

// FileError says why a file could not be taken in, in words for the user.
type FileError struct {
	Code    string `json:"code"` // server_error, unsupported_file, invalid_file
	Message string `json:"message"`
}

// Codes of a FileError.
const (
	ServerError     = "server_error"
	UnsupportedFile = "unsupported_file"
	InvalidFile     = "invalid_file"
)

// Chunking is how a file is cut: into chunks of at most Tokens, each beginning with about Overlap of the one before. The zero value
// is 800 and 400.
type Chunking struct {
	Tokens  int
	Overlap int
}

func (c Chunking) orDefault() Chunking {
	if c == (Chunking{}) {
		return Chunking{DefaultChunk, DefaultOverlap}
	}
	return c
}

// NewFile names a file to attach.
type NewFile struct {
	FileID     string
	Attributes map[string]any // at most 16; texts, float64 numbers or booleans
	Chunking   Chunking
}

// New describes a store to make.
type New struct {
	Name        string
	Description string
	Metadata    map[string]string
	ExpireDays  int // 0: it does not expire
	Files       []NewFile
}

// Files are what was uploaded; *files.Service is one.
type Files interface {
	// Hold returns a file of the actor's project, which cannot be deleted before the transaction ends, or fault.NotFound.
	Hold(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (files.File, error)
	// Open opens its content.
	Open(ctx context.Context, who actor.Actor, id string) (io.ReadSeekCloser, files.File, error)
}

// Embedder makes vectors; *generate.Service is one.
type Embedder interface {
	Embed(ctx context.Context, who actor.Actor, req generate.EmbedRequest) (generate.Embedded, error)
}

// Options of New. All fields are required.
type Options struct {
	DB     *store.DB
	Clock  clock.Clock
	Logger *slog.Logger
	Jobs   *jobs.Jobs
	Files  Files
	Embed  Embedder
	Read   Reader
	Model  func() string // name of the embedding model for new stores
	Memory int64         // bytes of indexes that are kept in memory
}

// Service runs the operations. Make it with NewService.
type Service struct {
	db    *store.DB
	clock clock.Clock
	log   *slog.Logger
	jobs  *jobs.Jobs
	files Files
	embed Embedder
	read  Reader
	model func() string
	cache cache
}

// NewService returns the service and registers its jobs: call it before jobs start.
func NewService(o Options) *Service {
	s := &Service{db: o.DB, clock: o.Clock, log: o.Logger, jobs: o.Jobs, files: o.Files, embed: o.Embed, read: o.Read, model: o.Model}
	s.cache = cache{limit: o.Memory, stores: map[string]*index{}}
	s.register()
	return s
}

func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// Create makes a store and attaches its files.
func (s *Service) Create(ctx context.Context, who actor.Actor, n New) (out Store, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		out, err = s.CreateIn(ctx, tx, who, n)
		return err
	})
	return out, err
}

// CreateIn is Create in the caller's transaction.
func (s *Service) CreateIn(ctx context.Context, tx *store.Tx, who actor.Actor, n New) (Store, error) {
	now := s.now()
	v := Store{
		ID: ids.New("vs_"), Name: n.Name, Description: n.Description, Metadata: n.Metadata, Model: s.model(),
		ExpireDays: n.ExpireDays, LastActive: now, Created: now, state: live, org: who.Org, project: who.Project,
	}
	v.schedule()
	if err := insertStore(ctx, tx, v); err != nil {
		return Store{}, err
	}
	for _, f := range n.Files {
		if _, err := s.attach(ctx, tx, who, v, f, "file_ids"); err != nil {
			return Store{}, err
		}
	}
	return s.store(ctx, tx, who, v.ID)
}

// schedule sets when the store expires.
func (v *Store) schedule() {
	v.ExpiresAt = time.Time{}
	if v.ExpireDays > 0 {
		v.ExpiresAt = v.LastActive.AddDate(0, 0, v.ExpireDays)
	}
}

// Get returns a store of the actor's project.
func (s *Service) Get(ctx context.Context, who actor.Actor, id string) (Store, error) {
	return s.store(ctx, s.db.Read(), who, id)
}

// List returns a page of the stores of the actor's project, and whether there are more behind it.
func (s *Service) List(ctx context.Context, who actor.Actor, p store.Paging) ([]Store, bool, error) {
	return s.list(ctx, who, p)
}

// Change is what Update changes: fields that are nil stay.
type Change struct {
	Name       *string
	Metadata   *map[string]string
	ExpireDays *int // 0: it no longer expires
}

// Update changes a store. A policy of expiry counts from now.
func (s *Service) Update(ctx context.Context, who actor.Actor, id string, c Change) (out Store, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		v, err := s.lock(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if v.state == expired && c.ExpireDays != nil {
			return expiredStore(id)
		}
		if c.Name != nil {
			v.Name = *c.Name
		}
		if c.Metadata != nil {
			v.Metadata = *c.Metadata
		}
		if c.ExpireDays != nil {
			v.ExpireDays, v.LastActive = *c.ExpireDays, s.now()
			v.schedule()
		}
		if err := updateStore(ctx, tx, v); err != nil {
			return err
		}
		out, err = s.store(ctx, tx, who, id)
		return err
	})
	return out, err
}

// Delete removes a store; its files stay where they were uploaded.
func (s *Service) Delete(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error { return s.DeleteIn(ctx, tx, who, id) })
}

// DeleteIn is Delete in the caller's transaction.
func (s *Service) DeleteIn(ctx context.Context, tx *store.Tx, who actor.Actor, id string) error {
	if _, err := s.lock(ctx, tx, who, id); err != nil {
		return err
	}
	if err := setState(ctx, tx, id, deleted); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.cache.drop(id) })
	return s.jobs.Enqueue(ctx, tx, emptyStore{id})
}

// usable refuses a store that has expired.
func usable(v Store) error {
	if v.state != live {
		return expiredStore(v.ID)
	}
	return nil
}

func expiredStore(id string) error {
	return fault.New(fault.Invalid, "Vector store %s has expired. Make a new one and attach its files again.", id).WithCode("vector_store_expired")
}

// notFound is the answer to what does not exist and to what is somebody else's.
func notFound(param, what, id string) error {
	e := fault.New(fault.NotFound, "No %s found with id '%.80s'.", what, id)
	e.Param = param
	return e
}
