package retention

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/secrets"
	"github.com/parley-ai/parley/internal/store"
)

const (
	// MaxBody is how many bytes of a body are kept: the beginning.
	MaxBody = 1 << 20
	// blockSize is how many bytes of bodies are written as one block, about.
	blockSize = 1 << 20
	// overhead is what a request takes in memory besides its bodies, about.
	overhead = 1 << 10
	// Waits between attempts while the database cannot be written.
	firstWait = 50 * time.Millisecond
	lastWait  = 5 * time.Second
)

// waiting is a request in memory.
type waiting struct {
	httpapi.Exchange
	sampled bool
}

func (w *waiting) bytes() int64 { return int64(cap(w.Request)+cap(w.Response)) + overhead }

// keeper gathers requests and writes them in blocks.
type keeper struct {
	s       *Service
	packer  packer
	waiting atomic.Int64 // bytes
	kept    atomic.Int64
	dropped atomic.Int64

	mu      sync.Mutex
	orgs    map[string][]*waiting
	size    int64           // bytes in orgs
	flushes []chan struct{} // closed when what is in orgs now is written
	closed  bool

	wake   chan struct{}
	ctx    context.Context // ends when Close's patience does
	cancel context.CancelFunc
	done   chan struct{}

	keys map[keyPlace]*dayKey // of the writer's goroutine alone
}

// keyPlace is which key is meant.
type keyPlace struct {
	org string
	day int64
}

// dayKey is the key of an organization and a day.
type dayKey struct {
	id  string
	key *secrets.Key
}

// maxKeys is how many keys the writer holds.
const maxKeys = 10_000

func (k *keeper) start(s *Service) (err error) {
	k.s, k.orgs, k.keys = s, map[string][]*waiting{}, map[keyPlace]*dayKey{}
	k.wake, k.done = make(chan struct{}, 1), make(chan struct{})
	k.ctx, k.cancel = context.WithCancel(context.Background())
	if k.packer, err = newPacker(); err != nil {
		k.cancel()
		close(k.done)
		return err
	}
	go k.run()
	return nil
}

// Keeps implements httpapi.Keeper.
func (s *Service) Keeps(who actor.Actor) int {
	if s.rules.Load().of(who.Org) == 0 {
		return 0
	}
	return MaxBody
}

// Keep implements httpapi.Keeper.
func (s *Service) Keep(x httpapi.Exchange) {
	k := &s.keeper
	sample := s.rules.Load().sample
	w := &waiting{x, sample > 0 && rand.IntN(million) < sample}
	n := w.bytes()
	if k.waiting.Add(n) > s.o.Budget {
		k.waiting.Add(-n)
		k.dropped.Add(1)
		return
	}
	k.mu.Lock()
	closed := k.closed
	if !closed {
		k.orgs[x.Actor.Org] = append(k.orgs[x.Actor.Org], w)
		k.size += n
	}
	full := k.size >= blockSize
	k.mu.Unlock()
	switch {
	case closed:
		k.waiting.Add(-n)
		k.dropped.Add(1)
	case full:
		k.signal()
	}
}

func (k *keeper) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// forget drops what waits of an organization.
func (k *keeper) forget(org string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range k.orgs[org] {
		k.waiting.Add(-w.bytes())
		k.size -= w.bytes()
	}
	delete(k.orgs, org)
}

// Flush returns when what was taken before is written, or ctx ends.
func (s *Service) Flush(ctx context.Context) error {
	k := &s.keeper
	ack := make(chan struct{})
	k.mu.Lock()
	k.flushes = append(k.flushes, ack)
	k.mu.Unlock()
	k.signal()
	select {
	case <-ack:
		return nil
	case <-k.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes what waits and ends the writer; when ctx ends first, the rest is dropped.
func (s *Service) Close(ctx context.Context) error {
	k := &s.keeper
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.signal()
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
		k.cancel()
		<-k.done
		return ctx.Err()
	}
}

// run writes what gathered, each interval and whenever a block is full.
func (k *keeper) run() {
	defer close(k.done)
	defer k.cancel()
	tick := time.NewTicker(k.s.o.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-k.wake:
		}
		k.mu.Lock()
		orgs, flushes, closed := k.orgs, k.flushes, k.closed
		k.orgs, k.flushes, k.size = map[string][]*waiting{}, nil, 0
		k.mu.Unlock()
		for org, list := range orgs {
			k.writeAll(org, list)
		}
		for _, ack := range flushes {
			close(ack)
		}
		if closed {
			return
		}
	}
}

// writeAll writes requests of an organization, in blocks of one day each.
func (k *keeper) writeAll(org string, list []*waiting) {
	for len(list) > 0 {
		day, n, size := dayOf(list[0].Started), 0, int64(0)
		for n < len(list) && dayOf(list[n].Started) == day && size < blockSize {
			size += list[n].bytes()
			n++
		}
		if err := k.write(org, day, list[:n]); err != nil {
			k.dropped.Add(int64(n))
			k.s.o.Logger.Error("bodies of requests could not be kept", "org", org, "requests", n, "error", err)
		}
		k.waiting.Add(-size)
		list = list[n:]
	}
}

const daySeconds = 24 * 60 * 60

// dayOf is the day of a time: since 1970, UTC.
func dayOf(t time.Time) int64 { return t.Unix() / daySeconds }

// block is a row of retention_blocks.
type block struct {
	id, org, key string
	first, last  time.Time
	requests     int
	ids, data    []byte
}

// write puts requests into the database, again and again while it cannot be written.
func (k *keeper) write(org string, day int64, list []*waiting) error {
	packed, err := k.packer.pack(list)
	if err != nil {
		return err
	}
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		if k.s.rules.Load().of(org) == 0 {
			return nil // nothing is to be kept any more
		}
		err := k.try(org, day, list, packed)
		if err == nil {
			k.kept.Add(int64(len(list)))
			return nil
		}
		if errors.Is(err, errKeyGone) {
			delete(k.keys, keyPlace{org, day})
			if k.ctx.Err() == nil {
				continue
			}
		}
		if fault.KindOf(err) != fault.Unavailable || k.ctx.Err() != nil {
			return err
		}
		k.s.o.Logger.Warn("bodies of requests wait for the database", "bytes", k.waiting.Load(), "error", err)
		select {
		case <-time.After(wait):
		case <-k.ctx.Done():
		}
	}
}

// errKeyGone says that the day's key was destroyed, by another server perhaps.
var errKeyGone = errors.New("retention: the day's key is gone")

func (k *keeper) try(org string, day int64, list []*waiting, packed []byte) error {
	key, err := k.key(org, day)
	if err != nil {
		return err
	}
	b := block{id: ids.New("block_"), org: org, key: key.id, first: list[0].Started, last: list[0].Started, requests: len(list)}
	for _, w := range list {
		id := shortID(w.RequestID)
		b.ids = append(b.ids, id[:]...)
		if w.Started.Before(b.first) {
			b.first = w.Started
		}
		if w.Started.After(b.last) {
			b.last = w.Started
		}
	}
	b.data = key.key.Seal(b.id, packed)
	return k.s.o.DB.Tx(k.ctx, func(tx *store.Tx) error {
		if err := insertBlock(k.ctx, tx, b); err != nil {
			return err
		}
		for _, w := range list {
			if w.sampled {
				if err := insertItem(k.ctx, tx, Item{ID: ids.New("review_"), Org: org, Project: w.Actor.Project, RequestID: w.RequestID, block: b.id,
					FlaggedAt: k.s.o.Clock.Now(), Source: SourceSample, Reason: "random sample", State: Open}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// key returns the day's key, which is made when there is none.
func (k *keeper) key(org string, day int64) (*dayKey, error) {
	place := keyPlace{org, day}
	if key := k.keys[place]; key != nil {
		return key, nil
	}
	fresh := secrets.NewKey()
	id := ids.New("rkey_")
	id, sealed, err := findOrMakeKey(k.ctx, k.s.o.DB, id, place, k.s.o.Keys.Seal(id, fresh.Bytes()), k.s.o.Clock.Now())
	if err != nil {
		return nil, err
	}
	key, err := k.s.openKey(id, sealed)
	if err != nil {
		return nil, err
	}
	if len(k.keys) >= maxKeys { // yesterday's, and of those who no longer come
		clear(k.keys)
	}
	k.keys[place] = key
	return key, nil
}

// openKey opens a day's key.
func (s *Service) openKey(id, sealed string) (*dayKey, error) {
	raw, err := s.o.Keys.Open(id, sealed)
	if err != nil {
		return nil, err
	}
	key, err := secrets.ParseKey(raw)
	return &dayKey{id, key}, err
}

// open reads a block and calls each with its requests until it returns false. ErrNoRows: it is gone.
func (s *Service) open(ctx context.Context, q store.Q, blockID string, each func(Record) bool) error {
	b, sealed, err := findBlock(ctx, q, blockID)
	if err != nil {
		return err
	}
	key, err := s.openKey(b.key, sealed)
	if err != nil {
		return err
	}
	packed, err := key.key.Open(b.id, b.data)
	if err != nil {
		return err
	}
	return unpack(packed, each)
}

// holds reports whether a block may have a request.
func (b block) holds(requestID string) bool {
	id := shortID(requestID)
	for ids := b.ids; len(ids) >= short; ids = ids[short:] {
		if [short]byte(ids) == id {
			return true
		}
	}
	return false
}
