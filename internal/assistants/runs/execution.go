package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// execution is one run on its way on this server. What is in it was committed, but for the text of the message under way.
type execution struct {
	s      *Service
	who    actor.Actor
	run    object.Run
	thread object.Thread
	hub    *hub
	cur    cursor
	asking asking
	types  map[string]string // name that the model calls → type of tool

	// Of the turn under way:
	message *object.Message // begun
	msgStep *object.Step
	step    *object.Step // of calls; also that of the last turn while calls are open
	text    strings.Builder
	part    int           // index of the text part in the message: behind its images
	marks   int           // annotations so far
	looked  int           // bytes of the text that were looked through for them
	writing map[int]*call // calls that the model is writing, by index
}

// call is a call that the model is writing.
type call struct {
	id, name, kind string
	arguments      strings.Builder
	shown          int // bytes of the code that were told
}

func (e *execution) tell(ev Event) { e.hub.tell(ev) }

func (e *execution) tellRun(name string) {
	run := e.run
	e.tell(Event{Name: name, Run: &run})
}

func (e *execution) tellStep(name string, step *object.Step) {
	copied := *step
	copied.Details.Calls = slices.Clone(step.Details.Calls)
	e.tell(Event{Name: name, Step: &copied})
}

func (e *execution) tellMessage(name string, m *object.Message) {
	copied := *m
	copied.Content = slices.Clone(m.Content)
	e.tell(Event{Name: name, Message: &copied})
}

// execute runs the run to its end, to where it waits, or to where this server has to leave it. It reports whether the thread may have
// become too long for its window.
func (e *execution) execute(ctx context.Context) (fold bool) {
	err := e.work(ctx)
	switch cause := context.Cause(ctx); {
	case err == nil:
		return e.run.Status == object.Completed
	case errors.Is(err, errLost):
		return false
	case errors.Is(err, errCancelled), errors.Is(cause, errCancelled):
		err = e.finish(ctx, ending{status: object.Cancelled})
	case errors.Is(cause, errLost):
		return false
	case cause != nil:
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer stop()
		if err := e.s.release(end, e.run.ID); err != nil {
			e.s.log.Warn("a run could not be given back; it is taken over when this server's lease has ended", "run", e.run.ID, "error", err)
		}
		e.s.bus.Publish(topic, e.run.ID)
		return false
	default:
		end := ending{status: object.Failed, err: lastError(err)}
		if over, ok := errors.AsType[stopped](err); ok {
			end = ending{status: object.Incomplete, why: over.why}
		} else {
			e.s.log.Warn("a run failed", "run", e.run.ID, "error", err)
		}
		err = e.finish(ctx, end)
	}
	if err != nil && !errors.Is(err, errLost) {
		// It is begun again by the next beat.
		e.s.log.Error("the end of a run could not be written down", "run", e.run.ID, "error", err)
	}
	return false
}

// lastError is an error in the words of a run.
func lastError(err error) *object.RunError {
	e := fault.As(err)
	if e == nil || e.Kind == fault.Internal {
		return &object.RunError{Code: object.ServerError, Message: "Sorry, something went wrong."}
	}
	out := &object.RunError{Code: object.ServerError, Message: e.Message}
	switch e.Kind {
	case fault.RateLimited, fault.Quota, fault.Overloaded:
		out.Code = object.RateLimitExceeded
	case fault.Invalid, fault.TooLarge:
		out.Code = object.InvalidPrompt
	}
	return out
}

// work begins or goes on with the run and has the model and the tools work. Errors are the run's end, or errLost.
func (e *execution) work(ctx context.Context) error {
	if err := e.resume(ctx); err != nil {
		return err
	}
	req, err := e.prepare(ctx)
	if err != nil {
		return err
	}
	for ev, err := range agent.Run(ctx, e.s.model, e.who, req) {
		if err == nil {
			err = e.handle(ctx, ev)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads how far the run got, and what it had begun.
func (e *execution) load(ctx context.Context, q store.Q) (err error) {
	s := e.s
	if e.cur, err = readCursor(e.run.Cursor); err != nil {
		return err
	}
	if e.thread, err = s.threads.Thread(ctx, q, e.who, e.run.ThreadID); err != nil {
		return err
	}
	if e.cur.MessageStep != "" {
		t, err := s.threads.Step(ctx, q, e.run.ID, e.cur.MessageStep)
		if err != nil {
			return err
		}
		m, err := s.threads.Message(ctx, q, e.run.ThreadID, e.cur.Message)
		if err != nil {
			return err
		}
		e.msgStep, e.message = &t, &m
	}
	if e.cur.ToolStep != "" {
		t, err := s.threads.Step(ctx, q, e.run.ID, e.cur.ToolStep)
		if err != nil {
			return err
		}
		e.step = &t
	}
	return nil
}

// resume reads how far the run got and writes down that it is executed.
func (e *execution) resume(ctx context.Context) error {
	s := e.s
	if err := e.load(ctx, s.db.Read()); err != nil {
		return err
	}
	cur := e.cur.clone()
	interrupted := cur.interrupt()
	run, step := e.run, e.step
	cur.Attempts++
	first := run.Status == object.Queued
	if first {
		if run.Status = object.InProgress; run.Started.IsZero() {
			run.Started = s.now()
		}
	}
	if len(interrupted) > 0 && step != nil {
		copied := interruptedStep(*step, interrupted, len(cur.last().Open()) == 0, s)
		step = &copied
		if step.Status != object.InProgress {
			cur.ToolStep = ""
		}
	}
	err := e.tx(ctx, &run, &cur, func(tx *store.Tx) error {
		if step != e.step {
			return s.threads.UpdateStep(ctx, tx, step)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if e.step = step; step != nil && step.Status != object.InProgress {
		e.step = nil
	}
	if first {
		e.tellRun(runPrefix + object.InProgress)
	}
	if cur.Attempts > maxAttempts {
		return fault.New(fault.Unavailable, "The server stopped %d times while it executed this run at the same place. The run was given up.", cur.Attempts-1)
	}
	return nil
}

// interrupt answers the calls that were begun and have no end, and returns their ids.
func (c *cursor) interrupt() (found []string) {
	last := c.last()
	if last == nil {
		return nil
	}
	for _, call := range last.Open() {
		if slices.Contains(c.Started, call.ID) {
			last.Results = append(last.Results, agent.Answer{CallID: call.ID, Text: agent.Interrupted})
			found = append(found, call.ID)
		}
	}
	return found
}

// interruptedStep is a step of which calls were interrupted; done says that nothing of it is open any more.
func interruptedStep(t object.Step, calls []string, done bool, s *Service) object.Step {
	t.Details.Calls = slices.Clone(t.Details.Calls)
	for i := range t.Details.Calls {
		c := &t.Details.Calls[i]
		if slices.Contains(calls, c.ID) && c.Code != nil {
			said := agent.Interrupted
			code := *c.Code
			code.Outputs = append(slices.Clone(code.Outputs), object.CodeOutput{Logs: &said})
			c.Code = &code
		}
	}
	t.LastError = &object.RunError{Code: object.ServerError, Message: fmt.Sprintf("Interrupted: %s. %s", strings.Join(calls, ", "), agent.Interrupted)}
	if done {
		t.Status, t.FailedAt = object.Failed, s.now()
		if t.Usage == nil {
			t.Usage = &object.Usage{}
		}
	}
	return t
}

// tx writes a piece of the execution: what f writes, and the run with its cursor. It changes nothing in e unless it is committed.
func (e *execution) tx(ctx context.Context, run *object.Run, cur *cursor, f func(tx *store.Tx) error) error {
	was := e.run.Status
	err := e.s.db.Tx(ctx, func(tx *store.Tx) error {
		switch status, err := e.s.hold(ctx, tx, run.ID); {
		case err != nil:
			return err
		case status == object.Cancelling:
			return errCancelled
		case status != was:
			return errLost
		}
		run.Cursor = cur.write()
		if done, err := e.s.threads.UpdateRun(ctx, tx, run, was); err != nil || !done {
			return errors.Join(err, lost(done))
		}
		return f(tx)
	})
	if err != nil {
		return err
	}
	e.run, e.cur = *run, *cur
	return nil
}

func lost(done bool) error {
	if done {
		return nil
	}
	return errLost
}

// newStep is a step of the run, not stored yet.
func (e *execution) newStep(kind string) *object.Step {
	return &object.Step{
		Org: e.run.Org, Project: e.run.Project, RunID: e.run.ID, ThreadID: e.run.ThreadID, AssistantID: e.run.AssistantID,
		Type: kind, Status: object.InProgress, Context: e.asking.record(),
	}
}
