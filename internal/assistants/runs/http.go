package runs

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

// maxBody bounds a request, in bytes: a thread may come with many messages.
const maxBody = 8 << 20

// Routes returns the package's operations.
func (s *Service) Routes() []httpapi.Route {
	route := func(path, op, summary string, in any, stream any, handle httpapi.Handler) httpapi.Route {
		return httpapi.Route{
			Method: http.MethodPost, Path: path, Op: op, Tag: "Assistants", Summary: summary, In: in, Out: wire.RunV2{}, Stream: stream,
			Doc:   "In the shape that the header OpenAI-Beta asks for: assistants=v1 or assistants=v2.",
			Scope: actor.AssistantsWrite, MaxBody: maxBody, Handle: handle,
		}
	}
	return []httpapi.Route{
		route("/v1/threads/runs", "createThreadAndRun", "Makes a thread and runs an assistant on it.", CreateThreadAndRun{}, StreamEvent{}, s.createThreadAndRun),
		route("/v1/threads/{thread_id}/runs", "createRun", "Runs an assistant on a thread.", CreateRun{}, StreamEvent{}, s.createRun),
		route("/v1/threads/{thread_id}/runs/{run_id}/cancel", "cancelRun", "Cancels a run.", nil, nil, s.cancelRun),
		route("/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", "submitToolOuputsToRun", "Gives a run the outputs of functions that it waits for.",
			SubmitOutputs{}, StreamEvent{}, s.submitOutputs),
	}
}

// RunBody is what both requests that make a run have.
type RunBody struct {
	AssistantID         string               `json:"assistant_id"`
	Model               string               `json:"model,omitzero" doc:"Left out, it is the assistant's, as all below."`
	Instructions        *string              `json:"instructions,omitzero" doc:"Instead of the assistant's."`
	Tools               []wire.Tool          `json:"tools,omitzero" doc:"Instead of the assistant's."`
	Metadata            wire.Metadata        `json:"metadata,omitzero" doc:"Up to 16 texts by name: 64 and 512 characters."`
	Temperature         *float64             `json:"temperature,omitzero" min:"0" max:"2"`
	TopP                *float64             `json:"top_p,omitzero" min:"0" max:"1"`
	Stream              *bool                `json:"stream,omitzero" doc:"Answer with server-sent events of what happens." default:"false"`
	MaxPromptTokens     *int64               `json:"max_prompt_tokens,omitzero" doc:"Of all turns of the run together; beyond it the run ends incomplete." min:"256"`
	MaxCompletionTokens *int64               `json:"max_completion_tokens,omitzero" doc:"Of all turns of the run together; beyond it the run ends incomplete." min:"256"`
	TruncationStrategy  *wire.Truncation     `json:"truncation_strategy,omitzero" doc:"What of the thread the model sees: auto is the newest messages, a summary of the others, and those of them that have the question's words; last_messages is that many and nothing else."`
	ToolChoice          *wire.ToolChoice     `json:"tool_choice,omitzero" doc:"For the model's first turn: none, auto, required, or the tool to call."`
	ParallelToolCalls   *bool                `json:"parallel_tool_calls,omitzero" doc:"Whether one turn may have several calls." default:"true"`
	ResponseFormat      *wire.ResponseFormat `json:"response_format,omitzero" doc:"auto, or the form that the answer must have."`
	ReasoningEffort     string               `json:"reasoning_effort,omitzero" doc:"Kept and shown; this release does not use it."`
}

// CreateRun is the body of POST /v1/threads/{thread_id}/runs.
type CreateRun struct {
	RunBody
	AdditionalInstructions *string            `json:"additional_instructions,omitzero" doc:"Added to the instructions."`
	AdditionalMessages     []wire.MessageBody `json:"additional_messages,omitzero" doc:"Added to the thread before the run."`
}

// CreateThreadAndRun is the body of POST /v1/threads/runs.
type CreateThreadAndRun struct {
	RunBody
	Thread        *wire.ThreadBody `json:"thread,omitzero" doc:"The thread; left out, it is empty."`
	ToolResources *wire.Resources  `json:"tool_resources,omitzero" doc:"Only v2: what the run's tools may reach, instead of the assistant's."`
}

// SubmitOutputs is the body of POST /v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs.
type SubmitOutputs struct {
	ToolOutputs []ToolOutput `json:"tool_outputs" doc:"One for each call of required_action."`
	Stream      *bool        `json:"stream,omitzero" doc:"Answer with server-sent events of what happens." default:"false"`
}

// ToolOutput is what a function returned.
type ToolOutput struct {
	ToolCallID string `json:"tool_call_id"`
	Output     string `json:"output"`
}

// OpenAPIName implements openapi's hook.
func (CreateRun) OpenAPIName() string { return "CreateRunRequest" }

// OpenAPIName implements openapi's hook.
func (CreateThreadAndRun) OpenAPIName() string { return "CreateThreadAndRunRequest" }

// OpenAPIName implements openapi's hook.
func (SubmitOutputs) OpenAPIName() string { return "SubmitToolOutputsRequest" }

// OpenAPIName implements openapi's hook.
func (ToolOutput) OpenAPIName() string { return "RunToolOutput" }

func (s *Service) createRun(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	body, err := httpapi.Decode[CreateRun](w, r)
	if err != nil {
		return err
	}
	in, err := body.request(v)
	if err != nil {
		return err
	}
	in.ThreadID, in.AdditionalInstructions = r.PathValue("thread_id"), body.AdditionalInstructions
	if in.Additional, err = v.Messages("additional_messages", body.AdditionalMessages); err != nil {
		return err
	}
	return s.create(w, r, v, in, body.Stream)
}

func (s *Service) createThreadAndRun(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	body, err := httpapi.Decode[CreateThreadAndRun](w, r)
	if err != nil {
		return err
	}
	in, err := body.request(v)
	if err != nil {
		return err
	}
	in.NewThread = &object.NewThread{}
	if body.Thread != nil {
		if *in.NewThread, err = body.Thread.New(v); err != nil {
			return object.Within("thread", err)
		}
	}
	if body.ToolResources != nil {
		change, err := body.ToolResources.Change(v)
		if err != nil {
			return err
		}
		if len(change.NewStores) > 0 {
			return fault.Param("tool_resources.file_search.vector_stores", "Unknown parameter: 'tool_resources.file_search.vector_stores'.").WithCode("unknown_parameter")
		}
		in.Resources = object.Resources{CodeFiles: change.CodeFiles, VectorStores: change.VectorStores}
	}
	return s.create(w, r, v, in, body.Stream)
}

// request is what both bodies ask for alike.
func (b *RunBody) request(v wire.Version) (in Request, err error) {
	if err := httpapi.First(httpapi.Range("temperature", b.Temperature, 0, 2), httpapi.Range("top_p", b.TopP, 0, 1)); err != nil {
		return in, err
	}
	in = Request{
		AssistantID: b.AssistantID, Model: b.Model, Instructions: b.Instructions, Metadata: object.Metadata(b.Metadata), Temperature: b.Temperature, TopP: b.TopP,
		MaxPromptTokens: b.MaxPromptTokens, MaxCompletionTokens: b.MaxCompletionTokens, Parallel: b.ParallelToolCalls,
		FormatGiven: b.ResponseFormat != nil, ResponseFormat: b.ResponseFormat.Format(), ReasoningEffort: b.ReasoningEffort,
	}
	if in.Tools, err = v.Tools(b.Tools); err != nil {
		return in, err
	}
	if t := b.TruncationStrategy; t != nil {
		in.Truncation = &object.Truncation{Type: t.Type, Last: t.LastMessages}
	}
	if c := b.ToolChoice; c != nil {
		in.ToolChoice = &object.ToolChoice{Type: c.Type, Name: c.Name}
	}
	return in, nil
}

func (s *Service) create(w http.ResponseWriter, r *http.Request, v wire.Version, in Request, stream *bool) error {
	run, events, err := s.Create(r.Context(), httpapi.ActorOf(r.Context()), in)
	if err != nil {
		return err
	}
	return answer(w, r, v, run, events, stream)
}

func (s *Service) submitOutputs(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	body, err := httpapi.Decode[SubmitOutputs](w, r)
	if err != nil {
		return err
	}
	if body.ToolOutputs == nil {
		return fault.Param("tool_outputs", "Missing required parameter: 'tool_outputs'.").WithCode("missing_required_parameter")
	}
	outputs := make([]Output, len(body.ToolOutputs))
	for i, o := range body.ToolOutputs {
		outputs[i] = Output{o.ToolCallID, o.Output}
	}
	run, events, err := s.Submit(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("thread_id"), r.PathValue("run_id"), outputs)
	if err != nil {
		return err
	}
	return answer(w, r, v, run, events, body.Stream)
}

func (s *Service) cancelRun(w http.ResponseWriter, r *http.Request) error {
	v, err := wire.VersionOf(r)
	if err != nil {
		return err
	}
	run, err := s.Cancel(r.Context(), httpapi.ActorOf(r.Context()), r.PathValue("thread_id"), r.PathValue("run_id"))
	if err != nil {
		return err
	}
	return httpapi.JSON(w, http.StatusOK, v.Run(run))
}

// answer is the run as it was made, or a stream of what happens. A client that goes away does not end its run.
func answer(w http.ResponseWriter, r *http.Request, v wire.Version, run object.Run, events *Subscription, stream *bool) error {
	defer events.Leave()
	if stream == nil || !*stream {
		return httpapi.JSON(w, http.StatusOK, v.Run(run))
	}
	out := httpapi.NewStream(w, r)
	over := false
	for {
		list, ok := events.Next(r.Context())
		if !ok {
			break
		}
		for _, ev := range list {
			if err := out.Event(ev.Name, payload(v, ev)); err != nil {
				return err
			}
			over = over || ev.Run != nil && (!object.Active(ev.Run.Status) || ev.Run.Status == object.RequiresAction)
		}
	}
	if err := r.Context().Err(); err != nil {
		return err
	}
	if !over {
		return fault.New(fault.Unavailable, "The events of the run %s end here, and the run may go on: this server stops, or the events were read too slowly. Read the run to see how it ends.", run.ID)
	}
	return out.DoneEvent("done")
}
