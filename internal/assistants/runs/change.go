package runs

import (
	"context"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Output is what a function of the caller returned.
type Output struct {
	CallID string
	Text   string
}

// maxOutput is how many bytes the outputs of one request may have together.
const maxOutput = 512 << 10

// Submit gives a run the outputs that it waits for and goes on with it, here.
func (s *Service) Submit(ctx context.Context, who actor.Actor, threadID, runID string, outputs []Output) (object.Run, *Subscription, error) {
	actorText, err := writeActor(who)
	if err != nil {
		return object.Run{}, nil, err
	}
	var run object.Run
	var step object.Step
	expired := false
	s.making.RLock()
	defer s.making.RUnlock()
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		expired = false
		if run, err = s.locked(ctx, tx, who, threadID, runID); err != nil {
			return err
		}
		if run.Status != object.RequiresAction {
			return fault.New(fault.Invalid, "Runs in status \"%s\" do not accept tool outputs.", run.Status)
		}
		if !run.Expires.After(s.now()) {
			expired = true
			run, err = s.endWaiting(ctx, tx, run.ID, ending{status: object.Expired})
			return err
		}
		if err := checkOutputs(&run, outputs); err != nil {
			return err
		}
		step, err = s.answer(ctx, tx, &run, outputs)
		if err != nil {
			return err
		}
		run.Status, run.Server, run.Required, run.Actor = object.Queued, s.servers.ID(), nil, actorText
		done, err := s.threads.UpdateRun(ctx, tx, &run, object.RequiresAction)
		if err == nil {
			err = lost(done)
		}
		return err
	})
	switch {
	case err != nil:
		return object.Run{}, nil, err
	case expired:
		return object.Run{}, nil, fault.New(fault.Invalid, "Runs in status \"%s\" do not accept tool outputs.", object.Expired)
	}
	h := &hub{}
	sub := h.listen()
	if step.Status == object.Completed || step.Status == object.Failed {
		h.tell(Event{Name: stepPrefix + step.Status, Step: &step})
	}
	queued := run
	h.tell(Event{Name: runPrefix + object.Queued, Run: &queued})
	s.begin(who, run, h)
	return run, sub, nil
}

// checkOutputs refuses outputs that are not those that the run waits for.
func checkOutputs(run *object.Run, outputs []Output) error {
	var want, got []string
	size := 0
	for _, c := range run.Required {
		want = append(want, c.ID)
	}
	for _, o := range outputs {
		got = append(got, o.CallID)
		size += len(o.Text)
	}
	sorted := func(l []string) []string { l = slices.Clone(l); slices.Sort(l); return l }
	if !slices.Equal(sorted(want), sorted(got)) {
		return fault.New(fault.Invalid, "Expected tool outputs for call_ids [%s], got [%s]", quoted(want), quoted(got))
	}
	if size > maxOutput {
		return fault.Param("tool_outputs", "The tool outputs have %d bytes together, more than %d. Send shorter ones.", size, maxOutput)
	}
	return nil
}

func quoted(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "'" + strings.Join(list, "', '") + "'"
}

// answer writes outputs into the cursor and into the step of their calls, which they end.
func (s *Service) answer(ctx context.Context, tx *store.Tx, run *object.Run, outputs []Output) (object.Step, error) {
	cur, err := readCursor(run.Cursor)
	if err != nil {
		return object.Step{}, err
	}
	step, err := s.threads.Step(ctx, tx, run.ID, cur.ToolStep)
	if err != nil {
		return object.Step{}, err
	}
	last := cur.last()
	for _, o := range outputs {
		last.Results = append(last.Results, agent.Answer{CallID: o.CallID, Text: o.Text})
		for i := range step.Details.Calls {
			if c := &step.Details.Calls[i]; c.ID == o.CallID && c.Function != nil {
				f := *c.Function
				f.Output = &o.Text
				c.Function = &f
			}
		}
	}
	ended(&step, s)
	cur.ToolStep, cur.Started = "", nil
	run.Cursor = cur.write()
	return step, s.threads.UpdateStep(ctx, tx, &step)
}

// locked finds a run of a thread of the actor's project, and takes the turn to change it.
func (s *Service) locked(ctx context.Context, tx *store.Tx, who actor.Actor, threadID, runID string) (object.Run, error) {
	if _, err := s.threads.Thread(ctx, tx, who, threadID); err != nil {
		return object.Run{}, err
	}
	if err := lock(ctx, tx, runID); err != nil {
		return object.Run{}, err
	}
	return s.threads.Run(ctx, tx, threadID, runID)
}

// Cancel ends a run. One that is executed is cancelling when this returns, and cancelled soon; one that nobody executes is cancelled.
func (s *Service) Cancel(ctx context.Context, who actor.Actor, threadID, runID string) (run object.Run, err error) {
	executed := false
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		executed = false
		if run, err = s.locked(ctx, tx, who, threadID, runID); err != nil {
			return err
		}
		was := run.Status
		switch was {
		case object.RequiresAction:
			run, err = s.endWaiting(ctx, tx, run.ID, ending{status: object.Cancelled})
			return err
		case object.Queued, object.InProgress:
			executed = true
			run.Status = object.Cancelling
			_, err := s.threads.UpdateRun(ctx, tx, &run, was)
			return err
		case object.Cancelling:
			return nil
		}
		return fault.New(fault.Invalid, "Cannot cancel run with status '%s'.", was)
	})
	if err != nil || !executed {
		return run, err
	}
	s.mu.Lock()
	l := s.live[run.ID]
	s.mu.Unlock()
	if l != nil {
		told := run
		l.hub.tell(Event{Name: runPrefix + object.Cancelling, Run: &told})
		l.cancel(errCancelled)
	} else {
		s.bus.Publish(topic, run.ID)
	}
	return run, nil
}
