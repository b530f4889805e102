package child

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"sync"

	"google.golang.org/grpc"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
	"github.com/parley-ai/parley/internal/fault"
)

// server is the child's side of the protocol.
type server struct {
	enginepb.UnimplementedEngineServer
	driver  string
	opener  engine.Opener
	prepare engine.Preparer
	ctx     context.Context // of the process

	mu      sync.Mutex
	backend engine.Backend
	loading bool
}

// loaded gives the backend after Load.
func (s *server) loaded() (engine.Backend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.backend == nil {
		return nil, enginepb.Status(fault.New(fault.Unavailable, "The engine process has no model loaded."))
	}
	return s.backend, nil
}

func (s *server) close() {
	s.mu.Lock()
	b := s.backend
	s.mu.Unlock()
	if b == nil {
		return
	}
	if err := b.Close(); err != nil {
		slog.Warn("closing the model", "err", err)
	}
}

// progressSender returns an engine.Progress that sends whole percents, and none after stop.
func progressSender(send func(fraction float64) error) (progress engine.Progress, stop func()) {
	var mu sync.Mutex
	last, stopped := -1, false
	progress = func(fraction float64) {
		mu.Lock()
		defer mu.Unlock()
		if percent := int(fraction * 100); percent > last && !stopped {
			last = percent
			stopped = send(fraction) != nil
		}
	}
	stop = func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
	return progress, stop
}

func (s *server) Load(req *enginepb.LoadRequest, stream grpc.ServerStreamingServer[enginepb.LoadEvent]) error {
	fail := func(err error) error {
		return stream.Send(&enginepb.LoadEvent{Event: &enginepb.LoadEvent_Error{Error: enginepb.FromError(err)}})
	}
	var spec engine.Spec
	if err := json.Unmarshal(req.Spec, &spec); err != nil {
		return fail(err)
	}
	s.mu.Lock()
	again := s.loading
	s.loading = true
	s.mu.Unlock()
	if again {
		return fail(fault.New(fault.Conflict, "The engine process has a model already."))
	}
	progress, stop := progressSender(func(fraction float64) error {
		return stream.Send(&enginepb.LoadEvent{Event: &enginepb.LoadEvent_Progress{Progress: fraction}})
	})
	backend, err := s.opener(stream.Context(), spec, progress)
	stop()
	if err != nil {
		return fail(err)
	}
	info, err := backend.Info(stream.Context())
	var data []byte
	if err == nil {
		data, err = json.Marshal(info)
	}
	if err != nil {
		_ = backend.Close()
		return fail(err)
	}
	s.mu.Lock()
	s.backend = backend
	s.mu.Unlock()
	return stream.Send(&enginepb.LoadEvent{Event: &enginepb.LoadEvent_Info{Info: data}})
}

func (s *server) Tokenize(ctx context.Context, req *enginepb.TokenizeRequest) (*enginepb.Tokens, error) {
	backend, err := s.loaded()
	if err != nil {
		return nil, err
	}
	tokens, err := backend.Tokenize(ctx, engine.TokenizeRequest{Text: req.Text, AddSpecial: req.AddSpecial, ParseSpecial: req.ParseSpecial})
	if err != nil {
		return nil, enginepb.Status(err)
	}
	return &enginepb.Tokens{Tokens: tokens}, nil
}

func (s *server) Detokenize(ctx context.Context, req *enginepb.Tokens) (*enginepb.Text, error) {
	backend, err := s.loaded()
	if err != nil {
		return nil, err
	}
	text, err := backend.Detokenize(ctx, req.Tokens)
	if err != nil {
		return nil, enginepb.Status(err)
	}
	return &enginepb.Text{Text: text}, nil
}

func (s *server) Embed(ctx context.Context, req *enginepb.EmbedRequest) (*enginepb.EmbedResponse, error) {
	backend, err := s.loaded()
	if err != nil {
		return nil, err
	}
	in := engine.EmbedRequest{Texts: req.Texts}
	for _, t := range req.Tokens {
		in.Tokens = append(in.Tokens, t.Tokens)
	}
	resp, err := backend.Embed(ctx, in)
	if err != nil {
		return nil, enginepb.Status(err)
	}
	out := &enginepb.EmbedResponse{PromptTokens: int64(resp.PromptTokens)}
	for _, v := range resp.Vectors {
		out.Vectors = append(out.Vectors, &enginepb.Vector{Values: v})
	}
	return out, nil
}

func (s *server) Stats(ctx context.Context, _ *enginepb.StatsRequest) (*enginepb.StatsResponse, error) {
	backend, err := s.loaded()
	if err != nil {
		return nil, err
	}
	r, ok := backend.(engine.StatsReporter)
	if !ok {
		return nil, enginepb.Status(fault.New(fault.Unsupported, "The engine %s does not report its load.", s.driver))
	}
	st, err := r.Stats(ctx)
	if err != nil {
		return nil, enginepb.Status(err)
	}
	return &enginepb.StatsResponse{Active: int64(st.Active), Queued: int64(st.Queued), Cells: int64(st.Cells), CellsUsed: int64(st.CellsUsed), Steps: st.Steps}, nil
}

// Session runs sequences, each in a goroutine; one writer sends what they bring, all that is there at
// once.
func (s *server) Session(stream grpc.BidiStreamingServer[enginepb.Command, enginepb.Frame]) error {
	backend, err := s.loaded()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	events := newOutbox[*enginepb.Event]()
	var sequences, writer sync.WaitGroup
	writer.Go(func() {
		for batch := range events.batches() {
			if err := stream.Send(&enginepb.Frame{Events: batch}); err != nil {
				cancel()
				return
			}
		}
	})
	// The writer may use the stream until Session returns, and no sequence may outlive it.
	defer writer.Wait()
	defer events.close()
	defer sequences.Wait()
	defer cancel()

	var mu sync.Mutex
	running := map[uint64]context.CancelFunc{}
	for {
		command, err := stream.Recv()
		if err != nil {
			return nil // the parent is done, or gone
		}
		id := command.Sequence
		switch x := command.Command.(type) {
		case *enginepb.Command_Cancel:
			mu.Lock()
			if stop := running[id]; stop != nil {
				stop()
			}
			mu.Unlock()
		case *enginepb.Command_Generate:
			ctx, stop := context.WithCancel(ctx)
			mu.Lock()
			running[id] = stop
			mu.Unlock()
			sequences.Go(func() {
				defer func() {
					stop()
					mu.Lock()
					delete(running, id)
					mu.Unlock()
				}()
				for e, err := range backend.Generate(ctx, x.Generate.Engine()) {
					events.put(enginepb.FromEvent(id, e, err))
				}
			})
		}
	}
}

func (s *server) Quantize(req *enginepb.QuantizeRequest, stream grpc.ServerStreamingServer[enginepb.QuantizeEvent]) error {
	progress, stop := progressSender(func(fraction float64) error {
		return stream.Send(&enginepb.QuantizeEvent{Event: &enginepb.QuantizeEvent_Progress{Progress: fraction}})
	})
	err := error(fault.New(fault.Unsupported, "The engine %s cannot change how a model's weights lie.", s.driver))
	if s.prepare != nil {
		err = s.prepare.Quantize(stream.Context(), engine.QuantizeRequest{
			Library: req.Library, Source: req.Source, Target: req.Target, Layout: req.Layout, Threads: int(req.Threads),
		}, progress)
	}
	stop()
	if err != nil {
		return stream.Send(&enginepb.QuantizeEvent{Event: &enginepb.QuantizeEvent_Error{Error: enginepb.FromError(err)}})
	}
	return nil
}

func (s *server) Score(req *enginepb.ScoreRequest, stream grpc.ServerStreamingServer[enginepb.ScoreEvent]) error {
	progress, stop := progressSender(func(fraction float64) error {
		return stream.Send(&enginepb.ScoreEvent{Event: &enginepb.ScoreEvent_Progress{Progress: fraction}})
	})
	err := error(fault.New(fault.Unsupported, "The engine %s cannot score texts.", s.driver))
	var score engine.Score
	if s.prepare != nil {
		in := engine.ScoreRequest{Text: req.Text}
		if err = json.Unmarshal(req.Spec, &in.Spec); err == nil {
			score, err = s.prepare.Score(stream.Context(), in, progress)
		}
	}
	stop()
	if err != nil {
		return stream.Send(&enginepb.ScoreEvent{Event: &enginepb.ScoreEvent_Error{Error: enginepb.FromError(err)}})
	}
	return stream.Send(&enginepb.ScoreEvent{Event: &enginepb.ScoreEvent_Score{Score: &enginepb.Score{LogLikelihood: score.LogLikelihood, Tokens: int64(score.Tokens)}}})
}

// outbox collects items from many goroutines for one writer, which gets all that are there at once. It
// never blocks who puts: what it holds is bounded by what the running sequences may still produce.
type outbox[T any] struct {
	mu     sync.Mutex
	items  []T
	wake   chan struct{}
	closed bool
}

func newOutbox[T any]() *outbox[T] { return &outbox[T]{wake: make(chan struct{}, 1)} }

func (o *outbox[T]) put(item T) {
	o.mu.Lock()
	o.items = append(o.items, item)
	o.mu.Unlock()
	o.signal()
}

func (o *outbox[T]) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
}

func (o *outbox[T]) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// batches gives what was put, until close. A batch is the consumer's to keep.
func (o *outbox[T]) batches() func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for range o.wake {
			// The other sequences of the same decode step are about to put theirs: let them.
			runtime.Gosched()
			o.mu.Lock()
			items, closed := o.items, o.closed
			o.items = nil
			o.mu.Unlock()
			if len(items) > 0 && !yield(items) {
				return
			}
			if closed {
				return
			}
		}
	}
}
