package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
	"github.com/parley-ai/parley/internal/fault"
)

// run is a process with its model loaded.
type run struct {
	*process
	info    engine.Info
	session *session
	since   time.Time
	hung    atomic.Int64  // for how long it had made no progress when watch killed it; set before down is closed
	down    chan struct{} // closed when the process is gone, or was killed for hanging
}

// gone says that the process is of no use any more; supervise may not have seen it yet.
func (r *run) gone() bool {
	select {
	case <-r.down:
		return true
	default:
		return r.exit()
	}
}

// exit says that the process is gone.
func (p *process) exit() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
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
	r := &run{process: p, info: info, session: s, since: time.Now(), down: make(chan struct{})}
	if b.limit > 0 {
		go b.watch(r)
	}
	return r, nil
}

// load lets a process load the model. One that shows no progress for very long is killed.
func (b *backend) load(ctx context.Context, p *process, progress engine.Progress) (info engine.Info, err error) {
	spec, err := json.Marshal(b.spec)
	if err != nil {
		return info, err
	}
	loading, release := context.WithCancel(ctx)
	defer release()
	limit := loadPatience * b.limit
	var hung atomic.Bool
	if limit > 0 {
		hang := time.AfterFunc(limit, func() { hung.Store(true); _ = p.cmd.Process.Kill() })
		defer hang.Stop()
		told := progress
		progress = func(f float64) {
			hang.Reset(limit)
			if told != nil {
				told(f)
			}
		}
	}
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
	switch {
	case ctx.Err() != nil:
		return info, ctx.Err()
	case hung.Load():
		return info, fault.New(fault.Unavailable, "The engine process of model %s made no progress in loading the model for %s and was ended.", b.spec.Name, limit)
	}
	how := p.how()
	cause := fmt.Errorf("%w: %w", engine.ErrDied, err)
	if words := p.lastWords(); words != "" {
		cause = fmt.Errorf("%w: %s", engine.ErrDied, words)
	}
	return info, fault.New(fault.Unavailable, "The engine process of model %s ended while it loaded the model (%s).", b.spec.Name, how).WithCause(cause)
}

// restartPause is how long to wait before the next start when the last n were in vain.
func restartPause(n int) time.Duration {
	if n < 2 {
		return 0
	}
	return min(30*time.Second, 250*time.Millisecond<<min(n-2, 7))
}

const (
	// healthy is how long a child must have lived for its death to say nothing about its start.
	healthy = time.Minute
	// bearable is the longest pause between two starts that requests wait for.
	bearable = time.Second
	// refusedPause is the longest pause after a start that the driver or the file's check refused: what it
	// complains about may be mended any time.
	refusedPause = 2 * time.Second
)

// supervise starts the child again whenever it dies, until Close. A start is in vain when it fails, or
// when the process then dies soon without having finished a single request.
func (b *backend) supervise() {
	defer close(b.ended)
	run, vain := b.cur, 0
	for {
		select {
		case <-run.exited:
		case <-run.down:
		case <-b.ctx.Done():
			run.stop()
			return
		}
		b.set(nil, nil)
		run.session.fail(errors.New("the engine process ended"))
		how := "hung"
		if run.exit() {
			how = run.ending()
		}
		b.o.Log.Error("the engine process ended unexpectedly and is started again", "how", how, "last_words", run.lastWords())
		b.died(how, run.lastWords())
		_ = run.conn.Close()
		if run.session.proved.Load() || time.Since(run.since) > healthy {
			vain = 0
		}
		vain++
		died := fmt.Errorf("%w: %w", engine.ErrDied, fault.New(fault.Unavailable, "The engine process of model %s ended again and again (%s).", b.spec.Name, how))
		if run = b.restart(&vain, died); run == nil {
			return
		}
	}
}

// restart starts the child until it runs, with growing pauses. It counts the starts that were in vain;
// why is the reason of the last one. Nil means that the backend was closed.
func (b *backend) restart(vain *int, why error) *run {
	for {
		pause := restartPause(*vain)
		switch {
		case !errors.Is(why, engine.ErrDied):
			pause = min(pause, refusedPause)
			b.set(nil, b.refused(why))
		case pause >= bearable:
			b.set(nil, b.pausing(why, *vain, pause))
		}
		select {
		case <-time.After(pause):
		case <-b.ctx.Done():
			return nil
		}
		b.set(nil, nil)
		var next *run
		if why = b.file.check(b.ctx, b.spec); why == nil {
			next, why = b.launch(b.ctx, nil)
		}
		switch {
		case b.ctx.Err() != nil:
			if next != nil {
				next.stop()
			}
			return nil
		case why == nil:
			b.set(next, nil)
			return next
		}
		*vain++
		b.o.Log.Error("the engine process could not be started again", "starts_in_vain", *vain, "err", why)
	}
}

// refused is what requests get when the child was not started again for a reason that waiting does not
// mend: a file that is gone or altered, a library that does not fit.
func (b *backend) refused(err error) error {
	if f := fault.As(err); f != nil {
		return fault.New(fault.Unavailable, "The engine process of model %s ended and could not be started again: %s", b.spec.Name, f.Message).WithCode(f.Code).WithCause(err)
	}
	return fault.New(fault.Unavailable, "The engine process of model %s ended and could not be started again yet; the operator finds the reason in the log. Please try again later.", b.spec.Name).WithCause(err)
}

// pausing is what requests get while a child that died again and again is left alone.
func (b *backend) pausing(err error, vain int, pause time.Duration) error {
	message := "The engine process could not be started."
	if f := fault.As(err); f != nil {
		message = f.Message
	}
	return fault.New(fault.Unavailable, "%s That makes %d starts in vain; the next one is in %s, and the operator finds the reason in the log. Please try again later.", message, vain, pause).
		WithCause(fmt.Errorf("%w: %w", engine.ErrDied, err))
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
			return nil, err
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

func (b *backend) closed() error {
	return fault.New(fault.Unavailable, "The model %s was unloaded.", b.spec.Name)
}

// innocent says whether a request whose process died may be sent to the next one: not when the process
// computed it and hung, or crashed by itself with nothing else to compute.
func (b *backend) innocent(r *run, computed bool) bool {
	if b.ctx.Err() != nil {
		return false
	}
	if r.hung.Load() != 0 {
		return !computed
	}
	how := r.how() // also waits until acquire does not give the dead process any more
	// Go's runtime turns a crash in native code into an exit with a status; what dies of a signal was
	// killed from outside.
	return !computed || strings.HasPrefix(how, "signal: ") || !r.session.alone()
}

// lost is the error of requests whose process died under them; again says that it was the second one.
func (b *backend) lost(r *run, cause error, again bool) error {
	if b.ctx.Err() != nil {
		return b.closed()
	}
	cause = fmt.Errorf("%w: %w", engine.ErrDied, cause)
	if still := time.Duration(r.hung.Load()); still != 0 {
		return fault.New(fault.Unavailable, "The engine process of model %s hung: it had work and showed no progress for %s, and was ended. Its running requests were lost; it is being started again.",
			b.spec.Name, still.Round(time.Millisecond)).WithCause(cause)
	}
	if again {
		return fault.New(fault.Unavailable, "The engine process of model %s ended unexpectedly (%s), as did the one before it while it worked on this request. It is being started again.", b.spec.Name, r.how()).WithCause(cause)
	}
	return fault.New(fault.Unavailable, "The engine process of model %s ended unexpectedly (%s). Its running requests were lost; it is being started again.", b.spec.Name, r.how()).WithCause(cause)
}
