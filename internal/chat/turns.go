package chat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// ToolCall is a call that the model made.
type ToolCall struct {
	ID       string       `json:"id" doc:"What the result names it by." example:"call_8Abc"`
	Type     string       `json:"type" doc:"Always function." enum:"function"`
	Function FunctionCall `json:"function"`
}

// SentCall is a ToolCall that comes back. Programs that put streamed pieces together, as LangChain's agents do,
// send their index with it.
type SentCall struct {
	ToolCall
	Index jsontext.Value `json:"index,omitzero" doc:"Of the streamed pieces: taken and not used."`
}

// FunctionCall is a function that the model called.
type FunctionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments" doc:"JSON, as the model wrote it. It satisfies the function's schema, unless the answer was cut by max_tokens."`
}

// place names a member of a message as the original did where calls and results do not fit together.
func place(i int, member string) string { return fmt.Sprintf("messages.[%d].%s", i, member) }

// turns checks the messages and returns the conversation. Every result has to answer a call of the turn before, and every call has to
// be answered.
func (r *Request) turns() ([]engine.Message, error) {
	out := make([]engine.Message, len(r.Messages))
	var open []string // ids of the last turn's calls without a result
	calls := -1       // the last turn with calls; -1 when something else came after it and its results
	for i := range r.Messages {
		m := &r.Messages[i]
		turn, err := m.turn(i)
		if err != nil {
			return nil, err
		}
		if m.Role == "tool" {
			if open, err = answered(out, calls, open, &turn, i); err != nil {
				return nil, err
			}
		} else if err := unanswered(open, i); err != nil {
			return nil, err
		}
		switch {
		case m.FunctionCall != nil:
			// One call, which the next message of that function answers: as if it had an id.
			turn.ToolCalls = []engine.ToolCall{{ID: fmt.Sprintf("call_%d", i), Name: m.FunctionCall.Name, Arguments: m.FunctionCall.Arguments}}
		case m.Role == "function" && i > 0 && r.Messages[i-1].FunctionCall != nil && r.Messages[i-1].FunctionCall.Name == m.Name:
			turn.Role, turn.ToolCallID = "tool", out[i-1].ToolCalls[0].ID
		case len(m.ToolCalls) > 0:
			if r.Functions.Functions != nil {
				return nil, fault.Param(place(i, "tool_calls"), "Invalid parameter: 'tool_calls' cannot be used when 'functions' are present. Please use 'tools' instead of 'functions'.")
			}
			calls = i
			for _, c := range turn.ToolCalls {
				open = append(open, c.ID)
			}
		}
		if m.Role != "tool" && len(m.ToolCalls) == 0 {
			calls = -1
		}
		out[i] = turn
	}
	return out, unanswered(open, len(r.Messages))
}

// answered takes a result away from the calls that wait for one, and gives it the name of its function.
func answered(turns []engine.Message, calls int, open []string, result *engine.Message, i int) ([]string, error) {
	if calls < 0 {
		return nil, fault.Param(place(i, "role"), "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.")
	}
	at := slices.IndexFunc(turns[calls].ToolCalls, func(c engine.ToolCall) bool { return c.ID == result.ToolCallID })
	if at < 0 {
		return nil, fault.Param(place(i, "tool_call_id"), "Invalid parameter: 'tool_call_id' of '%.64s' not found in 'tool_calls' of previous message.", result.ToolCallID)
	}
	if result.Name == "" {
		result.Name = turns[calls].ToolCalls[at].Name
	}
	return slices.DeleteFunc(open, func(id string) bool { return id == result.ToolCallID }), nil
}

// unanswered refuses calls that message i should answer and does not.
func unanswered(open []string, i int) error {
	if len(open) == 0 {
		return nil
	}
	return fault.Param(place(i, "role"), "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s",
		strings.Join(open, ", "))
}

// calls checks what an assistant's message says of calls, and returns the engine's form of its tool_calls.
func (m *Message) calls(i int) ([]engine.ToolCall, error) {
	if m.ToolCalls == nil && m.FunctionCall == nil {
		return nil, nil
	}
	at := fmt.Sprintf("messages[%d].", i)
	switch {
	case m.Role != "assistant" && m.FunctionCall != nil:
		return nil, fault.Param(place(i, "function_call"), "Invalid parameter: only messages with role 'assistant' can have a function call.")
	case m.Role != "assistant":
		return nil, fault.Param(place(i, "tool_calls"), "Invalid parameter: only messages with role 'assistant' can have tool calls.")
	case m.FunctionCall != nil && m.ToolCalls != nil:
		return nil, fault.Param(place(i, "tool_calls"), "Invalid parameter: a message has either 'tool_calls' or 'function_call', not both.")
	case m.FunctionCall != nil:
		return nil, m.FunctionCall.check(at + "function_call")
	}
	if err := httpapi.First(httpapi.NotEmpty(at+"tool_calls", len(m.ToolCalls)), httpapi.MaxItems(at+"tool_calls", len(m.ToolCalls), maxTools)); err != nil {
		return nil, err
	}
	out := make([]engine.ToolCall, len(m.ToolCalls))
	for k := range m.ToolCalls {
		c, at := &m.ToolCalls[k], fmt.Sprintf("%stool_calls[%d]", at, k)
		if err := httpapi.First(httpapi.Required(at+".id", c.ID != ""), httpapi.Required(at+".type", c.Type != ""),
			httpapi.OneOf(at+".type", c.Type, "function"), c.Function.check(at+".function")); err != nil {
			return nil, err
		}
		out[k] = engine.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments}
	}
	return out, nil
}

func (c *FunctionCall) check(at string) error {
	return httpapi.First(httpapi.Required(at+".name", c.Name != ""), httpapi.Matches(at+".name", c.Name, nameForm))
}
