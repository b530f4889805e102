package deletion

import (
	"context"

	"github.com/parley-ai/parley/internal/jobs"
)

// look goes on with a deletion.
type look struct {
	ID string `json:"id"`
}

// Kind names the job.
func (look) Kind() string { return "deletion.look" }

func (s *Service) register() {
	jobs.Register(s.jobs, jobs.Kind{Queue: "deletion", Workers: 1}, s.look)
}

// look empties what is left, ends the deletion, and looks again later for what came after.
func (s *Service) look(ctx context.Context, job look) error {
	d, err := s.get(ctx, s.db.Read(), job.ID)
	if err != nil {
		return err
	}
	if s.settle != nil {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	for _, t := range d.plan() {
		for {
			n, err := s.empty(ctx, d.ID, t, d.Subject)
			if err != nil {
				return err
			}
			if n < batch {
				break
			}
		}
	}
	if d, err = s.finish(ctx, d.ID); err != nil {
		return err
	}
	if d.Sweeps > len(sweeps) {
		return nil
	}
	return jobs.Later(d.Finished.Add(sweeps[d.Sweeps-1]).Sub(s.clock.Now()))
}

// plan is the tables to empty.
func (d Deletion) plan() []table {
	if d.Kind == ofAccount {
		return ofUsers
	}
	return ofOrganizations
}
