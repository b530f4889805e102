package retrieval

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/jobs"
)

// takeIn reads a file that was attached.
type takeIn struct {
	Attachment string `json:"attachment"`
}

// Kind implements jobs.Args.
func (takeIn) Kind() string { return "retrieval.take_in" }

// emptyStore removes what is in a store that was deleted or has expired.
type emptyStore struct {
	Store string `json:"store"`
}

// Kind implements jobs.Args.
func (emptyStore) Kind() string { return "retrieval.empty" }

const (
	// readers is how many files a server reads at once: embedding is what takes time, and it is one model's.
	readers = 4
	// busyFor is how long a file waits whose embedding was refused because others had their turn.
	busyFor = 10 * time.Second
	// expireEvery is how often a server looks for stores that have expired.
	expireEvery = time.Minute
)

// maxAttempts is how often a file is tried when something fails that is not the file's fault: about a minute and a half in all, as somebody waits.
const maxAttempts = 4

func (s *Service) register() {
	jobs.Register(s.jobs, jobs.Kind{Queue: "retrieval", Workers: readers}, func(ctx context.Context, a takeIn) error {
		err := s.takeIn(ctx, a.Attachment)
		switch fault.KindOf(err) {
		case fault.RateLimited, fault.Overloaded:
			return jobs.Later(busyFor)
		}
		return err
	})
	jobs.Register(s.jobs, jobs.Kind{}, func(ctx context.Context, a emptyStore) error { return s.empty(ctx, a.Store) })
}

// Run empties stores as they expire, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	t := time.NewTicker(expireEvery)
	defer t.Stop()
	for {
		if err := s.Expire(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "stores that have expired could not be looked for; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
