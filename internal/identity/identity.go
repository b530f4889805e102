package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/mail"
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

// Bounds.
const (
	maxName   = 100 // characters of a name
	maxModels = 100 // of a key
)

// Service is identity. Make it with New, call Bootstrap before anything else, and Close at the end.
type Service struct {
	// Page is the address of the web app, for links; New sets one without a host.
	Page func() string
	// Mail sends invitations; nil: their links are shown only.
	Mail Mailer
	// Idle and Lifetime end sessions: so long after their last use, so long after their beginning (0: never). New sets SessionLifetime and 0.
	Idle, Lifetime time.Duration

	db    *store.DB
	clock clock.Clock
	log   *slog.Logger
	audit *audit.Log

	mu   sync.RWMutex
	seen map[digest]*entry

	stop func()
	done chan struct{}
}

// Mailer sends mail in the transaction of what it is about; Configured is false where there is no mail server.
type Mailer interface {
	Configured() bool
	Send(ctx context.Context, tx *store.Tx, m mail.Message) error
}

// digest is the SHA-256 of a secret.
type digest [sha256.Size]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// entry is a key or a session in memory. Only used changes after it was stored.
type entry struct {
	actor   actor.Actor
	checked int64        // when the database was asked, in nanoseconds
	expires int64        // sessions: not valid from here on; 0: never
	began   time.Time    // sessions
	used    atomic.Int64 // the last use, in nanoseconds; 0 when it was written
}

// New returns the service and starts the goroutine that writes uses.
func New(db *store.DB, clk clock.Clock, log *slog.Logger) *Service {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Service{Page: func() string { return "" }, Idle: SessionLifetime, db: db, clock: clk, log: log, audit: audit.New(db, clk), seen: map[digest]*entry{}, stop: cancel, done: make(chan struct{})}
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

// Owner returns the oldest owner of the oldest organization that has one: whom the server's machine acts as.
func (s *Service) Owner(ctx context.Context) (_ actor.Actor, err error) {
	defer fault.Wrap(&err, "identity.Owner")
	return findOwner(ctx, s.db.Read())
}

// Key is an API key without its secret.
type Key struct {
	ID       string
	Name     string
	Redacted string // "sk-ab…wxyz"
	Project  string // empty: the organization's
	User     string // whose it is; empty for a service account's
	Service  string
	Scopes   []string // patterns; in force is what its user's role allows of them
	Models   []string // that it may ask for; nil: all
	Track    bool     // its usage is counted apart
	Created  time.Time
	Expires  time.Time // zero: never
	LastUsed time.Time // zero: never
	Owner    KeyOwner  // known when it was read
	Access   bool      // its owner is in the project
}

// KeyOwner is the user or service account that a key belongs to.
type KeyOwner struct {
	Name, Email, Role string
	Created           time.Time
}

// audited is what the audit log keeps of a key.
func (k Key) audited() map[string]any {
	out := map[string]any{"name": k.Name, "redacted": k.Redacted, "scopes": k.Scopes}
	if k.Models != nil {
		out["models"] = k.Models
	}
	if k.Track {
		out["track_usage"] = true
	}
	if !k.Expires.IsZero() {
		out["expires_at"] = k.Expires.Unix()
	}
	return out
}

// NewKey is what a key is to be.
type NewKey struct {
	Name   string
	Scopes []string // what it may do; none: all that the actor may
	Models []string // that it may ask for; nil: all
	// Untracked leaves its usage to be summed up with that of other such keys.
	Untracked bool
	Expires   time.Time // zero: never
}

// CreateKey makes a key of the actor's project that may do what scopes say, at most what the actor may;
// none means all that the actor may. The secret is shown only here.
func (s *Service) CreateKey(ctx context.Context, who actor.Actor, in NewKey) (secret string, _ Key, err error) {
	defer fault.Wrap(&err, "identity.CreateKey")
	if who.User == "" && who.Service == "" {
		return "", Key{}, fault.New(fault.Forbidden, "A key belongs to a user or to a service account, and you act as neither here: make a service account.")
	}
	name := strings.TrimSpace(clean(strings.ReplaceAll(in.Name, "\x00", "")))
	if len([]rune(name)) > maxName {
		return "", Key{}, fault.Param("name", "Invalid 'name': string too long. Expected a string with maximum length %d, but got a string with length %d instead.",
			maxName, len([]rune(name))).WithCode("string_above_max_length")
	}
	scopes, err := grant(who, in.Scopes)
	if err != nil {
		return "", Key{}, err
	}
	secret, k, d := s.newKey("sk-", name, scopes)
	k.Project, k.User, k.Service = who.Project, who.User, who.Service
	if k.Track = !in.Untracked; !in.Expires.IsZero() {
		if k.Expires = in.Expires.UTC().Truncate(time.Millisecond); !k.Expires.After(k.Created) {
			return "", Key{}, fault.Param("expires_at", "Invalid 'expires_at': the time has passed.").WithCode("invalid_value")
		}
	}
	if k.Models, err = modelsOf(who, in.Models); err != nil {
		return "", Key{}, err
	}
	if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.insertKey(ctx, tx, who, k, d) }); err != nil {
		return "", Key{}, err
	}
	k, err = s.oneKey(ctx, who, keyFilter{project: who.Project, own: true}, "key", k.ID)
	return secret, k, err
}

// newKey makes a secret and what is stored of it.
func (s *Service) newKey(prefix, name string, scopes []string) (string, Key, digest) {
	secret := ids.Secret(prefix)
	return secret, Key{ID: ids.New("key_"), Name: name, Redacted: secret[:len(prefix)+2] + "…" + secret[len(secret)-4:],
		Scopes: append([]string{}, scopes...), Created: s.now(), Access: true, Track: true}, sum(secret)
}

// grant checks what a new key is to be allowed: with none named, all that the actor may. In the hands of a
// person that is everything, since a key never may more than its owner's role at the moment of its use.
func grant(who actor.Actor, scopes []string) ([]string, error) {
	if len(scopes) == 0 {
		if who.Key == "" {
			return []string{actor.All}, nil
		}
		return who.Scopes, nil
	}
	for _, scope := range scopes {
		if !knownScope(scope) {
			return nil, fault.Param("scopes", "Invalid value: '%s'. Scopes look like 'chat.write', 'chat.*' or '*'.", printable(scope[:min(len(scope), 64)])).WithCode("invalid_value")
		}
		wide := who.Key == "" && (scope == actor.All || scope == actor.AllRead)
		if !wide && !actor.Covers(who.Scopes, scope) {
			return nil, fault.New(fault.Forbidden, "You cannot give a key the scope '%s', which you do not have.", scope).WithCode("missing_scope")
		}
	}
	return scopes, nil
}

// modelsOf checks the models of a new key: at most those that the actor may ask for.
func modelsOf(who actor.Actor, list []string) ([]string, error) {
	if list == nil {
		return who.Models, nil
	}
	if len(list) > maxModels {
		return nil, fault.Param("models", "Invalid 'models': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxModels, len(list)).WithCode("array_above_max_length")
	}
	for _, name := range list {
		if name == "" || len(name) > 200 || clean(name) != name {
			return nil, fault.Param("models", "Invalid 'models': '%s' is no name of a model.", printable(name[:min(len(name), 64)])).WithCode("invalid_value")
		}
		if !who.MayUse(name) {
			return nil, fault.New(fault.Forbidden, "You cannot give a key the model '%s', which you may not use.", printable(name)).WithCode("model_not_found")
		}
	}
	return list, nil
}

// knownScope reports whether a scope has the form of one: "*", "*.read", "group.*" or "group.verb".
func knownScope(scope string) bool {
	if scope == actor.All {
		return true
	}
	if scope == actor.AllRead {
		return true
	}
	group, verb, ok := strings.Cut(scope, ".")
	word := func(s string) bool {
		return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_-") == ""
	}
	return ok && word(group) && (verb == "*" || word(verb))
}

// ListKeys returns a page of the project's keys that were not revoked: the actor's own, or all when the
// actor manages the project.
func (s *Service) ListKeys(ctx context.Context, who actor.Actor, p store.Paging) (_ []Key, more bool, err error) {
	defer fault.Wrap(&err, "identity.ListKeys")
	if err := s.Flush(ctx); err != nil { // so that LastUsed is today's truth
		return nil, false, err
	}
	return s.listKeys(ctx, who, keyFilter{project: who.Project, own: !who.Manages()}, p)
}

// RevokeKey ends a key: here at once, on other servers within a second.
func (s *Service) RevokeKey(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "identity.RevokeKey(%s)", id)
	return s.revoke(ctx, who, keyFilter{project: who.Project, own: !who.Manages()}, "key", id)
}

func (s *Service) revoke(ctx context.Context, who actor.Actor, f keyFilter, param, id string) error {
	if err := s.revokeKey(ctx, who, f, id); errors.Is(err, store.ErrNoRows) {
		return notFound(param, "API key", id)
	} else if err != nil {
		return err
	}
	s.drop(func(a actor.Actor) bool { return a.Key == id })
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

// dropSecret forgets what is known of one secret.
func (s *Service) dropSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, sum(secret))
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
