package runs

import (
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/wire"
)

// StreamEvent is the data of an event: a thread, run, step or message as their requests have them, or a delta of the last two.
type StreamEvent struct {
	ID     string `json:"id"`
	Object string `json:"object" doc:"thread, thread.run, thread.run.step, thread.run.step.delta, thread.message, thread.message.delta."`
	Delta  any    `json:"delta,omitzero" doc:"Of thread.message.delta and thread.run.step.delta."`
}

// OpenAPIName implements openapi's hook.
func (StreamEvent) OpenAPIName() string { return "AssistantStreamEvent" }

type messageChange struct {
	Content []partDelta `json:"content"`
}

type partDelta struct {
	Index     int             `json:"index"`
	Type      string          `json:"type"`
	Text      *textDelta      `json:"text,omitzero"`
	ImageFile *wire.ImageFile `json:"image_file,omitzero"`
}

type textDelta struct {
	Value       string            `json:"value,omitzero"`
	Annotations []annotationDelta `json:"annotations,omitzero"`
}

type annotationDelta struct {
	Index int `json:"index"`
	wire.Annotation
}

type stepChange struct {
	StepDetails stepDetails `json:"step_details"`
}

type stepDetails struct {
	Type      string      `json:"type"`
	ToolCalls []callDelta `json:"tool_calls"`
}

type callDelta struct {
	Index           int              `json:"index"`
	ID              string           `json:"id,omitzero"`
	Type            string           `json:"type"`
	CodeInterpreter *codeDelta       `json:"code_interpreter,omitzero"`
	FileSearch      *wire.SearchCall `json:"file_search,omitzero"`
	Retrieval       *struct{}        `json:"retrieval,omitzero"`
	Function        *functionDelta   `json:"function,omitzero"`
}

type codeDelta struct {
	Input   *string        `json:"input,omitzero"`
	Outputs *[]outputDelta `json:"outputs,omitzero"`
}

type outputDelta struct {
	Index int             `json:"index"`
	Type  string          `json:"type"`
	Logs  string          `json:"logs,omitzero"`
	Image *wire.CodeImage `json:"image,omitzero"`
}

// functionDelta: the first of a call has the name and a null output, as the original's had.
type functionDelta struct {
	Name      string   `json:"name,omitzero"`
	Arguments string   `json:"arguments"`
	Output    **string `json:"output,omitzero"`
}

// payload is the data of an event in a generation's shape.
func payload(v wire.Version, ev Event) any {
	switch {
	case ev.Thread != nil:
		return v.Thread(*ev.Thread)
	case ev.Run != nil:
		return v.Run(*ev.Run)
	case ev.Step != nil:
		return v.Step(*ev.Step, false)
	case ev.Message != nil:
		return v.Message(*ev.Message)
	case ev.MessageDelta != nil:
		return StreamEvent{ev.MessageDelta.MessageID, messageDelta, messageChange{[]partDelta{ev.MessageDelta.part(v)}}}
	}
	return StreamEvent{ev.StepDelta.StepID, stepDelta, stepChange{stepDetails{object.ToolCalls, []callDelta{ev.StepDelta.call(v)}}}}
}

func (d *MessageDelta) part(v wire.Version) partDelta {
	if d.ImageFileID != "" {
		return partDelta{Index: d.Index, Type: object.ImageFilePart, ImageFile: &wire.ImageFile{FileID: d.ImageFileID}}
	}
	text := &textDelta{Value: d.Text}
	for i, a := range v.Annotations(d.Annotations) {
		text.Annotations = append(text.Annotations, annotationDelta{d.First + i, a})
	}
	return partDelta{Index: d.Index, Type: object.TextPart, Text: text}
}

func (d *StepDelta) call(v wire.Version) callDelta {
	out := callDelta{Index: d.Index, ID: d.CallID, Type: d.Type}
	first := d.CallID != ""
	switch d.Type {
	case object.CodeInterpreter:
		out.CodeInterpreter = &codeDelta{}
		if first || d.Input != "" {
			out.CodeInterpreter.Input = &d.Input
		}
		switch o := d.Output; {
		case o == nil && first:
			out.CodeInterpreter.Outputs = &[]outputDelta{}
		case o != nil && o.FileID != "":
			out.CodeInterpreter.Outputs = &[]outputDelta{{Index: o.Index, Type: "image", Image: &wire.CodeImage{FileID: o.FileID}}}
		case o != nil:
			out.CodeInterpreter.Outputs = &[]outputDelta{{Index: o.Index, Type: "logs", Logs: o.Logs}}
		}
	case object.FileSearch:
		c := v.Call(object.Call{Type: object.FileSearch, Search: d.Search}, false)
		out.Type, out.FileSearch, out.Retrieval = c.Type, c.FileSearch, c.Retrieval
	default:
		out.Function = &functionDelta{Name: d.Name, Arguments: d.Arguments}
		if first {
			out.Function.Output = new(*string)
		}
	}
	return out
}
