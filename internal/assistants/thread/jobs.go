package thread

import (
	"context"

	"github.com/parley-ai/parley/internal/jobs"
)

// emptyThread removes what a deleted thread held.
type emptyThread struct {
	ID string `json:"thread_id"`
}

// Kind names the job.
func (emptyThread) Kind() string { return "thread.empty" }

func (s *Service) register() {
	jobs.Register(s.jobs, jobs.Kind{}, func(ctx context.Context, job emptyThread) error {
		for {
			if done, err := s.empty(ctx, job.ID); done || err != nil {
				return err
			}
		}
	})
}
