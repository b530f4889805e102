package child

import (
	"context"
	"iter"
	"sync"

	"google.golang.org/grpc"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
)

// session is the parent's end of the stream that carries all sequences of one process.
type session struct {
	commands *outbox[*enginepb.Command]

	mu        sync.Mutex
	last      uint64
	sequences map[uint64]*sequence
	err       error // why no more events come; set once
}

// sequence is what came for one request and was not yet taken. It is not bounded: a sequence produces
// no more than MaxTokens, and a slow reader must not hold up the others.
type sequence struct {
	mu     sync.Mutex
	events []*enginepb.Event
	err    error
	wake   chan struct{}
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
			if q != nil {
				q.put(e)
			}
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
	s.err = err
	for _, q := range s.sequences {
		q.mu.Lock()
		q.err = err
		q.mu.Unlock()
		q.signal()
	}
	s.commands.close()
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

// generate runs a sequence. When the session ended under it, explain turns the session's error into
// the one that the caller gets.
func (s *session) generate(ctx context.Context, req engine.GenerateRequest, explain func(error) error) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		q := &sequence{wake: make(chan struct{}, 1)}
		s.mu.Lock()
		if err := s.err; err != nil {
			s.mu.Unlock()
			yield(nil, explain(err))
			return
		}
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
				yield(nil, explain(err))
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
