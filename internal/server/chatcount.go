package server

import (
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/tokenizer"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
	"github.com/parley-ai/parley/internal/toolcall"
)

// countChat lets generate count chats as the original did.
func countChat(encoding *bpe.Encoding, model string, messages []engine.Message, tools *toolcall.Request) (int, error) {
	return tokenizer.Count(encoding, model, chatOf(messages, tools))
}

// chatOf is a conversation in the form in which it is counted.
func chatOf(messages []engine.Message, tools *toolcall.Request) *tokenizer.Chat {
	chat := &tokenizer.Chat{Messages: make([]tokenizer.Message, len(messages))}
	for i, m := range messages {
		out := tokenizer.Message{Role: m.Role, Content: tokenizer.Content{Parts: []string{m.Content}}, Name: m.Name, ToolCallID: m.ToolCallID}
		for _, c := range m.ToolCalls {
			out.ToolCalls = append(out.ToolCalls, tokenizer.ToolCall{ID: c.ID, Function: tokenizer.Call{Name: c.Name, Arguments: c.Arguments}})
		}
		chat.Messages[i] = out
	}
	if tools == nil {
		return chat
	}
	for _, t := range tools.Tools {
		chat.Functions = append(chat.Functions, tokenizer.Function{Name: t.Name, Description: t.Description, Parameters: []byte(t.Parameters)})
	}
	switch tools.Choice.Mode {
	case toolcall.None:
		chat.FunctionCall = &tokenizer.Choice{Mode: "none"}
	case toolcall.Named:
		chat.FunctionCall = &tokenizer.Choice{Name: tools.Choice.Name}
	}
	return chat
}
