package chats

import (
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// dropStep is how many messages are left out at once when a conversation outgrows the window. It is
// more than one turn on purpose: the beginning then stays the same for some turns, and with it the
// engine's prefix cache, which would otherwise compute the whole conversation anew at every turn.
const dropStep = 8

// answerRoom is how many tokens an answer must have at least, a quarter of small windows apart.
const answerRoom = 512

// history turns the path to a question into what the model gets. Answers that failed before their
// first word are left out; one that was stopped or failed later is what the user saw, and stays.
func history(path []Message) []engine.Message {
	out := make([]engine.Message, 0, len(path))
	for i := range path {
		text := path[i].Text()
		if path[i].Role == "assistant" && text == "" {
			// Its question goes too: two questions in a row are what many templates refuse.
			if n := len(out); n > 0 && out[n-1].Role == "user" {
				out = out[:n-1]
			}
			continue
		}
		out = append(out, engine.Message{Role: path[i].Role, Content: text})
	}
	return out
}

// shortened leaves out the oldest messages, a step more than the last time, such that the rest begins
// with a question. It returns nil when only the last question is left already.
func shortened(messages []engine.Message, dropped int) []engine.Message {
	if len(messages)-dropped <= 1 {
		return nil
	}
	dropped = min(dropped+dropStep, len(messages)-1)
	for dropped < len(messages)-1 && messages[dropped].Role != "user" {
		dropped++
	}
	return messages[dropped:]
}

// manner is how a model is asked: as the page asks any, unless the catalog knows better for this one.
func manner(p *catalog.Page) (sampling engine.Sampling, system string, maxTokens int) {
	// A little below 1: the page is for reading, and small models wander at 1.
	sampling = engine.Sampling{Temperature: 0.7, TopP: 0.95}
	if p == nil {
		return sampling, "", 0
	}
	if p.Temperature != nil {
		sampling.Temperature = *p.Temperature
	}
	if p.TopP != nil {
		sampling.TopP = *p.TopP
	}
	sampling.PresencePenalty, sampling.FrequencyPenalty = p.PresencePenalty, p.FrequencyPenalty
	return sampling, p.System, p.MaxTokens
}
