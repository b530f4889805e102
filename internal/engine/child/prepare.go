package child

import (
	"context"
	"encoding/json"
	"os"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
	"github.com/parley-ai/parley/internal/fault"
)

// Prepare returns a preparer that does each job in a child process of its own, started as for the
// driver. Ending ctx kills the process; a file that was written in part is removed.
func Prepare(o Options, driver string) engine.Preparer { return &preparer{o, driver} }

type preparer struct {
	o      Options
	driver string
}

func (p *preparer) start(ctx context.Context) (*process, error) {
	o, err := p.o.withDefaults(p.driver)
	if err != nil {
		return nil, err
	}
	return start(ctx, o.Command, o.Env, o.Log.With("task", "prepare"))
}

// lost is the error of a job whose process went away.
func lost(ctx context.Context, p *process, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Unavailable, "The engine process ended while it %s (%s).", what, p.how()).WithCause(err)
}

func (p *preparer) Quantize(ctx context.Context, req engine.QuantizeRequest, progress engine.Progress) (err error) {
	if _, err := os.Lstat(req.Target); err == nil {
		return fault.New(fault.Conflict, "%s exists already; remove it first.", req.Target)
	}
	proc, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			proc.kill()
			_ = os.Remove(req.Target)
			_ = os.Remove(req.Target + ".part") // where drivers write until it is whole
			return
		}
		proc.stop()
	}()
	stream, err := proc.client.Quantize(ctx, &enginepb.QuantizeRequest{
		Library: req.Library, Source: req.Source, Target: req.Target, Layout: req.Layout, Threads: int64(req.Threads),
	})
	for err == nil {
		var e *enginepb.QuantizeEvent
		if e, err = stream.Recv(); err != nil {
			break
		}
		switch x := e.Event.(type) {
		case *enginepb.QuantizeEvent_Progress:
			if progress != nil {
				progress(x.Progress)
			}
		case *enginepb.QuantizeEvent_Error:
			return x.Error.Fault()
		}
	}
	if err = streamEnd(err); err != nil {
		return lost(ctx, proc, "wrote "+req.Target, err)
	}
	return nil
}

func (p *preparer) Score(ctx context.Context, req engine.ScoreRequest, progress engine.Progress) (score engine.Score, err error) {
	spec, err := json.Marshal(req.Spec)
	if err != nil {
		return score, err
	}
	proc, err := p.start(ctx)
	if err != nil {
		return score, err
	}
	defer proc.stop()
	scoring, release := context.WithCancel(ctx)
	defer release()
	stream, err := proc.client.Score(scoring, &enginepb.ScoreRequest{Spec: spec, Text: req.Text})
	for err == nil {
		var e *enginepb.ScoreEvent
		if e, err = stream.Recv(); err != nil {
			break
		}
		switch x := e.Event.(type) {
		case *enginepb.ScoreEvent_Progress:
			if progress != nil {
				progress(x.Progress)
			}
		case *enginepb.ScoreEvent_Score:
			return engine.Score{LogLikelihood: x.Score.LogLikelihood, Tokens: int(x.Score.Tokens)}, nil
		case *enginepb.ScoreEvent_Error:
			return score, x.Error.Fault()
		}
	}
	return score, lost(ctx, proc, "scored a text", err)
}
