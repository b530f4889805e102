package runs

import (
	"context"
	"slices"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/store"
)

// ending is how a run ends.
type ending struct {
	status string
	why    string // of incomplete
	err    *object.RunError
	usage  *object.Usage // of the turn that ended it; nil when it was cut off
}

// whys are what messages say that a run left incomplete.
var whys = map[string]string{
	object.Cancelled: "run_cancelled", object.Failed: "run_failed", object.Expired: "run_expired", object.Incomplete: "max_tokens",
}

// finishTurn ends a run that its last turn ends.
func (e *execution) finishTurn(ctx context.Context, run *object.Run, cur *cursor, end ending) error {
	var told []Event
	err := e.tx(ctx, run, cur, func(tx *store.Tx) (err error) {
		told, err = e.settle(ctx, tx, run, cur, end)
		return err
	})
	if err != nil {
		return err
	}
	e.tellEnd(told)
	return nil
}

// finish ends a run from outside of its turns: it failed, or was cancelled. The context of the execution may have ended.
func (e *execution) finish(ctx context.Context, end ending) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer stop()
	run, cur := e.run, e.cur.clone()
	var told []Event
	err := e.s.db.Tx(ctx, func(tx *store.Tx) (err error) {
		run, cur = e.run, e.cur.clone()
		was, err := e.s.hold(ctx, tx, run.ID)
		if err != nil {
			return err
		}
		if was == object.Cancelling {
			end = ending{status: object.Cancelled}
		}
		run.Status = was
		told, err = e.settle(ctx, tx, &run, &cur, end)
		return err
	})
	if err != nil {
		return err
	}
	e.run, e.cur = run, cur
	e.tellEnd(told)
	return nil
}

func (e *execution) tellEnd(told []Event) {
	for _, ev := range told {
		e.tell(ev)
	}
	e.tellRun(runPrefix + e.run.Status)
}

// settle ends a run, whose row the transaction holds, with all that it had begun. It returns what to tell of that.
func (e *execution) settle(ctx context.Context, tx *store.Tx, run *object.Run, cur *cursor, end ending) (told []Event, err error) {
	s := e.s
	if e.msgStep != nil {
		more, err := e.settleMessage(ctx, tx, end)
		if err != nil {
			return nil, err
		}
		told = append(told, more...)
	}
	if e.step != nil {
		more, err := e.settleCalls(ctx, tx, end)
		if err != nil {
			return nil, err
		}
		told = append(told, more...)
	}
	was, now := run.Status, s.now()
	run.Status, run.Why, run.LastError, run.Required = end.status, end.why, end.err, nil
	switch end.status {
	case object.Completed:
		run.CompletedAt = now
	case object.Incomplete:
		run.CompletedAt = now
	case object.Cancelled:
		run.CancelledAt = now
	case object.Failed:
		run.FailedAt = now
	}
	used := cur.Usage
	run.Usage, run.Server, run.Cursor = &used, "", nil
	done, err := s.threads.UpdateRun(ctx, tx, run, was)
	if err == nil {
		err = lost(done)
	}
	return told, err
}

func (e *execution) settleMessage(ctx context.Context, tx *store.Tx, end ending) ([]Event, error) {
	if len(e.message.Content) == 0 {
		return nil, drop(ctx, tx, e.msgStep) // nothing was said before the server stopped
	}
	status, why := object.Completed, ""
	if end.status != object.Completed {
		status, why = object.Incomplete, whys[end.status]
	}
	m, t := e.written(status, why)
	t.Usage = end.usage
	e.stamp(&t, end)
	if err := e.s.threads.UpdateMessage(ctx, tx, &m); err != nil {
		return nil, err
	}
	if err := e.s.threads.UpdateStep(ctx, tx, &t); err != nil {
		return nil, err
	}
	return []Event{{Name: messagePrefix + status, Message: &m}, {Name: stepPrefix + t.Status, Step: &t}}, nil
}

func (e *execution) settleCalls(ctx context.Context, tx *store.Tx, end ending) ([]Event, error) {
	t := *e.step
	if len(t.Details.Calls) == 0 && (end.status == object.Completed || end.status == object.Incomplete) {
		return nil, drop(ctx, tx, &t) // begun, and no call came of it
	}
	t.Details.Calls = slices.Clone(t.Details.Calls)
	e.stamp(&t, end)
	if err := e.s.threads.UpdateStep(ctx, tx, &t); err != nil {
		return nil, err
	}
	return []Event{{Name: stepPrefix + t.Status, Step: &t}}, nil
}

// stamp ends a step as its run ends.
func (e *execution) stamp(t *object.Step, end ending) {
	now := e.s.now()
	t.CompletedAt = object.Step{}.CompletedAt
	switch end.status {
	case object.Cancelled:
		t.Status, t.CancelledAt = object.Cancelled, now
	case object.Failed:
		t.Status, t.FailedAt, t.LastError = object.Failed, now, end.err
	case object.Expired:
		t.Status, t.ExpiredAt = object.Expired, now
	default:
		t.Status, t.CompletedAt = object.Completed, now
	}
	if t.Usage == nil {
		t.Usage = &object.Usage{}
	}
}
