package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Lifetimes.
const (
	SessionLifetime = 30 * 24 * time.Hour // of a browser session since its last use
	LinkLifetime    = 15 * time.Minute    // of a sign-in link
	trust           = time.Second         // how long what was looked up is believed
	forget          = 10 * time.Minute    // after which an unused entry leaves the memory
	flushEvery      = 5 * time.Second     // how often uses are written
)

// maxName is the longest name of a key, in characters.
const maxName = 100

// Service is identity. Make it with New, call Bootstrap before anything else, and Close at the end.
type Service struct {
	db    *store.DB
	clock clock.Clock
	log   *slog.Logger
	audit *audit.Log

	mu   sync.RWMutex
	seen map[digest]*entry

	stop func()
	done chan struct{}
}

// digest is the SHA-256 of a secret.
type digest [sha256.Size]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// entry is a key or a session in memory. Only used changes after it was stored.
type entry struct {
	actor   actor.Actor
	checked int64        // when the database was asked, in nanoseconds
	expires int64        // sessions: not valid from here on; 0: never
	used    atomic.Int64 // the last use, in nanoseconds; 0 when it was written
}

// New returns the service and starts the goroutine that writes uses.
func New(db *store.DB, clk clock.Clock, log *slog.Logger) *Service {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Service{db: db, clock: clk, log: log, audit: audit.New(db, clk), seen: map[digest]*entry{}, stop: cancel, done: make(chan struct{})}
	go s.flushLoop(ctx)
	return s
}

// Close writes what is known of uses and ends the goroutine. The database must still be open.
func (s *Service) Close(ctx context.Context) error {
	s.stop()
	<-s.done
	return s.Flush(ctx)
}

func (s *Service) flushLoop(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("last uses of keys were not written; they will be tried again", "error", err)
			}
		}
	}
}

// Installation is who there is at the first start.
type Installation struct {
	Owner actor.Actor // the owner, who may do everything
	First bool        // this call made it
}

// Bootstrap makes the organization, its project and its owner, unless they exist.
func (s *Service) Bootstrap(ctx context.Context) (_ Installation, err error) {
	defer fault.Wrap(&err, "identity.Bootstrap")
	return s.bootstrap(ctx)
}

// Key is an API key without its secret.
type Key struct {
	ID       string
	Name     string
	Redacted string // "sk-ab…wxyz"
	User     string
	Scopes   []string
	Created  time.Time
	LastUsed time.Time // zero: never
}

// CreateKey makes a key of the actor's project that may do what scopes say, at most what the actor may;
// none means all that the actor may. The secret is shown only here.
func (s *Service) CreateKey(ctx context.Context, who actor.Actor, name string, scopes []string) (secret string, _ Key, err error) {
	defer fault.Wrap(&err, "identity.CreateKey")
	name = strings.TrimSpace(strings.ReplaceAll(name, "\x00", ""))
	if len([]rune(name)) > maxName {
		return "", Key{}, fault.Param("name", "Invalid 'name': string too long. Expected a string with maximum length %d, but got a string with length %d instead.",
			maxName, len([]rune(name))).WithCode("string_above_max_length")
	}
	if len(scopes) == 0 {
		scopes = who.Scopes
	}
	for _, scope := range scopes {
		if !knownScope(scope) {
			return "", Key{}, fault.Param("scopes", "Invalid value: '%s'. Scopes look like 'chat.write', 'chat.*' or '*'.", strings.ToValidUTF8(scope[:min(len(scope), 64)], "")).WithCode("invalid_value")
		}
		if scope == actor.All && !slices.Contains(who.Scopes, actor.All) || !who.May(scope) {
			return "", Key{}, fault.New(fault.Forbidden, "You cannot give a key the scope '%s', which you do not have.", scope).WithCode("missing_scope")
		}
	}
	secret = ids.Secret("sk-")
	k := Key{ID: ids.New("key_"), Name: name, Redacted: secret[:5] + "…" + secret[len(secret)-4:], User: who.User,
		Scopes: append([]string{}, scopes...), Created: s.now()}
	return secret, k, s.insertKey(ctx, who, k, sum(secret))
}

// knownScope reports whether a scope has the form of one: "*", "group.*" or "group.verb".
func knownScope(scope string) bool {
	if scope == actor.All {
		return true
	}
	group, verb, ok := strings.Cut(scope, ".")
	word := func(s string) bool {
		return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_-") == ""
	}
	return ok && word(group) && (verb == "*" || word(verb))
}

// ListKeys returns a page of the project's keys that were not revoked.
func (s *Service) ListKeys(ctx context.Context, who actor.Actor, p store.Paging) (_ []Key, more bool, err error) {
	defer fault.Wrap(&err, "identity.ListKeys")
	if err := s.Flush(ctx); err != nil { // so that LastUsed is today's truth
		return nil, false, err
	}
	return s.listKeys(ctx, who, p)
}

// RevokeKey ends a key: here at once, on other servers within a second.
func (s *Service) RevokeKey(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "identity.RevokeKey(%s)", id)
	notFound := fault.New(fault.NotFound, "No such API key: %s", id[:min(len(id), 64)])
	notFound.Param = "key"
	if !ids.Valid("key_", id) {
		return notFound
	}
	if err := s.revokeKey(ctx, who, id); errors.Is(err, store.ErrNoRows) {
		return notFound
	} else if err != nil {
		return err
	}
	s.drop(func(a actor.Actor) bool { return a.Key == id })
	return nil
}

// SignInLink makes a token that signs the owner in once, within LinkLifetime.
func (s *Service) SignInLink(ctx context.Context, who actor.Actor) (token string, err error) {
	defer fault.Wrap(&err, "identity.SignInLink")
	if who.User == "" {
		return "", fault.New(fault.Forbidden, "Only a user can sign in, not a service.")
	}
	token = ids.Random(32)
	return token, s.insertLink(ctx, who, ids.New("link_"), sum(token), s.now().Add(LinkLifetime))
}

// Session is a browser's.
type Session struct {
	Secret  string // the cookie's value; shown only here
	Expires time.Time
	Actor   actor.Actor
}

// SignIn exchanges a link's token for a session. A token works once.
func (s *Service) SignIn(ctx context.Context, token string) (_ Session, err error) {
	defer fault.Wrap(&err, "identity.SignIn")
	session := Session{Secret: ids.Secret("ps-"), Expires: s.now().Add(SessionLifetime)}
	session.Actor, err = s.useLink(ctx, sum(token), ids.New("sess_"), sum(session.Secret), session.Expires)
	if errors.Is(err, store.ErrNoRows) {
		return Session{}, fault.New(fault.Unauthorized, "This sign-in link was used or has expired. Make a new one with `parley signin` "+
			"on the machine of the server, or restart it: it prints one.").WithCode("invalid_signin_link")
	}
	return session, err
}

// SignOut ends the actor's session.
func (s *Service) SignOut(ctx context.Context, who actor.Actor) (err error) {
	defer fault.Wrap(&err, "identity.SignOut")
	if who.Session == "" {
		return fault.New(fault.Invalid, "There is no session to end: this request was made with an API key.")
	}
	if err := s.deleteSession(ctx, who); err != nil {
		return err
	}
	s.drop(func(a actor.Actor) bool { return a.Session == who.Session })
	return nil
}

// secretKind says what a secret claims to be.
type secretKind int

const (
	apiKey secretKind = iota
	sessionCookie
)

// errUnknown says that nobody has the secret.
var errUnknown = errors.New("identity: unknown secret")

// resolve returns whose secret it is, or errUnknown, or why the database did not answer.
func (s *Service) resolve(ctx context.Context, kind secretKind, secret string) (actor.Actor, error) {
	d := sum(secret)
	now := s.clock.Now().UnixNano()
	s.mu.RLock()
	e := s.seen[d]
	s.mu.RUnlock()
	if e == nil || now-e.checked >= int64(trust) || now < e.checked {
		fresh, err := s.lookUp(ctx, kind, d)
		if err != nil && !errors.Is(err, store.ErrNoRows) {
			return actor.Actor{}, err
		}
		s.mu.Lock()
		if err != nil {
			delete(s.seen, d)
			s.mu.Unlock()
			return actor.Actor{}, errUnknown
		}
		if e = s.seen[d]; e != nil {
			fresh.used.Store(e.used.Load()) // not written yet
		}
		fresh.checked = now
		s.seen[d], e = fresh, fresh
		s.mu.Unlock()
	}
	if (kind == sessionCookie) != (e.actor.Session != "") || e.expires != 0 && now >= e.expires {
		return actor.Actor{}, errUnknown
	}
	// Ten uses a second say no more than one: not every request needs to write to the shared line.
	if now-e.used.Load() > int64(100*time.Millisecond) {
		e.used.Store(now)
	}
	return e.actor, nil
}

// drop removes what is known of an actor's secrets.
func (s *Service) drop(which func(actor.Actor) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d, e := range s.seen {
		if which(e.actor) {
			delete(s.seen, d)
		}
	}
}

// Flush writes the uses that are not yet written and forgets what was not used for long.
func (s *Service) Flush(ctx context.Context) error {
	now := s.clock.Now().UnixNano()
	var uses []use
	s.mu.Lock()
	for d, e := range s.seen {
		if at := e.used.Swap(0); at != 0 {
			uses = append(uses, use{e, at})
		} else if now-e.checked > int64(forget) {
			delete(s.seen, d)
		}
	}
	s.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	err := s.writeUses(ctx, uses)
	if err != nil {
		for _, u := range uses {
			u.entry.used.CompareAndSwap(0, u.at)
		}
	}
	return err
}

// use is one entry's use that is being written.
type use struct {
	entry *entry
	at    int64 // nanoseconds
}

// now is in whole milliseconds, as the database keeps it, so that what is returned is what is read back.
func (s *Service) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

func sum(secret string) digest { return sha256.Sum256([]byte(secret)) }
