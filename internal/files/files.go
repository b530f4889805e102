package files

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Purposes of files.
const (
	FineTune         = "fine-tune"
	FineTuneResults  = "fine-tune-results" // made by the server
	Assistants       = "assistants"
	AssistantsOutput = "assistants_output" // made by the server
	Batch            = "batch"
	BatchOutput      = "batch_output" // made by the server
	Vision           = "vision"
	UserData         = "user_data"
	Evals            = "evals"
)

// Purposes are all that a file can have; Uploadable are those that users may give.
var (
	Purposes   = []string{Assistants, AssistantsOutput, Batch, BatchOutput, FineTune, FineTuneResults, Vision, UserData, Evals}
	Uploadable = []string{FineTune, Assistants, Batch, UserData, Vision, Evals}
)

// States of a file, as the original had them.
const (
	Uploaded  = "uploaded"
	Processed = "processed"
	Failed    = "error"
)

// LimitUpdated is a line of the audit log: the operator set what an organization may store.
const LimitUpdated = "file_limit.updated"

// Limits.
const (
	MaxFile = 512 << 20 // bytes of one file in one request
	maxName = 255       // bytes of a name
)

// File is a file without its content.
type File struct {
	ID        string
	Org       string
	Project   string
	Name      string
	Purpose   string
	MediaType string // as told at the upload, or by the name's ending; empty: unknown
	Bytes     int64
	SHA256    string // hex
	Status    string // Uploaded, Processed, Failed
	Details   string // why it is Failed
	Created   time.Time
	Expires   time.Time // zero: never

	key string // of the content in the blob store
}

// New is a file to create.
type New struct {
	Name      string // directories are cut off; empty is "file"
	Purpose   string // one of Purposes
	MediaType string // empty: by the name's ending
	Body      io.Reader
	Max       int64         // bytes; 0 is MaxFile
	Keep      time.Duration // how long it is kept; 0: until it is deleted

	// Then runs in the transaction that makes the file, for rows that refer to it; its error undoes both. It may run more than once.
	Then func(ctx context.Context, tx *store.Tx, f File) error
}

// Servers tells which servers of the database live; *presence.Servers is one.
type Servers interface {
	ID() string
	Alive(ctx context.Context, q store.Q) (map[string]bool, error)
}

// Options of NewService. All fields but MaxStored are required.
type Options struct {
	DB        *store.DB
	Blobs     blob.Store
	Clock     clock.Clock
	Logger    *slog.Logger
	Servers   Servers
	MaxStored int64 // bytes that an organization may store, unless it has a limit of its own; 0: no limit
}

// Service runs the operations. Make it with NewService.
type Service struct {
	db        *store.DB
	blobs     blob.Store
	clock     clock.Clock
	log       *slog.Logger
	servers   Servers
	audit     *audit.Log
	maxStored int64
	onDelete  []Hook

	mu      sync.Mutex
	sending map[string]int64 // by organization: bytes of contents that it is sending
}

// Hook is told of a file in the transaction that deletes it; its error keeps the file.
type Hook func(ctx context.Context, tx *store.Tx, f File) error

// NewService returns the service. Run tidies for it.
func NewService(o Options) *Service {
	return &Service{
		db: o.DB, blobs: o.Blobs, clock: o.Clock, log: o.Logger, servers: o.Servers, audit: audit.New(o.DB, o.Clock), maxStored: o.MaxStored,
		sending: map[string]int64{},
	}
}

// OnDelete has hook told of every file that is deleted, by whomever. Call it before serving.
func (s *Service) OnDelete(hook Hook) { s.onDelete = append(s.onDelete, hook) }

// Create stores a new file of the actor's project. The content is read once, never whole in memory. When Body or ctx fails nothing
// is left. Errors: those of Body as they are; fault.TooLarge; fault.Full when the disk is, or the organization's limit is reached.
func (s *Service) Create(ctx context.Context, who actor.Actor, n New) (File, error) {
	if !slices.Contains(Purposes, n.Purpose) {
		return File{}, wrongPurpose(n.Purpose)
	}
	c, err := s.writeNew(ctx, who, n.Body, cmp.Or(n.Max, MaxFile))
	if err != nil {
		return File{}, err
	}
	return s.finish(ctx, who, n, c)
}

// finish makes a file of a written content, or removes it.
func (s *Service) finish(ctx context.Context, who actor.Actor, n New, c content) (File, error) {
	if n.Purpose == FineTune {
		if err := s.validate(ctx, c.key, n.Name); err != nil {
			s.drop(ctx, c.key)
			return File{}, err
		}
	}
	return s.keep(ctx, who, n, c, Processed, "", nil)
}

// keep makes a file of a written content. before runs in its transaction, first.
func (s *Service) keep(ctx context.Context, who actor.Actor, n New, c content, status, details string, before func(tx *store.Tx, f File) error) (f File, err error) {
	now := s.now()
	f = File{
		ID: ids.New("file-"), Org: who.Org, Project: who.Project, Name: CleanName(n.Name), Purpose: n.Purpose, MediaType: n.MediaType,
		Bytes: c.bytes, SHA256: c.sha256, Status: status, Details: details, Created: now, key: c.key,
	}
	if f.MediaType == "" || !validMediaType(f.MediaType) {
		f.MediaType = mediaTypeOf(f.Name)
	}
	if n.Keep > 0 {
		f.Expires = now.Add(n.Keep)
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if before != nil {
			if err := before(tx, f); err != nil {
				return err
			}
		}
		if err := s.own(ctx, tx, c.key); err != nil {
			return err
		}
		if err := s.charge(ctx, tx, who.Org, f.Bytes, 1); err != nil {
			return err
		}
		if err := s.insert(ctx, tx, f); err != nil {
			return err
		}
		if n.Then != nil {
			return n.Then(ctx, tx, f)
		}
		return nil
	})
	if err != nil {
		s.drop(ctx, c.key)
		return File{}, err
	}
	return f, nil
}

// Get returns a file of the actor's project.
func (s *Service) Get(ctx context.Context, who actor.Actor, id string) (File, error) {
	return s.file(ctx, s.db.Read(), who, id)
}

// Hold is Get inside a transaction that is about to refer to the file: it cannot be deleted before that ends.
func (s *Service) Hold(ctx context.Context, tx *store.Tx, who actor.Actor, id string) (File, error) {
	if err := s.lock(ctx, tx, id); err != nil {
		return File{}, err
	}
	return s.file(ctx, tx, who, id)
}

// Open returns a file of the actor's project with its content, which the caller closes.
func (s *Service) Open(ctx context.Context, who actor.Actor, id string) (io.ReadSeekCloser, File, error) {
	f, err := s.Get(ctx, who, id)
	if err != nil {
		return nil, File{}, err
	}
	r, _, err := s.blobs.Get(ctx, f.key)
	if fault.KindOf(err) == fault.NotFound {
		// Deleted since, or the store has lost it: then its row is still there.
		if _, again := s.Get(ctx, who, id); again != nil {
			return nil, File{}, again
		}
		return nil, File{}, fault.New(fault.Unavailable, "The content of the file '%s' is missing in the server's store. The operator finds the reason in the log.", id).WithCause(err)
	}
	return r, f, err
}

// ListQuery says which files are wanted.
type ListQuery struct {
	store.Paging        // Limit up to MaxList
	Purpose      string // only these; empty: all
	Search       string // only those with this in their names, in any case
}

// MaxList is the largest page of a list.
const MaxList = 10_000

// List returns a page of the project's files and whether there are more behind it.
func (s *Service) List(ctx context.Context, who actor.Actor, q ListQuery) ([]File, bool, error) {
	files, more, err := s.list(ctx, who, q)
	if cursor, ok := errors.AsType[*store.CursorError](err); ok {
		return nil, false, notFound(cursor.Param, cursor.ID)
	}
	return files, more, err
}

// Delete removes a file of the actor's project with its content.
func (s *Service) Delete(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error { return s.DeleteIn(ctx, tx, who, id) })
}

// DeleteIn is Delete inside the caller's transaction; the content goes after its commit.
func (s *Service) DeleteIn(ctx context.Context, tx *store.Tx, who actor.Actor, id string) error {
	f, err := s.Hold(ctx, tx, who, id)
	if err != nil {
		return err
	}
	return s.remove(ctx, tx, f)
}

// remove deletes a file's row and dooms its content, which goes after the commit.
func (s *Service) remove(ctx context.Context, tx *store.Tx, f File) error {
	for _, hook := range s.onDelete {
		if err := hook(ctx, tx, f); err != nil {
			return err
		}
	}
	if gone, err := s.deleteRow(ctx, tx, f); err != nil || !gone {
		return err
	}
	if err := s.charge(ctx, tx, f.Org, -f.Bytes, -1); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.clear(ctx, f.key) })
	return s.doom(ctx, tx, f.key)
}

func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// CleanName makes what a client calls a file a name: without directories and control characters, at most 255 bytes.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name[strings.LastIndexAny(name, `/\`)+1:], "")
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name))
	if len(name) > maxName { // the end says the type
		name = name[len(name)-maxName:]
		for name != "" && !utf8.RuneStart(name[0]) {
			name = name[1:]
		}
	}
	if name == "" || name == "." || name == ".." {
		return "file"
	}
	return name
}

// uploadable reports whether users may give a file the purpose.
func uploadable(purpose string) bool { return slices.Contains(Uploadable, purpose) }

// Totals are what an organization stores.
type Totals struct {
	Bytes int64 // of files, and of open uploads as announced
	Files int64
	Max   int64 // bytes that it may store; 0: no limit
	Own   bool  // the limit was set for it
}

// Stored returns what an organization stores.
func (s *Service) Stored(ctx context.Context, org string) (Totals, error) {
	return s.totals(ctx, s.db.Read(), org)
}

// room refuses bytes that an organization could not store in any case.
func (s *Service) room(ctx context.Context, org string, bytes int64) error {
	if bytes <= 0 {
		return nil
	}
	t, err := s.Stored(ctx, org)
	if err == nil && t.Max > 0 && t.Bytes+bytes > t.Max {
		err = overLimit(t.Bytes+bytes, t.Max)
	}
	return err
}

func overLimit(bytes, most int64) error {
	return fault.New(fault.Invalid, "Your organization would store %d bytes in files with this one, more than its limit of %d. Delete files that you no longer need, or ask the operator for more.", bytes, most).
		WithCode("storage_limit_exceeded")
}

// quoted lists values as Python does.
func quoted(values []string) string { return "['" + strings.Join(values, "', '") + "']" }

// notFound is the answer to what does not exist and to what is somebody else's; the words are the original's.
func notFound(param, id string) error {
	e := fault.New(fault.NotFound, "No such File object: %.80s", id)
	e.Param = param
	return e
}
