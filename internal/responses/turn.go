package responses

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/agent/cite"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/toolcall"
)

// words are those of the turn under way.
type words struct {
	item   int    // of the output; -1 is not begun
	raw    string // as the model wrote them
	looked int    // bytes of raw that were looked through for sources
	shown  strings.Builder
	chars  int // of shown
}

// say adds to the words. Markers of passages are taken out and told as annotations, as the original does; paths of files stay.
func (e *execution) say(text string, whole bool) error {
	w := &e.words
	w.raw += text
	from := w.looked
	found, upto := cite.Find(w.raw, from, e.p.r.cursor.Sources, whole)
	w.looked = upto
	for _, f := range found {
		if err := e.piece(w.raw[from:f.At]); err != nil {
			return err
		}
		from = f.At + len(f.Text)
		a := Annotation{Type: "file_citation", FileID: f.File, Filename: f.Name}
		if f.Path {
			start := w.chars
			if err := e.piece(f.Text); err != nil {
				return err
			}
			a.Type, a.ContainerID, a.StartIndex, a.EndIndex = "container_file_citation", e.p.r.container, at(start), at(w.chars)
		} else {
			a.Index = at(w.chars)
		}
		if err := e.annotate(a); err != nil {
			return err
		}
	}
	return e.piece(w.raw[from:upto])
}

// message begins the message, if it has not begun.
func (e *execution) message() error {
	w := &e.words
	if w.item >= 0 {
		return nil
	}
	var err error
	if w.item, err = e.add(Item{Type: MessageItem, ID: ids.New("msg_"), Status: InProgress, Role: "assistant", Content: Content{}}); err != nil {
		return err
	}
	t := &e.p.r.Output[w.item]
	part := Part{Type: "output_text", Text: new(string)}
	part.output()
	t.Content = Content{part}
	told := part
	told.Annotations = &[]Annotation{}
	return e.event(Event{Type: "response.content_part.added", ItemID: t.ID, OutputIndex: at(w.item), ContentIndex: at(0), Part: &told})
}

// piece shows new words.
func (e *execution) piece(text string) error {
	if text == "" {
		return nil
	}
	if err := e.message(); err != nil {
		return err
	}
	w := &e.words
	w.shown.WriteString(text)
	w.chars += utf8.RuneCountInString(text)
	return e.event(Event{
		Type: "response.output_text.delta", ItemID: e.p.r.Output[w.item].ID, OutputIndex: at(w.item), ContentIndex: at(0), Delta: &text, Logprobs: &[]struct{}{},
	})
}

func (e *execution) annotate(a Annotation) error {
	if err := e.message(); err != nil {
		return err
	}
	w := &e.words
	t := &e.p.r.Output[w.item]
	list := append(slices.Clone(*t.Content[0].Annotations), a)
	t.Content = slices.Clone(t.Content)
	t.Content[0].Annotations = &list
	return e.event(Event{
		Type: "response.output_text.annotation.added", ItemID: t.ID, OutputIndex: at(w.item), ContentIndex: at(0), AnnotationAt: at(len(list) - 1), Annotation: &a,
	})
}

// endMessage ends the words of the turn.
func (e *execution) endMessage(cut bool) error {
	if err := e.say("", true); err != nil {
		return err
	}
	w := &e.words
	if w.item < 0 {
		return nil
	}
	t := &e.p.r.Output[w.item]
	text := w.shown.String()
	t.Content = slices.Clone(t.Content)
	t.Content[0].Text = &text
	if t.Status = Completed; cut {
		t.Status = Incomplete
	}
	part := t.Content[0]
	err := e.events(
		Event{Type: "response.output_text.done", ItemID: t.ID, OutputIndex: at(w.item), ContentIndex: at(0), Text: &text, Logprobs: &[]struct{}{}},
		Event{Type: "response.content_part.done", ItemID: t.ID, OutputIndex: at(w.item), ContentIndex: at(0), Part: &part},
	)
	if err != nil {
		return err
	}
	return e.close(w.item)
}

// itemOf begins the item of a call.
func (e *execution) itemOf(id, name string) (int, error) {
	var t Item
	empty := ""
	switch e.p.types[name] {
	case FunctionTool:
		t = Item{Type: FunctionCall, ID: ids.New("fc_"), Status: InProgress, CallID: id, Name: name, Arguments: &empty}
	case CodeInterpreter:
		t = Item{Type: CodeCall, ID: ids.New("ci_"), Status: InProgress, ContainerID: e.p.r.container, Code: &empty}
	default:
		t = Item{Type: SearchCall, ID: ids.New("fs_"), Status: InProgress, Queries: []string{}}
	}
	i, err := e.add(t)
	e.items[id] = i
	if err == nil && t.Type != FunctionCall {
		err = e.event(Event{Type: "response." + t.Type + ".in_progress", ItemID: t.ID, OutputIndex: at(i)})
	}
	return i, err
}

// write shows a piece of a call. Calls of tools that nobody offers have no item.
func (e *execution) write(ev agent.CallDelta) error {
	w := e.writing[ev.Index]
	if w == nil {
		w = &writing{kind: e.p.types[ev.Name]}
		e.writing[ev.Index] = w
		if w.kind == "" {
			return nil
		}
		var err error
		if w.item, err = e.itemOf(ev.ID, ev.Name); err != nil {
			return err
		}
	}
	w.arguments += ev.Arguments
	id := ""
	if w.kind != "" {
		id = e.p.r.Output[w.item].ID
	}
	switch {
	case w.kind == FunctionTool && ev.Arguments != "":
		return e.event(Event{Type: "response.function_call_arguments.delta", ItemID: id, OutputIndex: at(w.item), Delta: &ev.Arguments})
	case w.kind == CodeInterpreter:
		code := cite.FirstText(w.arguments)
		if len(code) <= w.code {
			return nil
		}
		piece := code[w.code:]
		w.code = len(code)
		return e.event(Event{Type: "response.code_interpreter_call_code.delta", ItemID: id, OutputIndex: at(w.item), Delta: &piece})
	}
	return nil
}

func (e *execution) turnDone(ctx context.Context, ev agent.TurnDone) error {
	e.usage.count(ev.Usage)
	if err := e.endMessage(ev.Cut && !ev.Skipped); err != nil {
		return err
	}
	for _, c := range ev.Calls {
		if err := e.written(c); err != nil {
			return err
		}
	}
	for _, w := range e.writing { // cut off
		if ev.Skipped && w.kind != "" {
			e.p.r.Output[w.item].Status = Incomplete
			if w.kind == FunctionTool {
				e.p.r.Output[w.item].Arguments = &w.arguments
			}
			if err := e.close(w.item); err != nil {
				return err
			}
		}
	}
	if len(ev.Calls) == 0 && e.words.item < 0 && len(e.writing) == 0 {
		if err := e.message(); err != nil { // an answer is a message, if an empty one
			return err
		}
		if err := e.endMessage(false); err != nil {
			return err
		}
	}
	if len(ev.Calls) > 0 {
		e.p.r.cursor.Turns = append(e.p.r.cursor.Turns, agent.Turn{Text: ev.Text, Calls: ev.Calls})
		e.p.r.cursor.Started = nil
	}
	return e.commit(ctx)
}

// written ends the writing of a call, which is whole. A function's item ends with it.
func (e *execution) written(c agent.Call) error {
	i, ok := e.items[c.ID]
	if !ok {
		return nil
	}
	t := &e.p.r.Output[i]
	switch t.Type {
	case FunctionCall:
		t.Arguments, t.Status = &c.Arguments, Completed
		if err := e.event(Event{Type: "response.function_call_arguments.done", ItemID: t.ID, OutputIndex: at(i), Name: c.Name, Arguments: &c.Arguments}); err != nil {
			return err
		}
		return e.close(i)
	case CodeCall:
		code := codeOf(c)
		t.Code = &code
		return e.event(Event{Type: "response.code_interpreter_call_code.done", ItemID: t.ID, OutputIndex: at(i), Code: &code})
	}
	return nil
}

// codeOf is the program of a call.
func codeOf(c agent.Call) string { return cite.FirstText(c.Arguments) }

func (e *execution) executing(ctx context.Context, c agent.Call) error {
	if e.p.types[c.Name] == "" {
		return nil
	}
	i, ok := e.items[c.ID]
	if !ok { // of an execution that was cut off
		var err error
		if i, err = e.itemOf(c.ID, c.Name); err != nil {
			return err
		}
		if err = e.written(c); err != nil {
			return err
		}
	}
	t := &e.p.r.Output[i]
	verb := "searching"
	if t.Type == CodeCall {
		verb = "interpreting"
	}
	t.Status = verb
	e.p.r.cursor.Started = append(e.p.r.cursor.Started, c.ID)
	if err := e.commit(ctx); err != nil {
		return err
	}
	return e.event(Event{Type: "response." + t.Type + "." + verb, ItemID: t.ID, OutputIndex: at(i)})
}

func (e *execution) executed(ctx context.Context, ev agent.Executed) error {
	cur := &e.p.r.cursor
	last := &cur.Turns[len(cur.Turns)-1]
	last.Results = append(last.Results, ev.Answer)
	cur.Sources = cite.Learn(cur.Sources, ev.Result)
	i, ok := e.items[ev.Call.ID]
	if !ok {
		return e.commit(ctx)
	}
	t := &e.p.r.Output[i]
	if t.Status = Completed; ev.Err != nil {
		t.Status = Failed
	}
	if err := t.fill(ev); err != nil {
		return err
	}
	evs := []Event{}
	if t.Status == Completed {
		evs = append(evs, Event{Type: "response." + t.Type + ".completed", ItemID: t.ID, OutputIndex: at(i)})
	}
	if err := e.events(evs...); err != nil {
		return err
	}
	if err := e.close(i); err != nil {
		return err
	}
	return e.commit(ctx)
}

// fill adds what a tool brought to its item.
func (t *Item) fill(ev agent.Executed) (err error) {
	if t.Type == SearchCall {
		if ev.Result.Search != nil {
			t.Queries = ev.Result.Search.Queries
		}
		hits := []SearchResult{}
		for _, h := range ev.Result.Hits {
			r := SearchResult{FileID: h.FileID, Filename: h.Filename, Score: h.Score, Text: h.Text, Attributes: h.Metadata}
			if r.Attributes == nil {
				r.Attributes = map[string]string{}
			}
			hits = append(hits, r)
		}
		t.Results, err = marshal(hits)
		return err
	}
	outputs := []CodeOutput{}
	for _, o := range ev.Result.Outputs {
		if o.FileID != "" {
			outputs = append(outputs, CodeOutput{Type: "image", URL: "/v1/files/" + o.FileID + "/content"})
		} else {
			outputs = append(outputs, CodeOutput{Type: "logs", Logs: o.Text})
		}
	}
	if ev.Err != nil && len(outputs) == 0 {
		outputs = append(outputs, CodeOutput{Type: "logs", Logs: ev.Answer.Text})
	}
	t.Outputs, err = marshal(outputs)
	return err
}

func marshal(v any) (jsontext.Value, error) { return json.Marshal(v) }

// agentTools are what a request offers, as models are told it.
func agentTools(req agent.Request) *toolcall.Request {
	out := &toolcall.Request{Choice: req.Choice, Parallel: !req.OneCall, Tools: slices.Clone(req.Functions)}
	for _, t := range req.Tools {
		out.Tools = append(out.Tools, t.Definition())
	}
	if len(out.Tools) == 0 {
		return nil
	}
	return out
}
