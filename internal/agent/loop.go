package agent

import (
	"context"
	"iter"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/toolcall"
)

// Model makes turns; *generate.Service is one.
type Model interface {
	Run(ctx context.Context, who actor.Actor, req generate.Request, prompt generate.Prompt) iter.Seq2[generate.Event, error]
}

// Asked is what the model is asked in a turn.
type Asked struct {
	Messages  []engine.Message // the whole conversation, with the turns of this run
	MaxTokens *int             // most tokens of this turn; nil is what Request.Generate says
}

// Request is one run of the loop.
type Request struct {
	// Generate says how the model is asked. Tools is set by the loop.
	Generate generate.Request
	// Ask returns what the model is asked after these turns of the run. shorter is how often the conversation was refused in this
	// turn because it was too long for the model's window: the caller leaves out more with each. An error with nothing to leave out
	// ends the loop.
	Ask func(ctx context.Context, turns []Turn, shorter int) (Asked, error)

	Tools     []Tool
	Functions []Function
	// Choice holds for the first turn of the run; the later ones are the model's own choice, or it would never come to an end.
	Choice toolcall.Choice
	// OneCall keeps the model from several calls in one turn.
	OneCall bool
	// Turns were made before in this run. Calls of the last one without an answer are executed first.
	Turns []Turn
	// MaxTurns bounds the turns of the run, those that were made before among them. The last is asked for words.
	MaxTurns int
}

// maxShorter is how often a conversation that is too long is made shorter in one turn.
const maxShorter = 6

// Run runs the loop. An error ends it: the model's, that of Ask, or the context's end.
func Run(ctx context.Context, model Model, who actor.Actor, req Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		l := &loop{model: model, who: who, req: req, turns: slices.Clone(req.Turns), tools: map[string]Tool{}, seen: map[string]bool{}}
		for _, t := range req.Tools {
			l.tools[t.Definition().Name] = t
		}
		for _, t := range l.turns {
			for _, c := range t.Calls {
				l.seen[c.ID] = true
			}
		}
		l.run(ctx, yield)
	}
}

type loop struct {
	model Model
	who   actor.Actor
	req   Request
	turns []Turn
	tools map[string]Tool
	seen  map[string]bool // ids of calls
}

type yieldFunc = func(Event, error) bool

func (l *loop) run(ctx context.Context, yield yieldFunc) {
	for {
		if n := len(l.turns); n > 0 {
			if !l.execute(ctx, &l.turns[n-1], yield) {
				return
			}
			if open := l.turns[n-1].Open(); len(open) > 0 {
				yield(Required{open}, nil)
				return
			}
			if n >= l.req.MaxTurns {
				yield(Done{TurnsUsed}, nil)
				return
			}
		}
		done, ok := l.turn(ctx, yield)
		switch {
		case !ok:
			return
		case done.Cut:
			yield(Done{Cut}, nil)
			return
		case len(done.Calls) == 0:
			yield(Done{Answered}, nil)
			return
		}
		l.turns = append(l.turns, Turn{Text: done.Text, Calls: done.Calls})
	}
}

// turn has the model make a turn, with a shorter conversation when it was too long.
func (l *loop) turn(ctx context.Context, yield yieldFunc) (TurnDone, bool) {
	for shorter := 0; ; shorter++ {
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return TurnDone{}, false
		}
		asked, err := l.req.Ask(ctx, l.turns, shorter)
		if err != nil {
			yield(nil, err)
			return TurnDone{}, false
		}
		done, ok, err := l.ask(ctx, asked, yield)
		switch {
		case err == nil:
			return done, ok
		case shorter < maxShorter && tooLong(err):
			continue
		}
		yield(nil, err)
		return TurnDone{}, false
	}
}

func tooLong(err error) bool {
	e := fault.As(err)
	return e != nil && e.Code == "context_length_exceeded"
}

// ask is one request to the model. An error was not yielded; ok false without one means that nobody listens any more.
func (l *loop) ask(ctx context.Context, asked Asked, yield yieldFunc) (done TurnDone, ok bool, err error) {
	req := l.req.Generate
	req.Tools = l.offer()
	if asked.MaxTokens != nil {
		req.MaxTokens = asked.MaxTokens
	}
	done.Turn = len(l.turns)
	var text []byte
	for ev, err := range l.model.Run(ctx, l.who, req, generate.FromMessages(asked.Messages)) {
		if err != nil {
			return done, false, err
		}
		var out Event
		switch ev := ev.(type) {
		case generate.Admitted:
			out = TurnStarted{Turn: done.Turn, Admitted: ev}
		case generate.Delta:
			if ev.Text == "" {
				continue
			}
			text = append(text, ev.Text...)
			out = TextDelta{ev.Text}
		case generate.ToolCallDelta:
			out = l.note(&done, ev)
		case generate.Done:
			done.Usage, done.Cut = ev.Usage, ev.Reason == engine.FinishLength
			continue
		default:
			continue
		}
		if !yield(out, nil) {
			return done, false, nil
		}
	}
	done.Text = string(text)
	if done.Cut && len(done.Calls) > 0 {
		// Where a call was cut off, what stands in its arguments is not what the model meant to ask.
		done.Calls, done.Skipped = nil, true
	}
	return done, yield(done, nil), nil
}

// note adds a piece of a call to the turn. Ids are unique in a run: some servers begin anew with each turn.
func (l *loop) note(done *TurnDone, ev generate.ToolCallDelta) CallDelta {
	for len(done.Calls) <= ev.Index {
		done.Calls = append(done.Calls, Call{})
	}
	c := &done.Calls[ev.Index]
	out := CallDelta{Index: ev.Index, Name: ev.Name, Arguments: ev.Arguments}
	if c.ID == "" {
		c.ID = ev.ID
		if c.ID == "" || l.seen[c.ID] {
			c.ID = ids.New("call_")
		}
		l.seen[c.ID] = true
		out.ID = c.ID
	}
	c.Name += ev.Name
	c.Arguments += ev.Arguments
	return out
}

// offer is what the model may call in the next turn.
func (l *loop) offer() *toolcall.Request {
	r := &toolcall.Request{Choice: l.req.Choice, Parallel: !l.req.OneCall}
	for _, t := range l.req.Tools {
		r.Tools = append(r.Tools, t.Definition())
	}
	r.Tools = append(r.Tools, l.req.Functions...)
	if len(r.Tools) == 0 {
		return nil
	}
	if len(l.turns) > 0 && r.Choice.Mode != toolcall.None {
		r.Choice = toolcall.Choice{Mode: toolcall.Auto}
	}
	if len(l.turns) > 0 && len(l.turns) >= l.req.MaxTurns-1 {
		r.Choice = toolcall.Choice{Mode: toolcall.None}
	}
	if r.Choice.Mode == toolcall.Named {
		r.Parallel = false
	}
	return r
}
