package generate

import "github.com/parley-ai/parley/internal/engine"

// Format is the form that an answer must have.
type Format struct {
	Grammar engine.Grammar // what served models are held to
	Note    string         // what is said of it to served models, at the end of the system message; may be empty
	Remote  string         // response_format as JSON, for models that another server answers
}

// tell adds the note to a conversation: a model that knows the form fills it better than one that is only
// kept from leaving it.
func (f *Format) tell(messages []engine.Message) []engine.Message {
	if f == nil || f.Note == "" {
		return messages
	}
	out := append([]engine.Message(nil), messages...)
	if len(out) > 0 && out[0].Role == "system" {
		out[0].Content += "\n\n" + f.Note
		return out
	}
	return append([]engine.Message{{Role: "system", Content: f.Note}}, out...)
}

// apply brings the form into an engine's request.
func (f *Format) apply(r *engine.GenerateRequest, info engine.Info) {
	switch {
	case f == nil:
	case info.Input == engine.InputMessages:
		r.ResponseFormat = f.Remote
	default:
		r.Sampling.Grammar = &f.Grammar
	}
}
