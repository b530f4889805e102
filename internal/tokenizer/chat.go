package tokenizer

import (
	"fmt"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
	"github.com/parley-ai/parley/internal/toolcall"
)

// form is what a chat costs beside its texts.
type form struct {
	message int // around each message
	name    int // beside a name
}

// perAnswer is what the beginning of the answer costs.
const perAnswer = 3

// formOf returns the form of a name's chats by OpenAI's cookbook ("How to count tokens with tiktoken"): the
// first snapshot had one of its own, in which a name stood in the place of the role.
func formOf(model string) form {
	if model == firstSnapshot {
		return form{message: 4, name: -1}
	}
	return form{message: 3, name: 1}
}

const firstSnapshot = "gpt-3.5-turbo-0301"

// What functions and calls cost beside their texts, as hmarr's openai-chat-tokens found by comparing with
// counts of the API (see definitions). Of role tool and of several calls at once only one chat was found
// that the API counted, with one, two and three calls (community.openai.com/t/538914: 40, 89 and 114 tokens):
// the last three are fitted to it.
const (
	perFunctions    = 9  // with functions
	inSystem        = -4 // where there is a system message that takes them
	perChosen       = 4  // naming the function to call, beside its name
	perNone         = 1  // forbidding calls
	perCall         = 3  // beside a call's name and arguments
	perResult       = -2 // of a function's message
	perToolResult   = -1 // of a tool's message, which shows the name of the function
	perParallel     = 19 // of a message with several calls
	perParallelCall = 5  // more for each of several
)

// countChat counts the tokens of a chat: in all, of each content, and the rest. Messages are counted as
// OpenAI published; functions, tools and calls as others found out, which gives the very counts of the API
// that are in this package's tests. Beyond them it is an estimate: how the original showed defaults,
// bounds and references is not known, nor several calls with results that are not ASCII, which it is
// said to have escaped.
func countChat(e *bpe.Encoding, model string, chat *Chat) (total int, contents []int, overhead *int, err error) {
	total = perAnswer
	functions := chat.functions()
	if functions != nil {
		if model == firstSnapshot {
			return 0, nil, nil, fault.Param("model", "%s took no functions.", firstSnapshot)
		}
		text, err := definitions(functions, chat.functionsField())
		if err != nil {
			return 0, nil, nil, err
		}
		total += e.Count(text) + perFunctions
		if at := chat.system(); at >= 0 {
			// The definitions follow the first system message's text on a line of their own.
			text := chat.Messages[at].Content.Text()
			total += inSystem + e.Count(text+"\n") - e.Count(text)
		}
		switch choice := chat.choice(); {
		case choice.Name != "":
			total += e.Count(choice.Name) + perChosen
		case choice.Mode == "none":
			total += perNone
		}
	}
	sum := 0
	called := map[string]string{} // names by the ids of calls
	for i := range chat.Messages {
		m := &chat.Messages[i]
		content := 0
		for _, part := range m.Content.Parts {
			content += e.Count(part)
		}
		contents = append(contents, content)
		sum += content
		total += content + messageCost(e, formOf(model), m, called)
	}
	overhead = new(int)
	*overhead = total - sum
	return total, contents, overhead, nil
}

// Count returns how many tokens a chat with a model was to the original.
func Count(e *bpe.Encoding, model string, chat *Chat) (int, error) {
	total, _, _, err := countChat(e, model, chat)
	return total, err
}

// messageCost counts a message without its content. called has the names of the calls so far.
func messageCost(e *bpe.Encoding, f form, m *Message, called map[string]string) int {
	cost := f.message + e.Count(m.Role)
	name := m.Name
	switch m.Role {
	case "function":
		cost += perResult
	case "tool":
		if name == "" {
			name = called[m.ToolCallID]
		}
		cost += perToolResult
	}
	if name != "" {
		cost += f.name + e.Count(name)
	}
	if m.FunctionCall != nil {
		cost += perCall + e.Count(m.FunctionCall.Name) + e.Count(m.FunctionCall.Arguments)
	}
	for _, c := range m.ToolCalls {
		called[c.ID] = c.Function.Name
		cost += perCall + e.Count(c.Function.Name) + e.Count(c.Function.Arguments)
		if len(m.ToolCalls) > 1 {
			cost += perParallelCall
		}
	}
	if len(m.ToolCalls) > 1 {
		cost += perParallel
	}
	return cost
}

// system is the place of the first system message; -1 without one.
func (c *Chat) system() int {
	for i := range c.Messages {
		if c.Messages[i].Role == "system" {
			return i
		}
	}
	return -1
}

func (c *Chat) functionsField() string {
	if c.Tools != nil {
		return "tools"
	}
	return "functions"
}

// turns is the chat as a served model's template takes it, as POST /v1/chat/completions does: the call of
// 2023 and its result get an id, and results the names of their functions.
func (c *Chat) turns() ([]engine.Message, *toolcall.Request) {
	out := make([]engine.Message, len(c.Messages))
	called := map[string]string{} // names by the ids of calls
	for i := range c.Messages {
		m := &c.Messages[i]
		turn := engine.Message{Role: m.Role, Content: m.Content.Text(), Name: m.Name, ToolCallID: m.ToolCallID}
		for _, call := range m.ToolCalls {
			called[call.ID] = call.Function.Name
			turn.ToolCalls = append(turn.ToolCalls, engine.ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments})
		}
		switch {
		case m.Role == "developer":
			turn.Role = "system"
		case m.Role == "tool" && m.Name == "":
			turn.Name = called[m.ToolCallID]
		case m.FunctionCall != nil:
			turn.ToolCalls = []engine.ToolCall{{ID: fmt.Sprintf("call_%d", i), Name: m.FunctionCall.Name, Arguments: m.FunctionCall.Arguments}}
		case m.Role == "function" && i > 0 && c.Messages[i-1].FunctionCall != nil && c.Messages[i-1].FunctionCall.Name == m.Name:
			turn.Role, turn.ToolCallID = "tool", out[i-1].ToolCalls[0].ID
		}
		out[i] = turn
	}
	functions := c.functions()
	if functions == nil {
		return out, nil
	}
	choice := c.choice()
	r := &toolcall.Request{Parallel: c.Tools != nil && choice.Name == ""}
	for _, f := range functions {
		r.Tools = append(r.Tools, toolcall.Tool{Name: f.Name, Description: f.Description, Parameters: f.Parameters, Strict: f.Strict != nil && *f.Strict})
	}
	switch {
	case choice.Name != "":
		r.Choice = toolcall.Choice{Mode: toolcall.Named, Name: choice.Name}
	case choice.Mode == "none":
		r.Choice.Mode = toolcall.None
	case choice.Mode == "required":
		r.Choice.Mode = toolcall.Required
	}
	return out, r
}
