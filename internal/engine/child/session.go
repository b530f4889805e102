package child

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
)

// session is the parent's end of the stream that carries all sequences of one process.
type session struct {
	commands *outbox[*enginepb.Command]

	running atomic.Int64 // sequences and calls that compute
	moved   atomic.Int64 // grows with everything that was computed: events but errors, finished calls
	calls   atomic.Int64 // other calls that are under way: they tokenize
	called  atomic.Int64 // grows with every one that ended
	proved  atomic.Bool  // the process finished a request

	mu        sync.Mutex
	last      uint64
	sequences map[uint64]*sequence
	err       error // why no more events come; set once
	atEnd     int64 // running, when err was set
}

// brokenError ends the sequences of a session that ended under them.
type brokenError struct {
	sent  bool // the process may have seen the request
	cause error
}

func (e *brokenError) Error() string { return e.cause.Error() }

func (e *brokenError) Unwrap() error { return e.cause }

// sequence is what came for one request and was not yet taken. It is not bounded: a sequence produces
// no more than MaxTokens, and a slow reader must not hold up the others.
type sequence struct {
	mu     sync.Mutex
	events []*enginepb.Event
	err    error
	wake   chan struct{}
	over   bool // it no longer counts as running
}

// openSession begins the stream; it ends with the process.
func openSession(ctx context.Context, client enginepb.EngineClient) (*session, error) {
	stream, err := client.Session(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{commands: newOutbox[*enginepb.Command](), sequences: map[uint64]*sequence{}}
	go s.send(stream)
	go s.receive(stream)
	return s, nil
}

func (s *session) send(stream grpc.BidiStreamingClient[enginepb.Command, enginepb.Frame]) {
	for batch := range s.commands.batches() {
		for _, c := range batch {
			if stream.Send(c) != nil {
				return // receive gets the reason
			}
		}
	}
}

func (s *session) receive(stream grpc.BidiStreamingClient[enginepb.Command, enginepb.Frame]) {
	for {
		frame, err := stream.Recv()
		if err != nil {
			s.fail(err)
			return
		}
		for _, e := range frame.Events {
			s.mu.Lock()
			q := s.sequences[e.Sequence]
			s.mu.Unlock()
			if q == nil {
				continue
			}
			switch e.Event.(type) {
			case *enginepb.Event_Error: // refusing is no work
				s.finish(q)
			case *enginepb.Event_Done:
				s.proved.Store(true)
				s.finish(q)
				s.moved.Add(1)
			default:
				s.moved.Add(1)
			}
			q.put(e)
		}
	}
}

// fail ends all sequences, and those that are yet to come, with err. The first call counts.
func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err, s.atEnd = err, s.running.Load()
	for _, q := range s.sequences {
		q.mu.Lock()
		q.err = err
		q.mu.Unlock()
		q.signal()
	}
	s.commands.close()
}

// enter notes the beginning of a call that is no sequence, leave its end and whether it succeeded.
func (s *session) enter(computes bool) {
	if computes {
		s.running.Add(1)
	} else {
		s.calls.Add(1)
	}
}

func (s *session) leave(computes, ok bool) {
	if !computes {
		s.calls.Add(-1)
		s.called.Add(1)
		return
	}
	s.running.Add(-1)
	if ok {
		s.moved.Add(1)
		s.proved.Store(true)
	}
}

// finish notes that the process does not work on a sequence any more, or need not.
func (s *session) finish(q *sequence) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.over {
		q.over = true
		s.running.Add(-1)
	}
}

// alone says whether the process worked on no more than one request, now or when the session ended.
func (s *session) alone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.atEnd <= 1
	}
	return s.running.Load() <= 1
}

func (q *sequence) put(e *enginepb.Event) {
	q.mu.Lock()
	q.events = append(q.events, e)
	q.mu.Unlock()
	q.signal()
}

func (q *sequence) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take gives what came, and the session's error once all was taken.
func (q *sequence) take() ([]*enginepb.Event, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events = nil
	if len(events) == 0 {
		return nil, q.err
	}
	return events, nil
}

// generate runs a sequence. When the session ended under it, the last error is a *brokenError.
func (s *session) generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		q := &sequence{wake: make(chan struct{}, 1)}
		s.mu.Lock()
		if err := s.err; err != nil {
			s.mu.Unlock()
			yield(nil, &brokenError{cause: err})
			return
		}
		s.running.Add(1)
		s.last++
		id := s.last
		s.sequences[id] = q
		s.mu.Unlock()
		s.commands.put(&enginepb.Command{Sequence: id, Command: &enginepb.Command_Generate{Generate: enginepb.FromRequest(req)}})

		ended := false
		defer func() {
			s.mu.Lock()
			delete(s.sequences, id)
			s.mu.Unlock()
			s.finish(q)
			if !ended {
				s.commands.put(&enginepb.Command{Sequence: id, Command: &enginepb.Command_Cancel{}})
			}
		}()
		for {
			select {
			case <-q.wake:
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
			events, err := q.take()
			if err != nil {
				ended = true
				yield(nil, &brokenError{sent: true, cause: err})
				return
			}
			for _, e := range events {
				event, err := e.Engine()
				_, done := event.(engine.Done)
				ended = done || err != nil
				if !yield(event, err) || ended {
					return
				}
			}
			// The session's error waits behind the events that came before it.
			q.mu.Lock()
			if q.err != nil {
				q.signal()
			}
			q.mu.Unlock()
		}
	}
}
