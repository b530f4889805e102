package chats

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/store"
)

// Limits of what is kept.
const (
	maxTitle    = 200     // characters
	maxText     = 1 << 20 // bytes of one message
	maxMessages = 10_000  // of one chat
	maxDepth    = 2_000   // turns from a root to a leaf
	maxQuery    = 200     // characters of a search
)

// State is where a message stands.
type State string

// The states.
const (
	InProgress State = "in_progress"
	Completed  State = "completed"
	Stopped    State = "stopped"
	Failed     State = "failed"
)

// Chat is a chat without its messages.
type Chat struct {
	ID           string
	Title        string // empty until the first message or a rename
	Model        string // as last asked for; empty is the default
	Current      string // id of the message that ends the path on show; empty when there is none
	MessageCount int
	Created      time.Time
	Updated      time.Time
}

// Message is one message of a chat.
type Message struct {
	ID      string
	ChatID  string
	Parent  string // id; empty for a root
	Role    string // user, assistant
	Content []Part
	State   State
	Model   string // answers: as asked for
	Served  string // answers: what answered
	Error   *Failure
	Usage   *Usage // answers: nil until the prompt was computed
	Created time.Time

	position int
	depth    int
	server   string // answers: which one wrote it
}

// Part is a piece of a message's content. Type is "text" in this release.
type Part struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Usage counts an answer's tokens.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CachedTokens     int `json:"cached_tokens"` // of the prompt's, how many came from the prefix cache
	CompletionTokens int `json:"completion_tokens"`
}

// Failure says why an answer failed, in words for the user.
type Failure struct {
	Message string `json:"message"`
	Code    string `json:"code,omitempty"`
}

// Text is the message's text: its parts, a line each.
func (m *Message) Text() string { return textOf(m.Content) }

func textOf(parts []Part) string {
	if len(parts) == 1 {
		return parts[0].Text
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Text
	}
	return strings.Join(texts, "\n")
}

// Service runs the operations. Make it with New.
type Service struct {
	db       *store.DB
	generate *generate.Service
	clock    clock.Clock
	log      *slog.Logger
	servers  Servers
	fallback func() string // the default model's name
	page     func(served string) *catalog.Page

	mu      sync.Mutex
	running map[string]running // by message id: answers that this process writes
}

// Servers tells which servers of the database live; *presence.Servers is one.
type Servers interface {
	ID() string
	Alive(ctx context.Context, q store.Q) (map[string]bool, error)
}

// Options of New. All fields are required.
type Options struct {
	DB           *store.DB
	Generate     *generate.Service
	Clock        clock.Clock
	Logger       *slog.Logger
	Servers      Servers                           // of the database, this one among them
	DefaultModel func() string                     // what answers when neither request nor chat names a model
	Page         func(served string) *catalog.Page // how a model likes to be asked; nil is as any other
}

// New returns the service. Call Recover before serving.
func New(o Options) *Service {
	return &Service{
		db: o.DB, generate: o.Generate, clock: o.Clock, log: o.Logger, servers: o.Servers, fallback: o.DefaultModel, page: o.Page,
		running: map[string]running{},
	}
}

// Page asks for a part of the chats, newest first by their last change.
type Page struct {
	Limit int    // 1–100; 0 is 20
	After string // id of the last chat of the page before
	Query string // only chats with this text in title or messages, in any case
}

// List returns the actor's chats and whether there are more behind them.
func (s *Service) List(ctx context.Context, who actor.Actor, p Page) (_ []Chat, more bool, err error) {
	if n := utf8.RuneCountInString(p.Query); n > maxQuery {
		return nil, false, fault.Param("query", "The search has %d characters, more than %d. Search for less.", n, maxQuery)
	}
	chats, more, err := s.list(ctx, who, p)
	var cursor *store.CursorError
	if errors.As(err, &cursor) {
		// The chat to go on from was deleted, or left the search: there is nothing behind it.
		return []Chat{}, false, nil
	}
	return chats, more, err
}

// Create makes an empty chat.
func (s *Service) Create(ctx context.Context, who actor.Actor, title, model string) (Chat, error) {
	title, err := cleanTitle(title)
	if err != nil {
		return Chat{}, err
	}
	if model != "" {
		if _, err := s.generate.Models.Resolve(ctx, who, model); err != nil {
			return Chat{}, err
		}
	}
	now := s.clock.Now().UTC().Truncate(time.Millisecond)
	c := Chat{ID: ids.New("chat_"), Title: title, Model: model, Created: now, Updated: now}
	return c, s.insertChat(ctx, who, c)
}

// Get returns a chat and all its messages in the order of their creation.
func (s *Service) Get(ctx context.Context, who actor.Actor, id string) (Chat, []Message, error) {
	c, err := s.chat(ctx, s.db.Read(), who, id)
	if err != nil {
		return Chat{}, nil, err
	}
	messages, err := s.messages(ctx, id)
	return c, messages, err
}

// Change is what Update changes: fields that are nil stay.
type Change struct {
	Title   *string
	Current *string // id of a message of the chat: the end of the path to show
}

// Update changes a chat. It counts as a use only when the title changes: turning to another version
// does not move a chat to the top of the list.
func (s *Service) Update(ctx context.Context, who actor.Actor, id string, change Change) (c Chat, err error) {
	if change.Title != nil {
		title, err := cleanTitle(*change.Title)
		if err != nil {
			return Chat{}, err
		}
		if title == "" {
			return Chat{}, fault.Param("title", "The title is empty. Give the chat a name.")
		}
		change.Title = &title
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if c, err = s.lockChat(ctx, tx, who, id); err != nil {
			return err
		}
		if change.Title != nil {
			c.Title, c.Updated = *change.Title, s.clock.Now().UTC().Truncate(time.Millisecond)
		}
		if change.Current != nil {
			if _, err := s.message(ctx, tx, id, *change.Current, "current_message_id"); err != nil {
				return err
			}
			c.Current = *change.Current
		}
		return s.updateChat(ctx, tx, c)
	})
	return c, err
}

// Delete removes a chat with its messages; answers that are being written are stopped.
func (s *Service) Delete(ctx context.Context, who actor.Actor, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := s.lockChat(ctx, tx, who, id); err != nil {
			return err
		}
		open, err := s.deleteChat(ctx, tx, id)
		if err != nil {
			return err
		}
		tx.AfterCommit(func() {
			for _, m := range open {
				s.cancel(m)
			}
		})
		return nil
	})
}

// Recover fails the answers that a server which no longer lives left in progress, keeping their text.
// It is called before serving and then now and then; answers of living servers are left alone.
func (s *Service) Recover(ctx context.Context) error {
	n, err := s.recover(ctx, serverStopped)
	if n > 0 {
		s.log.WarnContext(ctx, "answers that a stopped server left unfinished are marked as failed", "count", n)
	}
	return err
}

// serverStopped is what users read of an answer that lost its server.
var serverStopped = Failure{Message: "The server stopped while this answer was being written.", Code: "server_stopped"}

// cleanTitle checks a title and makes it one line.
func cleanTitle(title string) (string, error) {
	title = strings.Join(strings.Fields(strings.ReplaceAll(title, "\x00", " ")), " ")
	if n := utf8.RuneCountInString(title); n > maxTitle {
		return "", fault.Param("title", "The title has %d characters, more than %d. Choose a shorter one.", n, maxTitle)
	}
	return title, nil
}

// titleLength is where a title made from a message ends, in characters.
const titleLength = 60

// titleFrom makes a title of a chat's first message: its beginning, cut between words.
func titleFrom(text string) string {
	title := strings.Join(strings.Fields(strings.ReplaceAll(text[:min(len(text), 4096)], "\x00", " ")), " ")
	title = strings.ToValidUTF8(title, "")
	if utf8.RuneCountInString(title) <= titleLength {
		return title
	}
	cut := string([]rune(title)[:titleLength])
	if i := strings.LastIndexByte(cut, ' '); i > titleLength/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,.;:-–—") + "…"
}

// notFound is the answer to what does not exist and to what is somebody else's.
func notFound(param, what, id string) error {
	e := fault.New(fault.NotFound, "No %s found with id '%.80s'.", what, id)
	e.Param = param
	return e
}
