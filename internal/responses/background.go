package responses

import (
	"context"
	"errors"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// enqueue writes down a response in the background and begins to execute it. The hub has its events from the first on.
func (s *Service) enqueue(ctx context.Context, p *plan) (Object, *hub, error) {
	p.r.server = s.servers.ID()
	s.making.RLock()
	defer s.making.RUnlock()
	if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.insert(ctx, tx, &p.r) }); err != nil {
		return Object{}, nil, err
	}
	queued := p.r.Object
	return queued, s.start(*p.r.who, p), nil
}

// start executes a response that this server holds in the database, on a goroutine of its own.
func (s *Service) start(who actor.Actor, p *plan) *hub {
	h := newHub()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.live[p.r.ID] != nil {
		h.close() // a response of a closing server is taken over like a dead one's
		return h
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	s.live[p.r.ID] = &live{cancel: cancel, hub: h}
	s.wg.Go(func() {
		defer cancel(nil)
		e := &execution{s: s, who: who, p: p, row: true}
		if p.r.stream { // nobody can ask for the events of others, which would be kept to the end
			e.tell = func(ev Event) error { h.tell(ev); return nil }
		}
		if err := e.work(ctx); err != nil && !errors.Is(err, errLost) && ctx.Err() == nil {
			s.log.Warn("a response failed", "response", p.r.ID, "error", err)
		}
		s.mu.Lock()
		delete(s.live, p.r.ID)
		s.mu.Unlock()
		h.close()
	})
	return h
}

// answer executes a response that belongs to the request in ctx.
func (s *Service) answer(ctx context.Context, e *execution) error {
	id := e.p.r.ID
	s.mu.Lock()
	s.asked[id] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.asked, id)
		s.mu.Unlock()
	}()
	return e.work(ctx)
}

// executes says whether this process is at work on a response, or will leave it to others.
func (s *Service) executes(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.asked[id] || s.live[id] != nil
}

// hubOf is the hub of a response that this process executes; nil when it does not.
func (s *Service) hubOf(id string) *hub {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.live[id]; l != nil {
		return l.hub
	}
	return nil
}

// Recover takes over responses in the background that nobody executes any more, and ends those whose client went with their server. It
// is for the start and every beat.
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
	for i := range open {
		r := &open[i]
		switch mine := r.server == s.servers.ID(); {
		case mine && s.executes(r.ID), !mine && alive[r.server]:
		case mine:
			errs = append(errs, s.takeBack(ctx, r))
		default:
			errs = append(errs, s.takeOver(ctx, r))
		}
	}
	return errors.Join(errs...)
}

// takeBack is takeOver for a response of this server that it does not execute: its end could not be written down.
func (s *Service) takeBack(ctx context.Context, r *stored) error {
	s.making.Lock()
	defer s.making.Unlock()
	if s.executes(r.ID) {
		return nil // it was just being made
	}
	return s.takeOver(ctx, r)
}

// takeOver makes a response that nobody executes this server's, and goes on with it or ends it.
func (s *Service) takeOver(ctx context.Context, r *stored) error {
	ok, err := s.take(ctx, r)
	if err == nil && ok {
		err = s.goOn(ctx, r)
	}
	return err
}

// goOn executes a response of a server that has died.
func (s *Service) goOn(ctx context.Context, r *stored) error {
	if err := s.withItems(ctx, s.db.Read(), r); err != nil {
		return err
	}
	p := &plan{r: *r}
	who := actor.Actor{Org: r.org, Project: r.project}
	if r.who != nil {
		who = *r.who
	}
	err := s.again(ctx, who, p)
	if err == nil {
		s.log.Info("a response is taken over", "response", r.ID)
		s.start(who, p)
		return nil
	}
	e := &execution{s: s, who: who, p: p, row: true, have: len(r.Output), done: make([]bool, len(r.Output))}
	for i := range e.done {
		e.done[i] = true
	}
	return e.finish(ctx, Failed, failure(err))
}

// again prepares a response for being gone on with.
func (s *Service) again(ctx context.Context, who actor.Actor, p *plan) (err error) {
	r := &p.r
	if !r.Background {
		return fault.New(fault.Unavailable, "The server stopped while it wrote this response. Ask again.")
	}
	if r.cursor.Tries++; r.cursor.Tries > maxTries {
		return fault.New(fault.Unavailable, "The server stopped %d times while it wrote this response at the same place. The response was given up.", maxTries)
	}
	if err := s.db.Tx(ctx, func(tx *store.Tx) error { _, err := s.update(ctx, tx, r, 0, nil); return err }); err != nil {
		return err
	}
	if p.format, err = r.Text.Format.format(); err != nil {
		return err
	}
	if p.functions, err = functions(r.Tools, &r.ToolChoice); err != nil {
		return err
	}
	switch {
	case r.PreviousResponseID != nil:
		p.history, err = s.chain(ctx, s.db.Read(), who, *r.PreviousResponseID)
	case r.Conversation != nil:
		p.history, err = s.conversationItems(ctx, s.db.Read(), r.Conversation.ID)
	}
	if err == nil {
		err = s.equip(ctx, who, p)
	}
	if err == nil {
		p.interrupt()
	}
	return err
}

// interrupt answers the calls that were begun and have no end.
func (p *plan) interrupt() {
	cur := &p.r.cursor
	if len(cur.Turns) == 0 {
		return
	}
	last := &cur.Turns[len(cur.Turns)-1]
	for _, c := range last.Open() {
		for _, id := range cur.Started {
			if id == c.ID {
				last.Results = append(last.Results, agent.Answer{CallID: c.ID, Text: agent.Interrupted})
				p.interrupted = append(p.interrupted, c.ID)
			}
		}
	}
}

// get reads a response with its items.
func (s *Service) get(ctx context.Context, who actor.Actor, id string) (stored, error) {
	r, err := s.response(ctx, s.db.Read(), who, id)
	if err == nil {
		err = s.withItems(ctx, s.db.Read(), &r)
	}
	return r, err
}

// cancel ends a response in the background.
func (s *Service) cancel(ctx context.Context, who actor.Actor, id string) (stored, error) {
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		r, err := s.response(ctx, tx, who, id)
		switch {
		case err != nil:
			return err
		case !r.Background:
			return fault.New(fault.Invalid, "Cannot cancel a synchronous response: only those made with background=true can be cancelled. To end it, close the connection.").WithCode("not_background")
		case ended(r.Status):
			return nil // cancelling is idempotent
		}
		done, err := s.cancelRow(ctx, tx, &r)
		if done {
			tx.AfterCommit(func() { s.end(id) })
		}
		return err
	})
	if err != nil {
		return stored{}, err
	}
	return s.get(ctx, who, id)
}

// end ends the execution of a response of this process; that of another one notices when it writes.
func (s *Service) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.live[id]; l != nil {
		l.cancel(errCancelled)
	}
}

// remove deletes a response; one that is on its way ends.
func (s *Service) remove(ctx context.Context, who actor.Actor, id string) error {
	if !ids.Valid("resp_", id) {
		return notFound("Response", "response_id", id)
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		tx.AfterCommit(func() { s.end(id) })
		return s.deleteRow(ctx, tx, who, id)
	})
}
