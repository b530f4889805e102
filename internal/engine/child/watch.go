package child

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/engine/enginepb"
)

const (
	// patiencePerByte lengthens Options.HangAfter by 20 s for each GB of a model's file: a step of a large
	// model with a full batch of prompt tokens takes long on few cores, and nothing is heard meanwhile.
	patiencePerByte = 20 * time.Second / 1e9
	// loadPatience times as long may pass between two reports of a load's progress: weights are brought
	// into another layout without any.
	loadPatience = 5
	// mostPing is the longest time between two looks at a process, leastPing the shortest.
	mostPing, leastPing = 5 * time.Second, 10 * time.Millisecond
)

// watch kills a process that hangs: one that has work and finishes no step, or that does not even say
// so. It looks at it in intervals and counts these, not the time between, so that a server that was
// itself stopped for a while does not hold that against the child.
func (b *backend) watch(r *run) {
	interval := min(max(b.limit/10, leastPing), mostPing)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var before signs
	var still time.Duration
	for last := time.Now(); ; {
		select {
		case <-tick.C:
		case <-r.exited:
			return
		case <-b.ctx.Done():
			return
		}
		now := b.look(r, interval, before)
		if now.answered && !now.busy || now.moved != before.moved || now.steps != before.steps {
			still = 0
		} else {
			still += min(time.Since(last), 2*interval)
		}
		before, last = now, time.Now()
		if still < b.limit {
			continue
		}
		b.o.Log.Error("the engine process hangs and is killed", "without_progress_for", still.Round(time.Millisecond).String(), "answers", now.answered)
		r.hung.Store(true)
		_ = r.cmd.Process.Kill()
		close(r.down)
		return
	}
}

// signs are what a look at a process shows.
type signs struct {
	answered, busy bool
	moved, steps   int64
}

// look asks a process how it is, and waits for the answer no longer than timeout.
func (b *backend) look(r *run, timeout time.Duration, before signs) signs {
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	stats, err := r.client.Stats(ctx, &enginepb.StatsRequest{})
	// A driver that reports no figures answers with an error of its own.
	_, lost := enginepb.FromStatus(ctx, err)
	now := signs{answered: err == nil || !lost && ctx.Err() == nil, moved: r.session.moved.Load(), steps: before.steps}
	if err == nil {
		now.steps = stats.Steps
	}
	now.busy = r.session.running.Load() > 0 || stats.GetActive()+stats.GetQueued() > 0
	return now
}
