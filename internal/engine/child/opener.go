package child

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
	"github.com/parley-ai/parley/internal/fault"
)

// Options say how children are run.
type Options struct {
	// Command runs the child, with its arguments; nil is this program with "engine" and the spec's driver.
	Command []string
	Env     []string     // further environment variables, "NAME=value"
	Log     *slog.Logger // where the child's log goes; nil is slog.Default()
	// RestartWait is how long a request waits for a child that is being started again before it gets
	// Unavailable; 0 is 30 s.
	RestartWait time.Duration
}

func (o Options) withDefaults(driver string) (Options, error) {
	if o.Command == nil {
		self, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.Command = []string{self, "engine", driver}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.RestartWait == 0 {
		o.RestartWait = 30 * time.Second
	}
	return o, nil
}

// Opener returns an opener that runs each backend in a child process of its own. Its backends also
// implement engine.StatsReporter.
func Opener(o Options) engine.Opener {
	return func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		o, err := o.withDefaults(spec.Driver)
		if err != nil {
			return nil, err
		}
		o.Log = o.Log.With("model", spec.Name)
		b := &backend{o: o, spec: spec, changed: make(chan struct{}), ended: make(chan struct{})}
		b.ctx, b.cancel = context.WithCancel(context.Background())
		run, err := b.launch(ctx, progress)
		if err != nil {
			b.cancel()
			return nil, err
		}
		b.cur = run
		go b.supervise()
		return b, nil
	}
}

// backend is a model in a child process, through all restarts of it.
type backend struct {
	o      Options
	spec   engine.Spec
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ended  chan struct{} // closed when supervise has ended and no child is left

	mu      sync.Mutex
	cur     *run          // nil while the child is being started again
	err     error         // why the last start failed; nil while one is under way
	changed chan struct{} // closed and renewed when cur or err change
}

// run is a process with its model loaded.
type run struct {
	*process
	info    engine.Info
	session *session
	since   time.Time
}

// launch starts a process and loads the model. ctx bounds this alone.
func (b *backend) launch(ctx context.Context, progress engine.Progress) (_ *run, err error) {
	p, err := start(ctx, b.o.Command, b.o.Env, b.o.Log)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault.New(fault.Unavailable, "The engine process of model %s could not be started.", b.spec.Name).WithCause(err)
	}
	defer func() {
		if err != nil {
			p.kill()
		}
	}()
	info, err := b.load(ctx, p, progress)
	if err != nil {
		return nil, err
	}
	s, err := openSession(b.ctx, p.client)
	if err != nil {
		return nil, err
	}
	return &run{process: p, info: info, session: s, since: time.Now()}, nil
}

func (b *backend) load(ctx context.Context, p *process, progress engine.Progress) (info engine.Info, err error) {
	spec, err := json.Marshal(b.spec)
	if err != nil {
		return info, err
	}
	loading, release := context.WithCancel(ctx)
	defer release()
	stream, err := p.client.Load(loading, &enginepb.LoadRequest{Spec: spec})
	for err == nil {
		var e *enginepb.LoadEvent
		if e, err = stream.Recv(); err != nil {
			break
		}
		switch x := e.Event.(type) {
		case *enginepb.LoadEvent_Progress:
			if progress != nil {
				progress(x.Progress)
			}
		case *enginepb.LoadEvent_Info:
			return info, json.Unmarshal(x.Info, &info)
		case *enginepb.LoadEvent_Error:
			return info, x.Error.Fault()
		}
	}
	if ctx.Err() != nil {
		return info, ctx.Err()
	}
	how := p.how()
	cause := err
	if words := p.lastWords(); words != "" {
		cause = errors.New(words)
	}
	return info, fault.New(fault.Unavailable, "The engine process of model %s ended while it loaded the model (%s).", b.spec.Name, how).WithCause(cause)
}

// restartPause is how long to wait before the n-th start in a row (from 0) that follows soon on a death.
func restartPause(n int) time.Duration {
	if n == 0 {
		return 0
	}
	return min(30*time.Second, 250*time.Millisecond<<min(n, 8))
}

// healthy is how long a child must have lived for its death to count as the first.
const healthy = time.Minute

// supervise starts the child again whenever it dies, until Close.
func (b *backend) supervise() {
	defer close(b.ended)
	deaths := 0
	for {
		b.mu.Lock()
		run := b.cur
		b.mu.Unlock()
		select {
		case <-run.exited:
		case <-b.ctx.Done():
			run.stop()
			return
		}
		if time.Since(run.since) > healthy {
			deaths = 0
		}
		b.set(nil, nil)
		run.session.fail(errors.New("the engine process ended"))
		_ = run.conn.Close()
		b.o.Log.Error("the engine process ended unexpectedly and is started again", "how", run.ending(), "last_words", run.lastWords())
		for {
			select {
			case <-time.After(restartPause(deaths)):
			case <-b.ctx.Done():
				return
			}
			deaths++
			b.set(nil, nil)
			again, err := b.launch(b.ctx, nil)
			if b.ctx.Err() != nil {
				if again != nil {
					again.stop()
				}
				return
			}
			b.set(again, err)
			if err == nil {
				break
			}
			b.o.Log.Error("the engine process could not be started again", "err", err)
		}
	}
}

func (b *backend) set(r *run, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cur, b.err = r, err
	close(b.changed)
	b.changed = make(chan struct{})
}

// acquire gives the running process, waiting for one that is being started again.
func (b *backend) acquire(ctx context.Context) (*run, error) {
	var timeout <-chan time.Time
	for {
		b.mu.Lock()
		cur, err, changed := b.cur, b.err, b.changed
		b.mu.Unlock()
		switch {
		case b.ctx.Err() != nil:
			return nil, b.closed()
		case cur != nil && !cur.gone():
			return cur, nil
		case err != nil:
			return nil, fault.New(fault.Unavailable, "The engine process of model %s ended and could not be started again yet; the operator finds the reason in the log. Please try again later.", b.spec.Name).WithCause(err)
		}
		if timeout == nil {
			timer := time.NewTimer(b.o.RestartWait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-b.ctx.Done():
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timeout:
			return nil, fault.New(fault.Unavailable, "The engine process of model %s is still being started again. Please try again later.", b.spec.Name)
		}
	}
}

// gone says that the process died; supervise may not have seen it yet.
func (r *run) gone() bool {
	select {
	case <-r.exited:
		return true
	default:
		return false
	}
}

func (b *backend) closed() error {
	return fault.New(fault.Unavailable, "The model %s was unloaded.", b.spec.Name)
}

// lost is the error of requests whose process died under them.
func (b *backend) lost(r *run, cause error) error {
	if b.ctx.Err() != nil {
		return b.closed()
	}
	how := r.how()
	return fault.New(fault.Unavailable, "The engine process of model %s ended unexpectedly (%s). Its running requests were lost; it is being started again.", b.spec.Name, how).WithCause(cause)
}

func (b *backend) Info(ctx context.Context) (engine.Info, error) {
	r, err := b.acquire(ctx)
	if err != nil {
		return engine.Info{}, err
	}
	return r.info, nil
}

func (b *backend) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		r, err := b.acquire(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		r.session.generate(ctx, req, func(err error) error { return b.lost(r, err) })(yield)
	}
}

// call makes a unary call to the running process.
func call[Out any](ctx context.Context, b *backend, do func(ctx context.Context, client enginepb.EngineClient) (Out, error)) (out Out, err error) {
	r, err := b.acquire(ctx)
	if err != nil {
		return out, err
	}
	if out, err = do(ctx, r.client); err != nil {
		meant, lost := enginepb.FromStatus(ctx, err)
		if lost {
			meant = b.lost(r, meant)
		}
		return out, meant
	}
	return out, nil
}

func (b *backend) Tokenize(ctx context.Context, req engine.TokenizeRequest) ([]engine.Token, error) {
	out, err := call(ctx, b, func(ctx context.Context, c enginepb.EngineClient) (*enginepb.Tokens, error) {
		return c.Tokenize(ctx, &enginepb.TokenizeRequest{Text: req.Text, AddSpecial: req.AddSpecial, ParseSpecial: req.ParseSpecial})
	})
	return out.GetTokens(), err
}

func (b *backend) Detokenize(ctx context.Context, tokens []engine.Token) ([]byte, error) {
	out, err := call(ctx, b, func(ctx context.Context, c enginepb.EngineClient) (*enginepb.Text, error) {
		return c.Detokenize(ctx, &enginepb.Tokens{Tokens: tokens})
	})
	return out.GetText(), err
}

func (b *backend) Embed(ctx context.Context, req engine.EmbedRequest) (engine.EmbedResponse, error) {
	in := &enginepb.EmbedRequest{Texts: req.Texts}
	for _, t := range req.Tokens {
		in.Tokens = append(in.Tokens, &enginepb.Tokens{Tokens: t})
	}
	out, err := call(ctx, b, func(ctx context.Context, c enginepb.EngineClient) (*enginepb.EmbedResponse, error) {
		return c.Embed(ctx, in)
	})
	if err != nil {
		return engine.EmbedResponse{}, err
	}
	resp := engine.EmbedResponse{PromptTokens: int(out.PromptTokens)}
	for _, v := range out.Vectors {
		resp.Vectors = append(resp.Vectors, v.Values)
	}
	return resp, nil
}

func (b *backend) Stats(ctx context.Context) (engine.Stats, error) {
	out, err := call(ctx, b, func(ctx context.Context, c enginepb.EngineClient) (*enginepb.StatsResponse, error) {
		return c.Stats(ctx, &enginepb.StatsRequest{})
	})
	if err != nil {
		return engine.Stats{}, err
	}
	return engine.Stats{Active: int(out.Active), Queued: int(out.Queued), Cells: int(out.Cells), CellsUsed: int(out.CellsUsed)}, nil
}

// Close ends the child in order and waits for it.
func (b *backend) Close() error {
	b.cancel()
	<-b.ended
	return nil
}

// streamEnd is nil for a stream that ended in order.
func streamEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
