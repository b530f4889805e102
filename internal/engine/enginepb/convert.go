package enginepb

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// FromRequest brings a request onto the wire.
func FromRequest(r engine.GenerateRequest) *GenerateRequest {
	s := r.Sampling
	out := &GenerateRequest{
		Id: r.ID, Tokens: r.Tokens, Text: r.Text, MaxTokens: int64(r.MaxTokens), Stop: r.Stop,
		Sampling: &Sampling{
			Temperature: s.Temperature, TopP: s.TopP, TopK: int64(s.TopK), MinP: s.MinP, Seed: s.Seed,
			PresencePenalty: s.PresencePenalty, FrequencyPenalty: s.FrequencyPenalty, EndBias: s.EndBias,
		},
		Logprobs: r.Logprobs, TopLogprobs: int64(r.TopLogprobs), PromptLogprobs: r.PromptLogprobs,
		IgnoreEos: r.IgnoreEOS, Whole: r.Whole, Adapter: r.Adapter, Images: r.Images, User: r.User,
		ResponseFormat: r.ResponseFormat, Tools: r.Tools, ToolChoice: r.ToolChoice, SingleCall: r.SingleCall, ShowSpecial: r.ShowSpecial,
	}
	for _, m := range r.Messages {
		message := &Message{Role: m.Role, Content: m.Content, Name: m.Name, ToolCallId: m.ToolCallID}
		for _, c := range m.ToolCalls {
			message.ToolCalls = append(message.ToolCalls, &ToolCall{Id: c.ID, Name: c.Name, Arguments: c.Arguments})
		}
		out.Messages = append(out.Messages, message)
	}
	for _, b := range s.Bias {
		out.Sampling.Bias = append(out.Sampling.Bias, &TokenBias{Token: b.Token, Bias: b.Bias})
	}
	for _, b := range s.BiasTexts {
		out.Sampling.BiasTexts = append(out.Sampling.BiasTexts, &BiasText{Text: []byte(b.Text), Bias: b.Bias})
	}
	if g := s.Grammar; g != nil {
		out.Sampling.Grammar = &Grammar{Gbnf: g.GBNF, Root: g.Root, Triggers: g.Triggers}
	}
	return out
}

// Engine is the inverse of FromRequest.
func (r *GenerateRequest) Engine() engine.GenerateRequest {
	s := r.GetSampling()
	out := engine.GenerateRequest{
		ID: r.Id, Tokens: r.Tokens, Text: r.Text, MaxTokens: int(r.MaxTokens), Stop: r.Stop,
		Sampling: engine.Sampling{
			Temperature: s.GetTemperature(), TopP: s.GetTopP(), TopK: int(s.GetTopK()), MinP: s.GetMinP(), Seed: s.GetSeed(),
			PresencePenalty: s.GetPresencePenalty(), FrequencyPenalty: s.GetFrequencyPenalty(), EndBias: s.GetEndBias(),
		},
		Logprobs: r.Logprobs, TopLogprobs: int(r.TopLogprobs), PromptLogprobs: r.PromptLogprobs,
		IgnoreEOS: r.IgnoreEos, Whole: r.Whole, Adapter: r.Adapter, Images: r.Images, User: r.User,
		ResponseFormat: r.ResponseFormat, Tools: r.Tools, ToolChoice: r.ToolChoice, SingleCall: r.SingleCall, ShowSpecial: r.ShowSpecial,
	}
	for _, m := range r.Messages {
		message := engine.Message{Role: m.Role, Content: m.Content, Name: m.Name, ToolCallID: m.ToolCallId}
		for _, c := range m.ToolCalls {
			message.ToolCalls = append(message.ToolCalls, engine.ToolCall{ID: c.Id, Name: c.Name, Arguments: c.Arguments})
		}
		out.Messages = append(out.Messages, message)
	}
	for _, b := range s.GetBias() {
		out.Sampling.Bias = append(out.Sampling.Bias, engine.TokenBias{Token: b.Token, Bias: b.Bias})
	}
	for _, b := range s.GetBiasTexts() {
		out.Sampling.BiasTexts = append(out.Sampling.BiasTexts, engine.BiasText{Text: string(b.Text), Bias: b.Bias})
	}
	if g := s.GetGrammar(); g != nil {
		out.Sampling.Grammar = &engine.Grammar{GBNF: g.Gbnf, Root: g.Root, Triggers: g.Triggers}
	}
	return out
}

// FromEvent brings an event, or the error that ends a sequence, onto the wire.
func FromEvent(sequence uint64, e engine.Event, err error) *Event {
	out := &Event{Sequence: sequence}
	if err != nil {
		out.Event = &Event_Error{FromError(err)}
		return out
	}
	switch e := e.(type) {
	case engine.Started:
		out.Event = &Event_Started{&Started{PromptTokens: int64(e.PromptTokens), CachedTokens: int64(e.CachedTokens)}}
	case engine.PromptScored:
		out.Event = &Event_PromptScored{&PromptScored{Tokens: fromLogprobs(e.Tokens)}}
	case engine.Delta:
		delta := &Delta{Text: e.Text, Tokens: fromLogprobs(e.Tokens)}
		for _, c := range e.Calls {
			delta.Calls = append(delta.Calls, &ToolCallDelta{Index: int64(c.Index), Id: c.ID, Name: c.Name, Arguments: c.Arguments})
		}
		out.Event = &Event_Delta{delta}
	case engine.Done:
		done := &Done{
			Reason: string(e.Reason), PromptTokens: int64(e.PromptTokens), CachedTokens: int64(e.CachedTokens), CompletionTokens: int64(e.CompletionTokens),
		}
		if e.End != nil {
			done.End = fromLogprobs([]engine.TokenLogprob{*e.End})[0]
		}
		out.Event = &Event_Done{done}
	}
	return out
}

// Engine is the inverse of FromEvent.
func (e *Event) Engine() (engine.Event, error) {
	switch x := e.Event.(type) {
	case *Event_Started:
		return engine.Started{PromptTokens: int(x.Started.PromptTokens), CachedTokens: int(x.Started.CachedTokens)}, nil
	case *Event_PromptScored:
		return engine.PromptScored{Tokens: toLogprobs(x.PromptScored.Tokens)}, nil
	case *Event_Delta:
		delta := engine.Delta{Text: x.Delta.Text, Tokens: toLogprobs(x.Delta.Tokens)}
		for _, c := range x.Delta.Calls {
			delta.Calls = append(delta.Calls, engine.ToolCallDelta{Index: int(c.Index), ID: c.Id, Name: c.Name, Arguments: c.Arguments})
		}
		return delta, nil
	case *Event_Done:
		done := engine.Done{
			Reason: engine.FinishReason(x.Done.Reason), PromptTokens: int(x.Done.PromptTokens),
			CachedTokens: int(x.Done.CachedTokens), CompletionTokens: int(x.Done.CompletionTokens),
		}
		if x.Done.End != nil {
			done.End = &toLogprobs([]*TokenLogprob{x.Done.End})[0]
		}
		return done, nil
	case *Event_Error:
		return nil, x.Error.Fault()
	}
	return nil, errors.New("enginepb: an event of unknown kind")
}

func fromLogprobs(tokens []engine.TokenLogprob) []*TokenLogprob {
	if len(tokens) == 0 {
		return nil
	}
	// One allocation for all of them: this runs for every token of every stream.
	values := make([]TokenLogprob, len(tokens))
	out := make([]*TokenLogprob, len(tokens))
	for i := range tokens {
		t, v := &tokens[i], &values[i]
		v.Token, v.Bytes, v.Logprob = t.Token, t.Bytes, t.Logprob
		for _, a := range t.Top {
			v.Top = append(v.Top, &TokenLogprob{Token: a.Token, Bytes: a.Bytes, Logprob: a.Logprob})
		}
		out[i] = v
	}
	return out
}

func toLogprobs(tokens []*TokenLogprob) []engine.TokenLogprob {
	if len(tokens) == 0 {
		return nil
	}
	out := make([]engine.TokenLogprob, len(tokens))
	for i, t := range tokens {
		out[i] = engine.TokenLogprob{Token: t.Token, Bytes: t.Bytes, Logprob: t.Logprob}
		for _, a := range t.Top {
			out[i].Top = append(out[i].Top, engine.TopLogprob{Token: a.Token, Bytes: a.Bytes, Logprob: a.Logprob})
		}
	}
	return out
}

// FromError brings an error onto the wire.
func FromError(err error) *Error {
	f := fault.As(err)
	if f == nil {
		return &Error{Message: err.Error()}
	}
	out := &Error{Kind: int32(f.Kind), Code: f.Code, Param: f.Param, Message: f.Message}
	if f.Err != nil {
		out.Cause = f.Err.Error()
	}
	return out
}

// Fault is the inverse of FromError: a *fault.Error, or a plain error for what was none.
func (e *Error) Fault() error {
	if e.Kind == int32(fault.Internal) {
		return errors.New(e.Message)
	}
	f := &fault.Error{Kind: fault.Kind(e.Kind), Code: e.Code, Param: e.Param, Message: e.Message}
	if e.Cause != "" {
		f.Err = errors.New(e.Cause)
	}
	return f
}

// Status makes the error of a unary call, from which FromStatus gets the fault back.
func Status(err error) error {
	s, detailErr := status.New(codes.Aborted, err.Error()).WithDetails(FromError(err))
	if detailErr != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return s.Err()
}

// FromStatus gives the error that the other side meant. Lost is true when the call failed on the way,
// because the process is gone.
func FromStatus(ctx context.Context, err error) (_ error, lost bool) {
	if ctx.Err() != nil {
		return ctx.Err(), false
	}
	s, ok := status.FromError(err)
	if !ok {
		return err, true
	}
	for _, d := range s.Details() {
		if e, ok := d.(*Error); ok {
			return e.Fault(), false
		}
	}
	return err, s.Code() == codes.Unavailable || s.Code() == codes.Canceled || s.Code() == codes.Internal
}
