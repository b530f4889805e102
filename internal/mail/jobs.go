package mail

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/jobs"
)

// sendMail sends a mail of the table, if it is due.
type sendMail struct {
	ID string `json:"id"`
}

// Kind names the job.
func (sendMail) Kind() string { return "mail.send" }

func (s *Service) register() {
	jobs.Register(s.jobs, jobs.Kind{Queue: "mail", Workers: 4, Timeout: attemptFor}, s.attempt)
}

// attempt makes one attempt at a mail.
func (s *Service) attempt(ctx context.Context, job sendMail) error {
	m, attempt, busy, err := s.claim(ctx, job.ID)
	switch {
	case gone(err):
		return nil
	case err != nil && !errors.Is(err, errRefused):
		return err
	case err != nil: // given up below
	case busy > 0:
		return jobs.Later(busy)
	case s.wire == nil:
		err = notConfigured()
	default:
		err = s.wire.deliver(ctx, m)
	}
	// What happened is noted also when the server is stopping.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		return s.done(ctx, m.ID)
	}
	reason := err.Error()
	if s.server != nil {
		reason = s.server.clean(err)
	}
	if errors.Is(err, errRefused) || attempt > len(pauses) {
		s.log.ErrorContext(ctx, "a mail was given up", "mail", m.ID, "organization", m.Org, "attempts", attempt, "error", reason)
		return s.giveUp(ctx, m, reason)
	}
	s.log.WarnContext(ctx, "a mail could not be sent; it will be tried again", "mail", m.ID, "organization", m.Org, "attempt", attempt, "error", reason)
	if err := s.again(ctx, m.ID, reason); err != nil {
		return err
	}
	return jobs.Later(pauses[attempt-1])
}
