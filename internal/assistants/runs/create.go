package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Request is a run to be made. What is nil or empty is the assistant's.
type Request struct {
	AssistantID            string
	Model                  string
	Instructions           *string
	AdditionalInstructions *string
	Tools                  []object.Tool
	Metadata               object.Metadata
	Temperature            *float64
	TopP                   *float64
	MaxPromptTokens        *int64
	MaxCompletionTokens    *int64
	Truncation             *object.Truncation
	ToolChoice             *object.ToolChoice
	Parallel               *bool
	FormatGiven            bool
	ResponseFormat         *object.ResponseFormat // nil is auto
	ReasoningEffort        string
	Resources              object.Resources // instead of the assistant's, where it is not nil

	// Exactly one of ThreadID and NewThread is set. Additional messages are added behind those that are there.
	ThreadID   string
	NewThread  *object.NewThread
	Additional []*object.Message
}

// Least values of the original's parameters.
const (
	leastPromptTokens     = 256
	leastCompletionTokens = 256
)

// Create makes a run and begins it. The subscription gets its events from the first on; leave it when nobody reads them.
func (s *Service) Create(ctx context.Context, who actor.Actor, in Request) (object.Run, *Subscription, error) {
	if err := in.check(); err != nil {
		return object.Run{}, nil, err
	}
	if in.NewThread != nil {
		if err := s.threads.CheckNew(ctx, who, in.NewThread); err != nil {
			return object.Run{}, nil, object.Within("thread", err)
		}
	}
	actorText, err := writeActor(who)
	if err != nil {
		return object.Run{}, nil, err
	}
	var run object.Run
	var th object.Thread
	s.making.RLock()
	defer s.making.RUnlock()
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.assistants.GetIn(ctx, tx, who, in.AssistantID)
		if err != nil {
			return err
		}
		if th, err = s.thread(ctx, tx, who, &in); err != nil {
			return err
		}
		if searches(&in, &a) {
			if err := s.threads.Ready(ctx, tx, who, &th); err != nil {
				return err
			}
		}
		if run, err = in.run(&a, &th); err != nil {
			return err
		}
		if err := s.model.Known(ctx, who, run.Model); err != nil {
			return err
		}
		newest, err := s.threads.Recent(ctx, tx, th.ID, 0, 1)
		if err != nil {
			return err
		}
		cur := cursor{Upto: -1}
		if len(newest) > 0 {
			cur.Upto = newest[0].Position
		}
		run.Created = s.now()
		run.Expires = run.Created.Add(waitForOutputs)
		run.Server, run.Actor, run.Cursor = s.servers.ID(), actorText, cur.write()
		return s.threads.InsertRun(ctx, tx, who, &run)
	})
	if err != nil {
		return object.Run{}, nil, err
	}
	h := &hub{}
	sub := h.listen()
	if in.NewThread != nil {
		h.tell(Event{Name: threadCreated, Thread: &th})
	}
	created := run
	h.tell(Event{Name: runCreated, Run: &created})
	h.tell(Event{Name: runPrefix + object.Queued, Run: &created})
	s.begin(who, run, h)
	return run, sub, nil
}

// thread makes or finds the run's thread, holds it, and adds to it what the request brings.
func (s *Service) thread(ctx context.Context, tx *store.Tx, who actor.Actor, in *Request) (object.Thread, error) {
	if in.NewThread != nil {
		return s.threads.CreateIn(ctx, tx, who, *in.NewThread)
	}
	t, err := s.threads.Lock(ctx, tx, who, in.ThreadID)
	if err != nil {
		return t, err
	}
	return t, s.threads.AddIn(ctx, tx, who, &t, in.Additional)
}

// searches reports whether the run may search files.
func searches(in *Request, a *object.Assistant) bool {
	tools := in.Tools
	if tools == nil {
		tools = a.Tools
	}
	return slices.ContainsFunc(tools, func(t object.Tool) bool { return t.Type == object.FileSearch })
}

// check refuses values that no run may have. What tools, metadata and forms may be is checked where they are made.
func (in *Request) check() error {
	if in.AssistantID == "" {
		return fault.Param("assistant_id", "Missing required parameter: 'assistant_id'.").WithCode("missing_required_parameter")
	}
	if err := errors.Join(object.CheckMetadata(in.Metadata), object.CheckTools(in.Tools, object.MaxRunTools), thread.CheckMessages("additional_messages", in.Additional)); err != nil {
		return err
	}
	for _, p := range []struct {
		name  string
		v     *int64
		least int64
	}{{"max_prompt_tokens", in.MaxPromptTokens, leastPromptTokens}, {"max_completion_tokens", in.MaxCompletionTokens, leastCompletionTokens}} {
		if p.v != nil && *p.v < p.least {
			return fault.Param(p.name, "Invalid '%s': integer below minimum value. Expected a value >= %d, but got %d instead.", p.name, p.least, *p.v).WithCode("integer_below_min_value")
		}
	}
	if t := in.Truncation; t != nil {
		switch {
		case t.Type == "last_messages" && t.Last == nil:
			return fault.Param("truncation_strategy.last_messages", "Missing required parameter: 'truncation_strategy.last_messages'.").WithCode("missing_required_parameter")
		case t.Last != nil && *t.Last < 1:
			return fault.Param("truncation_strategy.last_messages", "Invalid 'truncation_strategy.last_messages': integer below minimum value. Expected a value >= 1, but got %d instead.", *t.Last).WithCode("integer_below_min_value")
		case t.Type != "last_messages" && t.Type != "auto":
			return fault.Param("truncation_strategy.type", "Invalid value: '%.64s'. Supported values are: 'auto' and 'last_messages'.", t.Type).WithCode("invalid_value")
		}
	}
	if in.ResponseFormat != nil {
		if _, err := Format(in.ResponseFormat); err != nil {
			return err
		}
	}
	return nil
}

// run is the run of an assistant on a thread.
func (in *Request) run(a *object.Assistant, t *object.Thread) (object.Run, error) {
	r := object.Run{
		ThreadID: t.ID, AssistantID: a.ID, Status: object.Queued, Model: in.Model, Tools: in.Tools, Metadata: in.Metadata, Temperature: in.Temperature,
		TopP: in.TopP, MaxPromptTokens: in.MaxPromptTokens, MaxCompletionTokens: in.MaxCompletionTokens, Truncation: object.Truncation{Type: "auto"},
		ToolChoice: object.ToolChoice{Type: "auto"}, Parallel: true, ResponseFormat: in.ResponseFormat, ReasoningEffort: in.ReasoningEffort,
	}
	if r.Model == "" {
		r.Model = a.Model
	}
	switch {
	case in.Instructions != nil:
		r.Instructions = *in.Instructions
	case a.Instructions != nil:
		r.Instructions = *a.Instructions
	}
	if in.AdditionalInstructions != nil {
		r.Instructions = strings.TrimSpace(r.Instructions + "\n\n" + *in.AdditionalInstructions)
	}
	if in.Tools == nil {
		r.Tools = a.Tools
	}
	if in.Temperature == nil {
		r.Temperature = a.Temperature
	}
	if in.TopP == nil {
		r.TopP = a.TopP
	}
	if !in.FormatGiven {
		r.ResponseFormat = a.ResponseFormat
	}
	if r.ReasoningEffort == "" {
		r.ReasoningEffort = a.ReasoningEffort
	}
	if in.Truncation != nil {
		r.Truncation = *in.Truncation
	}
	if in.ToolChoice != nil {
		r.ToolChoice = *in.ToolChoice
	}
	if in.Parallel != nil {
		r.Parallel = *in.Parallel
	}
	for _, f := range a.Files {
		r.Files = append(r.Files, f.ID)
	}
	r.Resources = resources(in, a, t)
	return r, checkChoice(&r)
}

// resources are what the assistant's and the thread's tools may reach together.
func resources(in *Request, a *object.Assistant, t *object.Thread) (r object.Resources) {
	if r.CodeFiles = in.Resources.CodeFiles; r.CodeFiles == nil {
		for _, f := range a.Files {
			if f.Code {
				r.CodeFiles = append(r.CodeFiles, f.ID)
			}
		}
	}
	r.CodeFiles = append(r.CodeFiles, t.CodeFiles...)
	if r.VectorStores = in.Resources.VectorStores; r.VectorStores == nil && a.VectorStore != "" {
		r.VectorStores = []string{a.VectorStore}
	}
	if t.VectorStore != "" {
		r.VectorStores = append(r.VectorStores, t.VectorStore)
	}
	return r
}

// checkChoice refuses a choice of what the run does not have.
func checkChoice(r *object.Run) error {
	c := r.ToolChoice
	switch c.Type {
	case "auto", "none":
		return nil
	case "required":
		if len(r.Tools) == 0 {
			return fault.Param("tool_choice", "Invalid value for 'tool_choice': 'required' is only allowed when 'tools' are specified.")
		}
		return nil
	}
	for _, t := range r.Tools {
		if t.Type == c.Type && (c.Name == "" || t.Function.Name == c.Name) {
			return nil
		}
	}
	what := c.Type
	if c.Name != "" {
		what = fmt.Sprintf("function '%.64s'", c.Name)
	}
	return fault.Param("tool_choice", "Invalid value for 'tool_choice': the run has no %s among its tools.", what)
}
