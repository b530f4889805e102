package responses

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/agent/cite"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/store"
)

// cursor is how far a response in the background got.
type cursor struct {
	Turns   []agent.Turn  `json:"turns,omitempty"`   // whole ones; calls of the last may be open
	Started []string      `json:"started,omitempty"` // calls of the last turn that were begun
	Sources []cite.Source `json:"sources,omitempty"` // what the model's words may point to
	Usage   Usage         `json:"usage"`
	Tries   int           `json:"tries,omitempty"` // executions since it got any further
}

// maxTries is how often a response is begun again without having got any further.
const maxTries = 10

// execution is one response on its way.
type execution struct {
	s        *Service
	who      actor.Actor
	p        *plan
	tell     func(Event) error       // nil: nobody listens
	admitted func(generate.Admitted) // nil, or told once before the first event
	row      bool                    // the response is in the database
	begun    bool
	over     bool // the event of its end was told
	sequence int
	have     int // items of the output that are in the database
	usage    Usage
	tooLong  error // the model's last word on a conversation

	done    []bool           // by item of the output: it is whole
	items   map[string]int   // call → its item of the output
	writing map[int]*writing // calls of the turn under way
	words   words
}

// writing is a call that the model is writing.
type writing struct {
	item      int
	kind      string
	arguments string
	code      int // bytes of the program that were told
}

// Run implements agent.Model: it asks the model and keeps why a conversation was too long.
func (e *execution) Run(ctx context.Context, who actor.Actor, req generate.Request, prompt generate.Prompt) iter.Seq2[generate.Event, error] {
	return func(yield func(generate.Event, error) bool) {
		for ev, err := range e.s.model.Run(ctx, who, req, prompt) {
			if f := fault.As(err); f != nil && f.Code == "context_length_exceeded" {
				e.tooLong = err
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// work has the model and the tools work, to the response's end. An error without begun is one of the request; with it, the response
// has ended with it.
func (e *execution) work(ctx context.Context) error {
	e.items = map[string]int{}
	e.usage = e.p.r.cursor.Usage
	e.have = len(e.p.r.Output)
	for i := range e.p.r.Output {
		e.done = append(e.done, true)
		if t := e.p.r.Output[i]; t.CallID != "" {
			e.items[t.CallID] = i
		}
	}
	var err error
	if e.row && len(e.p.r.cursor.Turns) > 0 { // gone on with: a tool may come before the model
		err = e.begin(ctx, generate.Admitted{Model: e.p.r.Model})
	}
	if err == nil {
		err = e.loop(ctx)
	}
	switch {
	case err == nil, errors.Is(err, errLost), !e.begun && !e.p.r.Background:
		return err
	case errors.Is(context.Cause(ctx), errShutdown) && e.p.r.Background:
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer stop()
		return errors.Join(err, e.s.release(end, e.p.r.ID))
	case ctx.Err() != nil:
		return errors.Join(err, e.finish(ctx, Cancelled, nil))
	}
	return errors.Join(err, e.finish(ctx, Failed, failure(err)))
}

// failure is an error in the words of a response.
func failure(err error) *Error {
	f := fault.As(err)
	switch {
	case f == nil || f.Kind == fault.Internal:
		return &Error{Code: "server_error", Message: "Sorry, something went wrong."}
	case f.Kind == fault.RateLimited, f.Kind == fault.Quota, f.Kind == fault.Overloaded:
		return &Error{Code: "rate_limit_exceeded", Message: f.Message}
	case f.Kind == fault.Invalid, f.Kind == fault.TooLarge:
		return &Error{Code: "invalid_prompt", Message: f.Message}
	}
	return &Error{Code: "server_error", Message: f.Message}
}

func (e *execution) loop(ctx context.Context) error {
	for ev, err := range agent.Run(ctx, e, e.who, e.p.request(e)) {
		if err == nil {
			err = e.handle(ctx, ev)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *execution) handle(ctx context.Context, ev agent.Event) error {
	switch ev := ev.(type) {
	case agent.TurnStarted:
		e.writing, e.words = map[int]*writing{}, words{item: -1}
		return e.begin(ctx, ev.Admitted)
	case agent.TextDelta:
		return e.say(ev.Text, false)
	case agent.CallDelta:
		return e.write(ev)
	case agent.TurnDone:
		return e.turnDone(ctx, ev)
	case agent.Executing:
		return e.executing(ctx, ev.Call)
	case agent.Executed:
		return e.executed(ctx, ev)
	case agent.Required:
		return e.finish(ctx, Completed, nil)
	case agent.Done:
		if ev.Reason == agent.Cut {
			return e.finish(ctx, Incomplete, nil)
		}
		return e.finish(ctx, Completed, nil)
	}
	return nil
}

// begin writes down that the response is on its way, and tells it, once.
func (e *execution) begin(ctx context.Context, a generate.Admitted) error {
	if e.begun {
		return nil
	}
	e.begun = true
	r := &e.p.r
	r.Model = a.Model
	if e.admitted != nil {
		e.admitted(a)
	}
	r.Status = InProgress
	switch {
	case e.row:
		if err := e.commit(ctx); err != nil {
			return err
		}
	case r.Store:
		r.server = e.s.servers.ID()
		if err := e.s.db.Tx(ctx, func(tx *store.Tx) error { return e.s.insert(ctx, tx, r) }); err != nil {
			return err
		}
		e.row = true
	}
	if err := e.event(Event{Type: "response.created", Response: e.snapshot()}); err != nil {
		return err
	}
	if err := e.event(Event{Type: "response.in_progress", Response: e.snapshot()}); err != nil {
		return err
	}
	return e.missing(ctx)
}

// missing adds the items of the last turn's calls that a server did not write down before it died.
func (e *execution) missing(ctx context.Context) error {
	turns := e.p.r.cursor.Turns
	if len(turns) == 0 {
		return nil
	}
	for _, c := range turns[len(turns)-1].Calls {
		interrupted := slices.Contains(e.p.interrupted, c.ID)
		if _, ok := e.items[c.ID]; ok || !interrupted && e.p.types[c.Name] != FunctionTool {
			continue
		}
		i, err := e.itemOf(c.ID, c.Name)
		if err == nil {
			err = e.written(c)
		}
		if err == nil && interrupted {
			t := &e.p.r.Output[i]
			if t.Status = Incomplete; t.Type == CodeCall {
				t.Outputs, err = marshal([]CodeOutput{{Type: "logs", Logs: agent.Interrupted}})
			}
			err = errors.Join(err, e.close(i))
		}
		if err != nil {
			return err
		}
	}
	return e.commit(ctx)
}

// snapshot is the response as events show it.
func (e *execution) snapshot() *Object {
	o := e.p.r.Object
	o.Output = shownAll(o.Output, e.p.include)
	return &o
}

// event tells something, with the next number. The error is that of a client that has gone.
func (e *execution) event(ev Event) error {
	ev.Sequence = e.sequence
	e.sequence++
	if e.tell == nil {
		return nil
	}
	return e.tell(ev)
}

// events tells several things.
func (e *execution) events(evs ...Event) error {
	for _, ev := range evs {
		if err := e.event(ev); err != nil {
			return err
		}
	}
	return nil
}

// at returns a pointer to a number, for members that may be 0.
func at(n int) *int { return &n }

// add appends an item that has just begun.
func (e *execution) add(t Item) (int, error) {
	e.p.r.Output = append(e.p.r.Output, t)
	e.done = append(e.done, false)
	i := len(e.p.r.Output) - 1
	shown := t.shown(e.p.include)
	return i, e.event(Event{Type: "response.output_item.added", OutputIndex: at(i), Item: &shown})
}

// close ends an item.
func (e *execution) close(i int) error {
	e.done[i] = true
	shown := e.p.r.Output[i].shown(e.p.include)
	return e.event(Event{Type: "response.output_item.done", OutputIndex: at(i), Item: &shown})
}

// commit writes how far a stored response got: the items that are whole, up to the first that is not, and the cursor.
func (e *execution) commit(ctx context.Context) error {
	if !e.row || !e.p.r.Background {
		return nil
	}
	e.p.r.cursor.Tries = 0
	return e.save(ctx, nil)
}

// save is one transaction: the response, its whole items, and what more writes.
func (e *execution) save(ctx context.Context, more func(tx *store.Tx) error) error {
	r := &e.p.r
	r.cursor.Usage = e.usage
	whole := slices.Index(e.done, false)
	if whole < 0 {
		whole = len(e.done)
	}
	err := e.s.db.Tx(ctx, func(tx *store.Tx) error {
		if e.row {
			if ok, err := e.s.update(ctx, tx, r, e.have, r.Output[e.have:whole]); err != nil || !ok {
				return errors.Join(err, lost(ok))
			}
		}
		if more != nil {
			return more(tx)
		}
		return nil
	})
	if err == nil {
		e.have = whole
	}
	return err
}

func lost(ok bool) error {
	if ok {
		return nil
	}
	return errLost
}

// finish ends the response: what was not whole is incomplete. It is written down also when ctx has ended.
func (e *execution) finish(ctx context.Context, status string, failed *Error) error {
	r := &e.p.r
	for i := range e.done {
		if !e.done[i] {
			e.p.r.Output[i].Status = Incomplete
			e.done[i] = true
		}
	}
	r.Status, r.Error, r.CompletedAt, r.IncompleteDetails = status, failed, nil, nil
	usage := e.usage
	r.Usage = &usage
	switch status {
	case Completed:
		now := e.s.now().Unix()
		r.CompletedAt = &now
	case Incomplete:
		r.IncompleteDetails = &Details{Reason: "max_output_tokens"}
	}
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer stop()
	err := e.save(end, func(tx *store.Tx) error {
		if r.Conversation == nil || status != Completed && status != Incomplete {
			return nil
		}
		_, err := e.s.addItems(end, tx, e.who, r.Conversation.ID, fresh(slices.Concat(r.input, r.Output), e.p.history))
		return err
	})
	if err != nil {
		return err
	}
	e.over = true
	return e.event(Event{Type: "response." + status, Response: e.snapshot()})
}

// fresh are the items that a conversation does not have yet: who sends back what stands in it refers to it.
func fresh(items, history []Item) []Item {
	have := map[string]bool{}
	for _, t := range history {
		have[t.ID] = true
	}
	return slices.DeleteFunc(items, func(t Item) bool { return have[t.ID] })
}

// count adds a turn's tokens.
func (u *Usage) count(g generate.Usage) {
	u.InputTokens += g.PromptTokens
	u.InputTokensDetails.CachedTokens += g.CachedTokens
	u.OutputTokens += g.CompletionTokens
	u.TotalTokens = u.InputTokens + u.OutputTokens
}

var _ agent.Model = (*execution)(nil)

// count returns the tokens of what the model would be told.
func (s *Service) count(ctx context.Context, who actor.Actor, p *plan) (int, error) {
	req := p.request(&execution{s: s})
	tools := agentTools(req)
	messages := p.instructed(p.messages)
	if len(messages) == 0 {
		messages = []engine.Message{{Role: "user"}}
	}
	_, tokens, err := s.model.TokenizeMessages(ctx, who, p.r.Model, messages, tools)
	return len(tokens), err
}
