package toolcall

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/parley-ai/parley/internal/engine"
)

// linked copies a conversation and gives every call an id and every result the id and name of its call, in the way of tools where the
// client speaks of functions: templates ask for these.
func linked(messages []engine.Message) []engine.Message {
	out := make([]engine.Message, 0, len(messages))
	names := map[string]string{} // of calls, by id
	var open []engine.ToolCall   // calls of the last turn without a result
	for i, m := range messages {
		m.ToolCalls = append([]engine.ToolCall(nil), m.ToolCalls...)
		for j, c := range m.ToolCalls {
			if c.ID == "" {
				c.ID = "call_" + strconv.Itoa(i) + "_" + strconv.Itoa(j)
			}
			c.Arguments = asObject(c.Arguments)
			names[c.ID] = c.Name
			m.ToolCalls[j] = c
		}
		switch {
		case len(m.ToolCalls) > 0:
			open = append([]engine.ToolCall(nil), m.ToolCalls...)
		case m.Role == "function":
			m.Role = "tool"
			for j, c := range open {
				if c.Name == m.Name {
					m.ToolCallID = c.ID
					open = append(open[:j:j], open[j+1:]...)
					break
				}
			}
		case m.Role == "tool" && m.Name == "":
			m.Name = names[m.ToolCallID]
		}
		out = append(out, m)
	}
	return out
}

// asObject is arguments as an object: templates go through its members. An answer that was cut off leaves something else.
func asObject(arguments string) string {
	text := strings.TrimSpace(arguments)
	switch {
	case text == "":
		return "{}"
	case strings.HasPrefix(text, "{") && json.Valid([]byte(text)):
		return arguments
	}
	return `{"arguments": ` + string(plainJSON(arguments)) + "}"
}

// oneByOne makes a message of every call, each with its result behind it.
func oneByOne(messages []engine.Message) []engine.Message {
	var out []engine.Message
	for i := 0; i < len(messages); i++ {
		m := messages[i]
		if len(m.ToolCalls) < 2 {
			out = append(out, m)
			continue
		}
		end := i + 1
		for end < len(messages) && messages[end].Role == "tool" {
			end++
		}
		results := messages[i+1 : end]
		taken := make([]bool, len(results))
		for j, c := range m.ToolCalls {
			one := m
			one.ToolCalls = []engine.ToolCall{c}
			if j > 0 {
				one.Content = ""
			}
			out = append(out, one)
			for k, result := range results {
				if !taken[k] && (result.ToolCallID == c.ID || j == len(m.ToolCalls)-1) {
					taken[k] = true
					out = append(out, result)
				}
			}
		}
		i = end - 1
	}
	return out
}

// shortIDs replaces ids by nine letters and digits, the same for the same id.
func shortIDs(messages []engine.Message) {
	short := func(id string) string {
		if len(id) == 9 && strings.IndexFunc(id, func(r rune) bool { return r > 'z' || !inSlot(string(idSlot), byte(r)) || r == '_' || r == '-' }) < 0 {
			return id
		}
		sum := sha256.Sum256([]byte(id))
		return hex.EncodeToString(sum[:])[:9]
	}
	for i := range messages {
		for j := range messages[i].ToolCalls {
			messages[i].ToolCalls[j].ID = short(messages[i].ToolCalls[j].ID)
		}
		if messages[i].ToolCallID != "" {
			messages[i].ToolCallID = short(messages[i].ToolCallID)
		}
	}
}

// written is a conversation of nothing but text, for models whose template knows no functions. Results are the user's words: all
// templates have these, and many let nobody else follow the assistant.
func written(messages []engine.Message, r Request) []engine.Message {
	var out []engine.Message
	if text := instruction(r); text != "" {
		if len(messages) > 0 && (messages[0].Role == "system" || messages[0].Role == "developer") {
			m := messages[0]
			m.Content = strings.TrimSpace(m.Content + "\n\n" + text)
			out, messages = append(out, m), messages[1:]
		} else {
			out = append(out, engine.Message{Role: "system", Content: text})
		}
	}
	result := false // the last message is a result
	for i, m := range messages {
		switch {
		case m.Role == "tool":
			// A result that ended its own frame would speak as the user.
			text := "<tool_response>\n" + strings.ReplaceAll(m.Content, "</tool_response>", `<\/tool_response>`) + "\n</tool_response>"
			if result {
				out[len(out)-1].Content += "\n" + text
			} else {
				out, result = append(out, engine.Message{Role: "user", Content: text}), true
			}
			if answersInWords(messages[i+1:], r) {
				// Without it small models repeat the result.
				out[len(out)-1].Content += "\nNow answer the question in words."
			}
			continue
		case m.Role == "user" && result:
			out[len(out)-1].Content += "\n\n" + m.Content
		case len(m.ToolCalls) > 0:
			m.Content = strings.TrimSpace(m.Content + "\n" + callText(m.ToolCalls))
			m.ToolCalls = nil
			out = append(out, m)
		default:
			out = append(out, m)
		}
		result = false
	}
	return out
}

// answersInWords says whether what follows a result is, or is to be, the assistant's words.
func answersInWords(next []engine.Message, r Request) bool {
	if len(next) == 0 {
		return r.Choice.Mode == Auto || r.Choice.Mode == None
	}
	return next[0].Role == "assistant" && len(next[0].ToolCalls) == 0
}

func callText(calls []engine.ToolCall) string {
	var lines []string
	for _, c := range calls {
		lines = append(lines, "<tool_call>\n{\"name\": "+string(plainJSON(c.Name))+`, "arguments": `+c.Arguments+"}\n</tool_call>")
	}
	return strings.Join(lines, "\n")
}

// instruction tells a model of the functions.
func instruction(r Request) string {
	if r.Choice.Mode == None || len(r.Tools) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("# Functions\n\nYou can call these functions to help the user. Each is given as JSON:\n<tools>\n")
	for _, d := range definitions(r.Tools, false) {
		b.Write(d)
		b.WriteByte('\n')
	}
	b.WriteString("</tools>\n\nTo call a function, write a JSON object with its name and its arguments between <tool_call> and </tool_call>:\n" +
		"<tool_call>\n{\"name\": \"NAME OF THE FUNCTION\", \"arguments\": {\"NAME OF A PARAMETER\": VALUE}}\n</tool_call>\n" +
		"The next message then tells what the function returned. ")
	switch r.Choice.Mode {
	case Required:
		b.WriteString("Answer this time with a call.")
	case Named:
		b.WriteString("Answer this time with a call of " + r.Choice.Name + ".")
	default:
		b.WriteString("Call a function only when the answer needs it; otherwise answer in words. When a result is not enough to answer, call again.")
	}
	return b.String()
}
