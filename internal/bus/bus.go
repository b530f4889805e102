// Package bus carries hints between the parts of a server and between servers: "look at X, it has
// changed". Hints are never content: who gets one reads the state from its place, and a subscriber
// looks once after subscribing and again from time to time, as hints may be lost when a connection is.
//
// Publishing never waits and never fails. A subscriber that is slow misses nothing that matters: equal
// keys that wait for it are delivered once (coalesced), and when more than maxPending different keys
// wait it gets the key "" instead, which means "anything may have changed".
//
// Local works inside one process. Postgres carries hints to all servers on one database by
// LISTEN/NOTIFY; their own subscribers get them at once. Every implementation passes bustest.Conform.
package bus

import (
	"context"
	"sync"
	"time"
)

// maxPending is the most keys that wait for one subscriber.
const maxPending = 1024

// Bus carries hints. Safe for concurrent use.
type Bus interface {
	// Publish hints that what key names in topic has changed. Topics are fixed words of the program
	// ("runs", "chats"); a key is at most 1,000 bytes, longer ones become "".
	Publish(topic, key string)
	// Subscribe gets the hints of a topic from now on, until Close.
	Subscribe(topic string) *Subscription
	// Close ends the bus: subscribers get no more, publishing does nothing.
	Close() error
}

// Subscription is one subscriber's end.
type Subscription struct {
	hub   *hub
	topic string

	mu     sync.Mutex
	order  []string
	set    map[string]bool
	signal chan struct{} // holds one value while keys wait
	done   chan struct{} // closed when the subscription or its bus is
	once   sync.Once
}

// Next waits for hints and returns the keys that came since the last call, each once, in the order
// in which they first came; "" is anything. ok is false when ctx, the subscription or the bus ended.
func (s *Subscription) Next(ctx context.Context) (keys []string, ok bool) {
	select {
	case <-s.signal:
	case <-ctx.Done():
		return nil, false
	case <-s.done:
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	keys = s.order
	s.order, s.set = nil, nil
	return keys, true
}

// Wait waits for a hint for one key, or for anything; false as for Next. Other keys are dropped: use a
// subscription of its own.
func (s *Subscription) Wait(ctx context.Context, key string) bool {
	for {
		keys, ok := s.Next(ctx)
		if !ok {
			return false
		}
		for _, k := range keys {
			if k == key || k == "" {
				return true
			}
		}
	}
}

// Follow calls look with the keys of the hints of a topic as they come, and with none whenever every has passed without one, since hints may
// be lost. It returns when ctx or the bus has ended.
func Follow(ctx context.Context, b Bus, topic string, every time.Duration, look func(keys []string)) {
	hints := b.Subscribe(topic)
	defer hints.Close()
	for ctx.Err() == nil {
		wait, stop := context.WithTimeout(ctx, every)
		keys, ok := hints.Next(wait)
		timeout := wait.Err() != nil
		stop()
		if !ok && !timeout {
			return // the bus was closed
		}
		if ctx.Err() == nil {
			look(keys)
		}
	}
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.hub.remove(s)
	s.once.Do(func() { close(s.done) })
}

func (s *Subscription) add(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set[key] || s.set[""] {
		return
	}
	if key == "" || len(s.order) >= maxPending {
		key, s.order, s.set = "", nil, nil
	}
	if s.set == nil {
		s.set = map[string]bool{}
	}
	s.set[key] = true
	s.order = append(s.order, key)
	select {
	case s.signal <- struct{}{}:
	default: // it is signalled already
	}
}

// hub holds the subscribers of one process.
type hub struct {
	mu     sync.RWMutex
	topics map[string]map[*Subscription]bool
	closed bool
}

func (h *hub) subscribe(topic string) *Subscription {
	s := &Subscription{hub: h, topic: topic, signal: make(chan struct{}, 1), done: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		s.once.Do(func() { close(s.done) })
		return s
	}
	if h.topics == nil {
		h.topics = map[string]map[*Subscription]bool{}
	}
	if h.topics[topic] == nil {
		h.topics[topic] = map[*Subscription]bool{}
	}
	h.topics[topic][s] = true
	return s
}

func (h *hub) remove(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.topics[s.topic], s)
	if len(h.topics[s.topic]) == 0 {
		delete(h.topics, s.topic)
	}
}

func (h *hub) publish(topic, key string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for s := range h.topics[topic] {
		s.add(key)
	}
}

// publishAll tells all subscribers that anything may have changed.
func (h *hub) publishAll() {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, subs := range h.topics {
		for s := range subs {
			s.add("")
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	topics := h.topics
	h.topics, h.closed = nil, true
	h.mu.Unlock()
	for _, subs := range topics {
		for s := range subs {
			s.once.Do(func() { close(s.done) })
		}
	}
}

// maxKey bounds a key: PostgreSQL takes 8,000 bytes, and hints are short.
const maxKey = 1000

func fit(key string) string {
	if len(key) > maxKey {
		return ""
	}
	return key
}

// Local is a Bus inside one process.
type Local struct{ hub hub }

// NewLocal returns a bus for one process.
func NewLocal() *Local { return &Local{} }

// Publish implements Bus.
func (l *Local) Publish(topic, key string) { l.hub.publish(topic, fit(key)) }

// Subscribe implements Bus.
func (l *Local) Subscribe(topic string) *Subscription { return l.hub.subscribe(topic) }

// Close implements Bus.
func (l *Local) Close() error {
	l.hub.close()
	return nil
}
