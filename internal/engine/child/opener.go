package child

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
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
	// HangAfter is how long a child may have work and show no progress before it counts as hung and is
	// killed; 0 is never. A model gets patiencePerByte more, busyPatience times as long while the process
	// uses the CPU, and loading has loadPatience times as long between two reports of progress.
	HangAfter time.Duration
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
// implement engine.StatsReporter, engine.Restarter and engine.ProcessReporter.
//
// Errors: what the driver says, or Unavailable; of cause engine.ErrDied when the process ended while it
// loaded the model, twice.
func Opener(o Options) engine.Opener {
	return func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		o, err := o.withDefaults(spec.Driver)
		if err != nil {
			return nil, err
		}
		o.Log = o.Log.With("model", spec.Name)
		b := &backend{o: o, spec: spec, changed: make(chan struct{}), ended: make(chan struct{})}
		b.ctx, b.cancel = context.WithCancel(context.Background())
		b.file.note(spec.Path)
		if o.HangAfter > 0 {
			b.limit = (o.HangAfter + time.Duration(b.file.size())*patiencePerByte).Round(time.Millisecond)
		}
		run, err := b.launch(ctx, progress)
		if errors.Is(err, engine.ErrDied) && ctx.Err() == nil {
			o.Log.Warn("the engine process ended while it loaded the model and is started once more", "err", err)
			run, err = b.launch(ctx, progress)
		}
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
	file   file          // the model's, as it was when it was loaded; of Opener, then of supervise alone
	limit  time.Duration // how long the child may show no progress; 0 is for ever

	mu      sync.Mutex
	cur     *run           // nil while the child is being started again
	err     error          // why there is none, for requests that then need not wait; nil otherwise
	changed chan struct{}  // closed and renewed when cur or err change
	history engine.Process // of the processes before: Restarts, LastEnd, LastError
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
		for again := false; ; again = true {
			r, err := b.acquire(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			shown, retry := false, false
			for e, err := range r.session.generate(ctx, req) {
				var broken *brokenError
				if errors.As(err, &broken) {
					if retry = !shown && !again && b.innocent(r, broken.sent); retry {
						break
					}
					err = b.lost(r, err, again)
				}
				if shown = true; !yield(e, err) {
					return
				}
			}
			if !retry {
				return
			}
		}
	}
}

// call makes a unary call to the running process, and once more when that died under it. Computes says
// that the call may itself be why the process died.
func call[Out any](ctx context.Context, b *backend, computes bool, do func(ctx context.Context, r *run) (Out, error)) (out Out, err error) {
	for again := false; ; again = true {
		r, err := b.acquire(ctx)
		if err != nil {
			return out, err
		}
		r.session.enter(computes)
		out, err = do(ctx, r)
		lost, retry := false, false
		if err != nil {
			err, lost = enginepb.FromStatus(ctx, err)
			retry = lost && !again && b.innocent(r, computes)
		}
		r.session.leave(computes, err == nil)
		if lost && !retry {
			err = b.lost(r, err, again)
		}
		if !retry {
			return out, err
		}
	}
}

func (b *backend) Tokenize(ctx context.Context, req engine.TokenizeRequest) ([]engine.Token, error) {
	out, err := call(ctx, b, false, func(ctx context.Context, r *run) (*enginepb.Tokens, error) {
		return r.client.Tokenize(ctx, &enginepb.TokenizeRequest{Text: req.Text, AddSpecial: req.AddSpecial, ParseSpecial: req.ParseSpecial})
	})
	return out.GetTokens(), err
}

func (b *backend) Detokenize(ctx context.Context, tokens []engine.Token) ([]byte, error) {
	out, err := call(ctx, b, false, func(ctx context.Context, r *run) (*enginepb.Text, error) {
		return r.client.Detokenize(ctx, &enginepb.Tokens{Tokens: tokens})
	})
	return out.GetText(), err
}

func (b *backend) Embed(ctx context.Context, req engine.EmbedRequest) (engine.EmbedResponse, error) {
	in := &enginepb.EmbedRequest{Texts: req.Texts}
	for _, t := range req.Tokens {
		in.Tokens = append(in.Tokens, &enginepb.Tokens{Tokens: t})
	}
	out, err := call(ctx, b, true, func(ctx context.Context, r *run) (*enginepb.EmbedResponse, error) {
		return r.client.Embed(ctx, in)
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
	r, err := b.acquire(ctx)
	if err != nil {
		return engine.Stats{}, err
	}
	out, err := r.client.Stats(ctx, &enginepb.StatsRequest{})
	if err != nil {
		meant, lost := enginepb.FromStatus(ctx, err)
		if lost {
			meant = b.lost(r, meant, false)
		}
		return engine.Stats{}, meant
	}
	return engine.Stats{Active: int(out.Active), Queued: int(out.Queued), Cells: int(out.Cells), CellsUsed: int(out.CellsUsed), Steps: out.Steps}, nil
}

// Down says whether the process is being started again, and why that does not succeed. It is
// engine.Restarter.
func (b *backend) Down() (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cur == nil || b.cur.gone(), b.err
}

// Process is engine.ProcessReporter.
func (b *backend) Process() engine.Process {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.history
	if b.cur != nil && !b.cur.gone() {
		out.PID, out.Since = b.cur.cmd.Process.Pid, b.cur.since
	}
	return out
}

// died notes the end of a process.
func (b *backend) died(how, words string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.history.Restarts++
	b.history.LastEnd, b.history.LastError = time.Now(), how
	if words != "" {
		b.history.LastError += ": " + words
	}
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
