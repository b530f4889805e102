package runs

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/store"
)

// Recover takes over what nobody executes any more, and ends what has waited too long. It is for the start and every beat.
func (s *Service) Recover(ctx context.Context) error {
	open, err := s.executing(ctx)
	if err != nil {
		return err
	}
	alive, err := s.servers.Alive(ctx, s.db.Read())
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range open {
		switch mine := r.server == s.servers.ID(); {
		case mine && s.executes(r.id), !mine && alive[r.server]:
		case mine:
			errs = append(errs, s.takeBack(ctx, r))
		default:
			errs = append(errs, s.takeOver(ctx, r))
		}
	}
	late, err := s.overdue(ctx, s.now())
	errs = append(errs, err)
	for _, id := range late {
		errs = append(errs, s.expire(ctx, id))
	}
	return errors.Join(errs...)
}

func (s *Service) executes(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[id] != nil || s.closed
}

// takeBack goes on with a run of this server that it does not execute: its end could not be written down.
func (s *Service) takeBack(ctx context.Context, r executed) error {
	s.making.Lock()
	defer s.making.Unlock()
	if s.executes(r.id) {
		return nil // it was just being made
	}
	return s.takeOver(ctx, r)
}

// takeOver goes on with a run that nobody executes.
func (s *Service) takeOver(ctx context.Context, r executed) error {
	var run object.Run
	taken := false
	err := s.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if taken, err = s.take(ctx, tx, r.id, r.server); err != nil || !taken {
			return err
		}
		run, err = s.threads.RunByID(ctx, tx, r.id)
		return err
	})
	if err != nil || !taken {
		return err
	}
	who, err := actorOf(&run)
	if err != nil {
		return err
	}
	s.log.Info("a run is taken over", "run", run.ID, "from", r.server)
	s.begin(who, run, &hub{})
	return nil
}

// actorOf is on whose behalf a run is executed.
func actorOf(r *object.Run) (who actor.Actor, err error) {
	err = json.Unmarshal(r.Actor, &who)
	return who, err
}

// writeActor keeps an actor beside its run. The browser session that asked is no part of it: it may end before the run does.
func writeActor(who actor.Actor) ([]byte, error) {
	who.Session = ""
	return json.Marshal(who)
}

// waiting reads a run that nobody executes, with what it had begun.
func (s *Service) waiting(ctx context.Context, q store.Q, id string) (*execution, error) {
	run, err := s.threads.RunByID(ctx, q, id)
	if err != nil {
		return nil, err
	}
	who, err := actorOf(&run)
	if err != nil {
		return nil, err
	}
	e := &execution{s: s, who: who, run: run, hub: &hub{}}
	return e, e.load(ctx, q)
}

// endWaiting ends a run that waits for outputs, in the caller's transaction.
func (s *Service) endWaiting(ctx context.Context, tx *store.Tx, id string, end ending) (object.Run, error) {
	e, err := s.waiting(ctx, tx, id)
	if err != nil {
		return object.Run{}, err
	}
	run, cur := e.run, e.cur.clone()
	_, err = e.settle(ctx, tx, &run, &cur, end)
	return run, err
}

// expire ends a run that has waited too long for outputs.
func (s *Service) expire(ctx context.Context, id string) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := lock(ctx, tx, id); err != nil {
			return err
		}
		run, err := s.threads.RunByID(ctx, tx, id)
		if err != nil || run.Status != object.RequiresAction || run.Expires.After(s.now()) {
			return err
		}
		_, err = s.endWaiting(ctx, tx, id, ending{status: object.Expired})
		return err
	})
}
