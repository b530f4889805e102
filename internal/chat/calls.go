package chat

import (
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/toolcall"
)

// ToolCallChunk is a piece of a call: the first of an index has all but the arguments, the others only those.
type ToolCallChunk struct {
	Index    int               `json:"index" doc:"Of the call among those of the answer, from 0."`
	ID       string            `json:"id,omitzero"`
	Type     string            `json:"type,omitzero" enum:"function"`
	Function FunctionCallChunk `json:"function"`
}

// FunctionCallChunk is a piece of a call of a function.
type FunctionCallChunk struct {
	Name      string `json:"name,omitzero"`
	Arguments string `json:"arguments" doc:"The next piece of the JSON text."`
}

// calling says that the answer may have calls.
func (r *Request) calling() bool {
	return r.Tools != nil && (r.ToolChoice == nil || r.ToolChoice.Mode != toolcall.None) ||
		r.Functions.Functions != nil && (r.FunctionCall == nil || r.FunctionCall.Mode != toolcall.None)
}

// finished is finish_reason. A call that was asked for by its name ends with "stop", in both ways; only calls of the model's own choice,
// and those that were required, are a reason. What OpenAI's server answers to each is in https://github.com/vllm-project/vllm/pull/25054,
// and for functions in its guide of 2023 ("finish_reason will be stop" with a named function).
func (r *Request) finished(of engine.FinishReason) string {
	switch {
	case of != engine.FinishToolCalls:
		return string(of)
	case r.ToolChoice != nil && r.ToolChoice.Mode == toolcall.Named, r.FunctionCall != nil && r.FunctionCall.Mode == toolcall.Named:
		return string(engine.FinishStop)
	case r.Functions.Functions != nil:
		return "function_call"
	}
	return string(engine.FinishToolCalls)
}

// add takes a piece of a call into a whole answer.
func (a *Answer) add(c generate.ToolCallDelta, functions bool) {
	switch {
	case functions && c.Index > 0: // another server's: in the way of 2023 there is one
	case functions && a.FunctionCall == nil:
		a.FunctionCall = &FunctionCall{Name: c.Name, Arguments: c.Arguments}
	case functions:
		a.FunctionCall.Arguments += c.Arguments
	case c.Index >= len(a.ToolCalls):
		a.ToolCalls = append(a.ToolCalls, ToolCall{ID: c.ID, Type: "function", Function: FunctionCall{Name: c.Name, Arguments: c.Arguments}})
	default:
		a.ToolCalls[c.Index].Function.Arguments += c.Arguments
	}
}

// piece is a piece of a call as a streamed delta; false when it is not told.
func piece(c generate.ToolCallDelta, functions bool) (Delta, bool) {
	f := FunctionCallChunk{Name: c.Name, Arguments: c.Arguments}
	if functions {
		return Delta{FunctionCall: &f}, c.Index == 0 // another server may make more: in the way of 2023 there is one
	}
	chunk := ToolCallChunk{Index: c.Index, ID: c.ID, Function: f}
	if c.ID != "" {
		chunk.Type = "function"
	}
	return Delta{ToolCalls: []ToolCallChunk{chunk}}, true
}

// opening is the delta before a choice's first one, where the model may call: whether there are words is known only then. The call of a
// function of 2023 has the role beside it.
func opening(first *Delta) (Delta, bool) {
	switch {
	case first.FunctionCall != nil:
		first.Role, first.Content = "assistant", new(*string)
		return Delta{}, false
	case first.ToolCalls != nil:
		return Delta{Role: "assistant", Content: new(*string)}, true
	}
	return Delta{Role: "assistant", Content: words("")}, true
}

// words are content that is not null.
func words(text string) **string {
	w := &struct {
		text string
		at   *string
	}{text: text}
	w.at = &w.text
	return &w.at
}
