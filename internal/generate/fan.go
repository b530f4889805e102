package generate

import (
	"context"
	"iter"
	"sync"

	"github.com/parley-ai/parley/internal/actor"
)

// fanWidth bounds how many sequences of one request run at once, so that n = 128 does not fill the
// engine's queue for everybody else.
const fanWidth = 16

// Fan makes n sequences of each prompt, at most fanWidth at once. They are admitted and recorded as
// one request; a prompt's tokens are computed and counted once. The first error ends all of them.
// Events of one sequence come in order; those of different sequences are mixed.
func (s *Service) Fan(ctx context.Context, who actor.Actor, req Request, prompts []Prompt, n int) iter.Seq2[Indexed, error] {
	return func(yield func(Indexed, error) bool) {
		j, err := s.open(ctx, who, req, prompts, n)
		if err != nil {
			yield(Indexed{Index: -1}, err)
			return
		}
		defer j.close(ctx)
		if !yield(Indexed{Index: -1, Event: j.admitted}, nil) {
			return
		}
		if len(prompts)*n == 1 {
			j.sequence(ctx, 0, func(ev Event, err error) bool { return yield(Indexed{Event: ev}, err) })
			return
		}
		j.fan(ctx, yield)
	}
}

type fanned struct {
	Indexed
	err error
}

// fan runs the sequences on a few goroutines and merges their events.
func (j *job) fan(ctx context.Context, yield func(Indexed, error) bool) {
	ctx, cancel := context.WithCancel(ctx)
	total := len(j.prompts) * j.n
	width := min(total, fanWidth)
	events := make(chan fanned, width)
	next := make(chan int)

	var workers sync.WaitGroup
	for range width {
		workers.Go(func() {
			for index := range next {
				j.sequence(ctx, index, func(ev Event, err error) bool {
					select {
					case events <- fanned{Indexed{index, ev}, err}:
						return true
					case <-ctx.Done():
						return false
					}
				})
			}
		})
	}
	go func() {
		defer func() {
			close(next)
			workers.Wait()
			close(events)
		}()
		for index := range total {
			select {
			case next <- index:
			case <-ctx.Done():
				return
			}
		}
	}()
	// The workers are gone when this returns, so that close sees every sequence's tokens.
	defer func() {
		cancel()
		for range events { //nolint:revive // draining
		}
	}()
	for e := range events {
		if !yield(e.Indexed, e.err) || e.err != nil {
			return
		}
	}
}
