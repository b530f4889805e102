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
	// busyPatience times as long may a process that uses the CPU make no progress.
	busyPatience = 5
	// loadPatience times as long may pass between two reports of a load's progress: weights are brought
	// into another layout without any.
	loadPatience = 5
	// mostPing is the longest time between two looks at a process, leastPing the shortest.
	mostPing, leastPing = 5 * time.Second, 10 * time.Millisecond
)

// watch kills a process that hangs: one that has work and finishes no step, or that does not even say
// so. It looks at it in intervals and counts these, not the time between, so that a server that was
// itself stopped for a while does not hold that against the child. While the process uses the CPU, or
// nobody knows, time counts as busyPatience times less: it may be a large step on a busy machine.
func (b *backend) watch(r *run) {
	interval := min(max(b.limit/10, leastPing), mostPing)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var before signs
	var still, weighed time.Duration // how long it made no progress, and how much that counts
	for last := time.Now(); ; {
		select {
		case <-tick.C:
		case <-r.exited:
			return
		case <-b.ctx.Done():
			return
		}
		now := b.look(r, interval, before)
		passed := min(time.Since(last), 2*interval)
		switch {
		case now.well(before):
			still, weighed = 0, 0
		case now.cpuKnown && before.cpuKnown && now.cpu-before.cpu < passed/10:
			still, weighed = still+passed, weighed+passed
		default:
			still, weighed = still+passed, weighed+passed/busyPatience
		}
		before, last = now, time.Now()
		if weighed < b.limit {
			continue
		}
		b.o.Log.Error("the engine process hangs and is killed", "without_progress_for", still.Round(time.Millisecond).String(), "answers", now.answered)
		r.hung.Store(int64(still))
		_ = r.cmd.Process.Kill()
		close(r.down)
		return
	}
}

// signs are what a look at a process shows.
type signs struct {
	answered      bool
	computes      bool  // it has sequences or texts to compute
	moved, steps  int64 // grow with what it computed
	calls, called int64 // calls that do not compute: under way, and ended
	cpu           time.Duration
	cpuKnown      bool
}

// well says that a process did what it had to do since the look before: refused requests and calls that
// do not compute are no sign that it computes.
func (now signs) well(before signs) bool {
	computed := now.moved != before.moved || now.steps != before.steps
	called := now.called != before.called
	return (now.answered || computed || called) && (!now.computes || computed) && (now.calls == 0 || called)
}

// look asks a process how it is, and waits for the answer no longer than timeout.
func (b *backend) look(r *run, timeout time.Duration, before signs) signs {
	ctx, cancel := context.WithTimeout(b.ctx, timeout)
	defer cancel()
	stats, err := r.client.Stats(ctx, &enginepb.StatsRequest{})
	// A driver that reports no figures answers with an error of its own.
	_, lost := enginepb.FromStatus(ctx, err)
	s := r.session
	now := signs{
		answered: err == nil || !lost && ctx.Err() == nil,
		computes: s.running.Load() > 0 || stats.GetActive()+stats.GetQueued() > 0,
		moved:    s.moved.Load(), steps: before.steps, calls: s.calls.Load(), called: s.called.Load(),
	}
	if err == nil {
		now.steps = stats.Steps
	}
	now.cpu, now.cpuKnown = cpuTime(r.cmd.Process.Pid)
	return now
}
