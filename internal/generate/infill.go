package generate

import (
	"slices"

	"github.com/parley-ai/parley/internal/engine"
)

// Before returns the prompt with a text that follows the answer: the model writes what stands between
// the two. It is for texts and token ids; an empty text is none.
func (p Prompt) Before(suffix string) Prompt {
	p.suffix = suffix
	return p
}

// infillMarks are the control tokens by which a model was trained to fill a gap.
type infillMarks struct{ prefix, suffix, middle string }

// knownMarks are those of models that can be had: Qwen and CodeGemma, StarCoder and Granite, DeepSeek.
var knownMarks = []infillMarks{
	{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
	{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
	{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
}

// marksOf returns the marks that a vocabulary has.
func marksOf(info engine.Info) (infillMarks, bool) {
	for _, m := range knownMarks {
		if slices.Contains(info.Special, m.prefix) && slices.Contains(info.Special, m.suffix) && slices.Contains(info.Special, m.middle) {
			return m, true
		}
	}
	return infillMarks{}, false
}

// infill is the prompt for what stands between two texts: in the form that the model was trained on,
// where its vocabulary has the marks for that, else a conversation that asks for the missing part.
func infill(info engine.Info, text, suffix string) Prompt {
	if m, ok := marksOf(info); ok {
		return FromText(m.prefix + text + m.suffix + suffix + m.middle)
	}
	// The example shows small models that nothing but the missing part is wanted.
	return FromMessages([]engine.Message{
		{Role: "system", Content: "Something is missing in the middle of a text. You are given the part before the gap and the part after it. " +
			"Write only what stands in the gap, so that the three read as one text. Repeat neither part and explain nothing."},
		{Role: "user", Content: gap("The cat sat", " and fell asleep.")},
		{Role: "assistant", Content: " on the warm mat"},
		{Role: "user", Content: gap(text, suffix)},
	})
}

func gap(before, after string) string {
	return "Before the gap:\n" + before + "\n\nAfter the gap:\n" + after
}
