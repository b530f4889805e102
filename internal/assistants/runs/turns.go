package runs

import (
	"context"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/agent/cite"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// handle writes down and tells what happened.
func (e *execution) handle(ctx context.Context, ev agent.Event) error {
	switch ev := ev.(type) {
	case agent.TurnStarted:
		e.text.Reset()
		e.writing = map[int]*call{}
	case agent.TextDelta:
		return e.says(ctx, ev.Text)
	case agent.CallDelta:
		return e.calls(ctx, ev)
	case agent.TurnDone:
		return e.turned(ctx, ev)
	case agent.Executing:
		return e.executing(ctx, ev.Call)
	case agent.Progress:
		e.progress(ev)
	case agent.Executed:
		return e.executed(ctx, ev)
	case agent.Required:
		return e.require(ctx, ev.Calls)
	case agent.Done:
		if ev.Reason == agent.TurnsUsed {
			return fault.New(fault.Unavailable, "The model called tools in %d turns without an answer, which is the most that a run may have.", maxTurns)
		}
	}
	return nil
}

// says takes a piece of the model's words.
func (e *execution) says(ctx context.Context, text string) error {
	if e.cur.Said != nil {
		return nil // said before the server stopped
	}
	if err := e.open(ctx); err != nil {
		return err
	}
	e.text.WriteString(text)
	d := MessageDelta{MessageID: e.message.ID, Index: e.part, Text: text}
	all := e.text.String()
	found, upto := annotate(all, e.looked, e.cur.Sources, false)
	e.looked = upto
	if len(found) > 0 {
		d.Annotations, d.First = found, e.marks
		e.marks += len(found)
		part := &e.message.Content[e.part]
		part.Text = &object.Text{Annotations: append(slices.Clone(textOf(part).Annotations), found...)}
	}
	e.tell(Event{Name: messageDelta, MessageDelta: &d})
	return nil
}

func textOf(p *object.Part) *object.Text {
	if p.Text == nil {
		return &object.Text{}
	}
	return p.Text
}

// open begins the turn's message, when it is not begun.
func (e *execution) open(ctx context.Context) error {
	if e.message != nil && len(e.message.Content) > 0 {
		return nil
	}
	fresh := e.message == nil
	cur, run := e.cur.clone(), e.run
	message, step := e.message, e.msgStep
	if fresh {
		message = &object.Message{Role: object.AssistantRole, Status: object.InProgress, AssistantID: e.run.AssistantID, RunID: e.run.ID}
		message.ID, message.Created = ids.New(object.MessageID), e.s.now()
		step = e.newStep(object.MessageCreation)
		step.ID, step.Created, step.Details = ids.New(object.StepID), message.Created, object.Details{MessageID: message.ID}
		cur.Message, cur.MessageStep = message.ID, step.ID
		if err := e.tx(ctx, &run, &cur, func(tx *store.Tx) error {
			if err := e.s.threads.Append(ctx, tx, e.who, e.run.ThreadID, message); err != nil {
				return err
			}
			return e.s.threads.InsertStep(ctx, tx, step)
		}); err != nil {
			return err
		}
	}
	e.message, e.msgStep = message, step
	e.tellStep(stepCreated, step)
	e.tellStep(stepPrefix+object.InProgress, step)
	e.tellMessage(messageCreated, message)
	e.tellMessage(messagePrefix+object.InProgress, message)
	e.part, e.marks, e.looked = 0, 0, 0
	for _, id := range e.cur.Images {
		message.Content = append(message.Content, object.Part{Type: object.ImageFilePart, Image: &object.Image{FileID: id}})
		e.tell(Event{Name: messageDelta, MessageDelta: &MessageDelta{MessageID: message.ID, Index: e.part, ImageFileID: id}})
		e.part++
	}
	message.Content = append(message.Content, object.Part{Type: object.TextPart, Text: &object.Text{}})
	return nil
}

// written is the message with its words so far, and its step, in a status.
func (e *execution) written(status, why string) (object.Message, object.Step) {
	m, step, now := *e.message, *e.msgStep, e.s.now()
	m.Content = slices.Clone(m.Content)
	if len(m.Content) > 0 {
		text := e.text.String()
		found, _ := annotate(text, 0, e.cur.Sources, true)
		m.Content[e.part].Text = &object.Text{Value: text, Annotations: found}
	}
	m.Status, m.Why = status, why
	if status == object.Completed {
		m.CompletedAt = now
	} else {
		m.IncompleteAt = now
	}
	step.Status, step.CompletedAt = object.Completed, now
	return m, step
}

// calls takes a piece of a call that the model writes. With the first one, its words before it are whole.
func (e *execution) calls(ctx context.Context, ev agent.CallDelta) error {
	if e.step == nil || e.message != nil && len(e.message.Content) > 0 {
		if err := e.openCalls(ctx); err != nil {
			return err
		}
	}
	c := e.writing[ev.Index]
	if c == nil {
		c = &call{}
		e.writing[ev.Index] = c
	}
	c.id += ev.ID
	c.name += ev.Name
	c.arguments.WriteString(ev.Arguments)
	d := StepDelta{StepID: e.step.ID, Index: ev.Index}
	first := c.kind == ""
	if first {
		if c.kind = e.types[c.name]; c.kind == "" {
			c.kind = object.FunctionTool
		}
		d.CallID, d.Name = c.id, c.name
	}
	switch d.Type = c.kind; c.kind {
	case object.FunctionTool:
		d.Arguments = ev.Arguments
	case object.CodeInterpreter:
		code := cite.FirstText(c.arguments.String())
		d.Input = code[min(c.shown, len(code)):]
		c.shown = max(c.shown, len(code))
	}
	if first || d.Arguments != "" || d.Input != "" {
		e.tell(Event{Name: stepDelta, StepDelta: &d})
	}
	return nil
}

// openCalls begins the step of the turn's calls.
func (e *execution) openCalls(ctx context.Context) error {
	cur, run := e.cur.clone(), e.run
	step := e.step
	fresh := step == nil
	if fresh {
		step = e.newStep(object.ToolCalls)
		step.ID, step.Created = ids.New(object.StepID), e.s.now()
	}
	cur.ToolStep = step.ID
	var message *object.Message
	var said_ *object.Step
	if e.message != nil && len(e.message.Content) > 0 {
		m, s := e.written(object.Completed, "")
		s.Usage = &object.Usage{} // the turn's belongs to the calls, which end it
		message, said_ = &m, &s
		cur.Said, cur.Message, cur.MessageStep, cur.Images = &said{e.text.String()}, "", "", nil
	}
	if err := e.tx(ctx, &run, &cur, func(tx *store.Tx) error {
		if message != nil {
			if err := e.s.threads.UpdateMessage(ctx, tx, message); err != nil {
				return err
			}
			if err := e.s.threads.UpdateStep(ctx, tx, said_); err != nil {
				return err
			}
		}
		if fresh {
			return e.s.threads.InsertStep(ctx, tx, step)
		}
		return nil
	}); err != nil {
		return err
	}
	if message != nil {
		e.tellMessage(messagePrefix+object.Completed, message)
		e.tellStep(stepPrefix+object.Completed, said_)
		e.message, e.msgStep = nil, nil
	}
	if e.step = step; fresh || len(e.writing) == 0 {
		e.tellStep(stepCreated, step)
		e.tellStep(stepPrefix+object.InProgress, step)
	}
	return nil
}

// turned writes down a whole turn. One without calls ends the run.
func (e *execution) turned(ctx context.Context, ev agent.TurnDone) error {
	if len(ev.Calls) == 0 && !ev.Skipped && e.cur.Said == nil {
		// An answer without words is a message, too: it may have images.
		if err := e.open(ctx); err != nil {
			return err
		}
	}
	cur, run := e.cur.clone(), e.run
	cur.Attempts = 0
	used := object.Usage{PromptTokens: int64(ev.Usage.PromptTokens), CompletionTokens: int64(ev.Usage.CompletionTokens)}
	cur.Usage.PromptTokens += used.PromptTokens
	cur.Usage.CompletionTokens += used.CompletionTokens
	turn := agent.Turn{Text: ev.Text, Calls: ev.Calls}
	if e.cur.Said != nil {
		turn.Text = e.cur.Said.Text
	}
	cur.Turns = append(cur.Turns, turn)
	cur.Said, cur.Started = nil, nil
	if len(ev.Calls) == 0 {
		status, why := object.Completed, ""
		if ev.Cut {
			status, why = object.Incomplete, "max_completion_tokens"
		}
		return e.finishTurn(ctx, &run, &cur, ending{status: status, why: why, usage: &used})
	}
	// A turn with words behind its calls has them in a message of their own.
	var message *object.Message
	var msgStep *object.Step
	if e.message != nil && len(e.message.Content) > 0 {
		m, t := e.written(object.Completed, "")
		t.Usage = &object.Usage{}
		message, msgStep = &m, &t
	}
	step := *e.step
	step.Usage = &used
	step.Details.Calls = make([]object.Call, len(ev.Calls))
	for i, c := range ev.Calls {
		step.Details.Calls[i] = e.callOf(c)
	}
	begun := e.msgStep // begun and not used in this turn: a server stopped
	if message != nil {
		begun = nil
	}
	if cur.Message, cur.MessageStep = "", ""; message != nil {
		cur.Images = nil
	}
	if err := e.tx(ctx, &run, &cur, func(tx *store.Tx) error {
		if begun != nil {
			if err := drop(ctx, tx, begun); err != nil {
				return err
			}
		}
		if message != nil {
			if err := e.s.threads.UpdateMessage(ctx, tx, message); err != nil {
				return err
			}
			if err := e.s.threads.UpdateStep(ctx, tx, msgStep); err != nil {
				return err
			}
		}
		return e.s.threads.UpdateStep(ctx, tx, &step)
	}); err != nil {
		return err
	}
	if message != nil {
		e.tellMessage(messagePrefix+object.Completed, message)
		e.tellStep(stepPrefix+object.Completed, msgStep)
	}
	e.message, e.msgStep, e.step = nil, nil, &step
	return nil
}

// callOf is a call of the model as its step has it, before there is a result.
func (e *execution) callOf(c agent.Call) object.Call {
	out := object.Call{ID: c.ID, Type: e.types[c.Name]}
	switch out.Type {
	case object.CodeInterpreter:
		out.Code = &object.CodeCall{Input: cite.FirstText(c.Arguments)}
	case object.FileSearch:
		out.Search = &object.SearchCall{}
	default:
		out.Type = object.FunctionTool
		out.Function = &object.FunctionCall{Name: c.Name, Arguments: c.Arguments}
	}
	return out
}

// executing writes down that a tool is about to be called.
func (e *execution) executing(ctx context.Context, c agent.Call) error {
	cur, run := e.cur.clone(), e.run
	cur.Started = append(cur.Started, c.ID)
	return e.tx(ctx, &run, &cur, func(*store.Tx) error { return nil })
}

// indexOf is a call's place in its step; -1 when it is not there.
func (e *execution) indexOf(id string) int {
	if e.step == nil {
		return -1
	}
	return slices.IndexFunc(e.step.Details.Calls, func(c object.Call) bool { return c.ID == id })
}

// progress tells what a tool gives while it works.
func (e *execution) progress(ev agent.Progress) {
	i := e.indexOf(ev.Call.ID)
	if i < 0 || e.step.Details.Calls[i].Code == nil {
		return
	}
	e.tell(Event{Name: stepDelta, StepDelta: &StepDelta{
		StepID: e.step.ID, Index: i, Type: object.CodeInterpreter,
		Output: &CodeOutput{Index: ev.Output.Index, Logs: ev.Output.Text, FileID: ev.Output.FileID},
	}})
}

// executed writes down what a tool brought.
func (e *execution) executed(ctx context.Context, ev agent.Executed) error {
	if ev.Err != nil {
		e.s.log.Info("a tool told the model of an error", "run", e.run.ID, "tool", ev.Call.Name, "error", ev.Err)
	}
	cur, run := e.cur.clone(), e.run
	last := cur.last()
	last.Results = append(last.Results, ev.Answer)
	cur.learn(ev.Result)
	cur.Attempts = 0
	step := *e.step
	step.Details.Calls = slices.Clone(step.Details.Calls)
	i := e.indexOf(ev.Call.ID)
	var found *object.SearchCall
	var told *CodeOutput
	if i >= 0 {
		c := &step.Details.Calls[i]
		switch c.Type {
		case object.CodeInterpreter:
			c.Code = &object.CodeCall{Input: c.Code.Input, Outputs: outputs(ev.Result.Outputs)}
			if ev.Err != nil {
				text := ev.Answer.Text
				told = &CodeOutput{Index: len(c.Code.Outputs), Logs: text}
				c.Code.Outputs = append(c.Code.Outputs, object.CodeOutput{Logs: &text})
			}
		case object.FileSearch:
			found = search(ev.Result)
			c.Search = found
		default:
			f := *c.Function
			f.Output = &ev.Answer.Text
			c.Function = &f
		}
	}
	done := len(last.Open()) == 0
	if done {
		ended(&step, e.s)
		cur.ToolStep, cur.Started = "", nil
	}
	if err := e.tx(ctx, &run, &cur, func(tx *store.Tx) error { return e.s.threads.UpdateStep(ctx, tx, &step) }); err != nil {
		return err
	}
	e.step = &step
	switch {
	case found != nil:
		e.tell(Event{Name: stepDelta, StepDelta: &StepDelta{StepID: step.ID, Index: i, Type: object.FileSearch, Search: found}})
	case told != nil:
		e.tell(Event{Name: stepDelta, StepDelta: &StepDelta{StepID: step.ID, Index: i, Type: object.CodeInterpreter, Output: told}})
	}
	if done {
		e.tellStep(stepPrefix+step.Status, &step)
		e.step = nil
	}
	return nil
}

// ended ends a step of calls that all have a result: completed, but failed when one of them was interrupted.
func ended(t *object.Step, s *Service) {
	if t.LastError != nil {
		t.Status, t.FailedAt = object.Failed, s.now()
		return
	}
	t.Status, t.CompletedAt = object.Completed, s.now()
}

func outputs(list []agent.Output) []object.CodeOutput {
	var out []object.CodeOutput
	for _, o := range list {
		switch {
		case o.FileID != "":
			out = append(out, object.CodeOutput{FileID: o.FileID})
		default:
			text := strings.ToValidUTF8(o.Text, "\uFFFD")
			out = append(out, object.CodeOutput{Logs: &text})
		}
	}
	return out
}

func search(r agent.Result) *object.SearchCall {
	out := &object.SearchCall{}
	if r.Search != nil {
		out.Ranker, out.Threshold = r.Search.Ranker, r.Search.ScoreThreshold
	}
	for _, h := range r.Hits {
		out.Results = append(out.Results, object.SearchHit{FileID: h.FileID, FileName: h.Filename, Score: h.Score, Text: h.Text})
	}
	return out
}

// require hands the calls over to the caller. Nobody executes the run until the outputs come.
func (e *execution) require(ctx context.Context, calls []agent.Call) error {
	cur, run := e.cur.clone(), e.run
	run.Status, run.Server, run.Expires = object.RequiresAction, "", e.s.now().Add(waitForOutputs)
	run.Required = make([]object.FunctionCall, len(calls))
	for i, c := range calls {
		run.Required[i] = object.FunctionCall{ID: c.ID, Name: c.Name, Arguments: c.Arguments}
	}
	cur.Attempts = 0
	if err := e.tx(ctx, &run, &cur, func(*store.Tx) error { return nil }); err != nil {
		return err
	}
	e.tellRun(runPrefix + object.RequiresAction)
	return nil
}
