package wire

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/assistants/object"
)

// RunV2 is a run.
type RunV2 struct {
	ID                  string             `json:"id" example:"run_8Abc"`
	Object              string             `json:"object" doc:"Always thread.run." enum:"thread.run"`
	CreatedAt           int64              `json:"created_at" doc:"Seconds since 1970, as all times."`
	AssistantID         string             `json:"assistant_id"`
	ThreadID            string             `json:"thread_id"`
	Status              string             `json:"status" enum:"queued,in_progress,requires_action,cancelling,cancelled,failed,completed,incomplete,expired"`
	StartedAt           *int64             `json:"started_at"`
	ExpiresAt           *int64             `json:"expires_at" doc:"null when it has ended."`
	CancelledAt         *int64             `json:"cancelled_at"`
	FailedAt            *int64             `json:"failed_at"`
	CompletedAt         *int64             `json:"completed_at"`
	RequiredAction      *RequiredAction    `json:"required_action" doc:"What it waits for."`
	LastError           *LastError         `json:"last_error"`
	Model               string             `json:"model"`
	Instructions        string             `json:"instructions"`
	Tools               []Tool             `json:"tools"`
	Metadata            map[string]string  `json:"metadata"`
	Temperature         float64            `json:"temperature"`
	TopP                float64            `json:"top_p"`
	ReasoningEffort     string             `json:"reasoning_effort,omitzero"`
	MaxCompletionTokens *int64             `json:"max_completion_tokens"`
	MaxPromptTokens     *int64             `json:"max_prompt_tokens"`
	TruncationStrategy  Truncation         `json:"truncation_strategy"`
	IncompleteDetails   *IncompleteDetails `json:"incomplete_details"`
	Usage               *Usage             `json:"usage" doc:"null until it has ended."`
	ResponseFormat      ResponseFormat     `json:"response_format"`
	ToolChoice          ToolChoice         `json:"tool_choice"`
	ParallelToolCalls   bool               `json:"parallel_tool_calls"`
}

// RunV1 is a run in the shape of November 2023.
type RunV1 struct {
	ID             string            `json:"id"`
	Object         string            `json:"object"`
	CreatedAt      int64             `json:"created_at"`
	ThreadID       string            `json:"thread_id"`
	AssistantID    string            `json:"assistant_id"`
	Status         string            `json:"status"`
	RequiredAction *RequiredAction   `json:"required_action"`
	LastError      *LastError        `json:"last_error"`
	ExpiresAt      int64             `json:"expires_at"`
	StartedAt      *int64            `json:"started_at"`
	CancelledAt    *int64            `json:"cancelled_at"`
	FailedAt       *int64            `json:"failed_at"`
	CompletedAt    *int64            `json:"completed_at"`
	Model          string            `json:"model"`
	Instructions   string            `json:"instructions"`
	Tools          []Tool            `json:"tools"`
	FileIDs        []string          `json:"file_ids"`
	Metadata       map[string]string `json:"metadata"`
	Usage          *Usage            `json:"usage"`
}

// RequiredAction is what a run waits for.
type RequiredAction struct {
	Type              string          `json:"type" doc:"Always submit_tool_outputs." enum:"submit_tool_outputs"`
	SubmitToolOutputs RequiredOutputs `json:"submit_tool_outputs"`
}

// RequiredOutputs are calls that wait for the caller's answers.
type RequiredOutputs struct {
	ToolCalls []RequiredCall `json:"tool_calls"`
}

// RequiredCall is a call of a function of the caller.
type RequiredCall struct {
	ID       string           `json:"id"`
	Type     string           `json:"type" doc:"Always function." enum:"function"`
	Function RequiredFunction `json:"function"`
}

// RequiredFunction is what to call.
type RequiredFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments" doc:"JSON."`
}

// LastError says why a run or a step failed.
type LastError struct {
	Code    string `json:"code" enum:"server_error,rate_limit_exceeded,invalid_prompt"`
	Message string `json:"message"`
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	TotalTokens      int64 `json:"total_tokens"`
}

// OpenAPIName implements openapi's hook.
func (RunV2) OpenAPIName() string { return "Run" }

// OpenAPIName implements openapi's hook.
func (RequiredAction) OpenAPIName() string { return "RunRequiredAction" }

// OpenAPIName implements openapi's hook.
func (RequiredOutputs) OpenAPIName() string { return "RunRequiredOutputs" }

// OpenAPIName implements openapi's hook.
func (RequiredCall) OpenAPIName() string { return "RunRequiredCall" }

// OpenAPIName implements openapi's hook.
func (RequiredFunction) OpenAPIName() string { return "RunRequiredFunction" }

// OpenAPIName implements openapi's hook.
func (LastError) OpenAPIName() string { return "RunLastError" }

// OpenAPIName implements openapi's hook.
func (Usage) OpenAPIName() string { return "RunUsage" }

// Run writes a run.
func (v Version) Run(r object.Run) any {
	if v == V1 {
		return runV1(r)
	}
	out := RunV2{
		ID: r.ID, Object: "thread.run", CreatedAt: r.Created.Unix(), AssistantID: r.AssistantID, ThreadID: r.ThreadID, Status: r.Status,
		StartedAt: seconds(r.Started), CancelledAt: seconds(r.CancelledAt), FailedAt: seconds(r.FailedAt), CompletedAt: seconds(r.CompletedAt),
		RequiredAction: requiredAction(r), LastError: lastError(r.LastError), Model: r.Model, Instructions: r.Instructions, Tools: v.tools(r.Tools),
		Metadata: r.Metadata, Temperature: orOne(r.Temperature), TopP: orOne(r.TopP), ReasoningEffort: r.ReasoningEffort,
		MaxCompletionTokens: r.MaxCompletionTokens, MaxPromptTokens: r.MaxPromptTokens,
		TruncationStrategy: Truncation{Type: r.Truncation.Type, LastMessages: r.Truncation.Last}, Usage: usage(r.Usage),
		ResponseFormat: responseFormat(r.ResponseFormat), ToolChoice: ToolChoice(r.ToolChoice), ParallelToolCalls: r.Parallel,
	}
	if object.Active(r.Status) || r.Status == object.Expired {
		out.ExpiresAt = seconds(r.Expires)
	}
	if r.Status == object.Incomplete {
		out.IncompleteDetails = &IncompleteDetails{r.Why}
	}
	return out
}

func runV1(r object.Run) RunV1 {
	out := RunV1{
		ID: r.ID, Object: "thread.run", CreatedAt: r.Created.Unix(), ThreadID: r.ThreadID, AssistantID: r.AssistantID, Status: r.Status,
		RequiredAction: requiredAction(r), LastError: lastError(r.LastError), ExpiresAt: r.Expires.Unix(), StartedAt: seconds(r.Started),
		CancelledAt: seconds(r.CancelledAt), FailedAt: seconds(r.FailedAt), CompletedAt: seconds(r.CompletedAt), Model: r.Model,
		Instructions: r.Instructions, Tools: V1.tools(r.Tools), FileIDs: r.Files, Metadata: r.Metadata, Usage: usage(r.Usage),
	}
	if r.Status == object.Incomplete {
		out.Status, out.FailedAt = object.Failed, seconds(r.Updated)
		out.LastError = &LastError{object.ServerError, "The run is incomplete: it reached " + r.Why + "."}
	}
	if out.LastError != nil && out.LastError.Code == object.InvalidPrompt {
		out.LastError.Code = object.ServerError
	}
	return out
}

func requiredAction(r object.Run) *RequiredAction {
	if r.Status != object.RequiresAction {
		return nil
	}
	out := &RequiredAction{Type: "submit_tool_outputs"}
	for _, c := range r.Required {
		out.SubmitToolOutputs.ToolCalls = append(out.SubmitToolOutputs.ToolCalls, RequiredCall{c.ID, object.FunctionTool, RequiredFunction{c.Name, c.Arguments}})
	}
	return out
}

func lastError(e *object.RunError) *LastError {
	if e == nil {
		return nil
	}
	return &LastError{e.Code, e.Message}
}

func usage(u *object.Usage) *Usage {
	if u == nil {
		return nil
	}
	return &Usage{u.PromptTokens, u.CompletionTokens, u.PromptTokens + u.CompletionTokens}
}

// Step is a step of a run, in both generations.
type Step struct {
	ID          string            `json:"id" example:"step_8Abc"`
	Object      string            `json:"object" doc:"Always thread.run.step." enum:"thread.run.step"`
	CreatedAt   int64             `json:"created_at" doc:"Seconds since 1970, as all times."`
	AssistantID string            `json:"assistant_id"`
	ThreadID    string            `json:"thread_id"`
	RunID       string            `json:"run_id"`
	Type        string            `json:"type" enum:"message_creation,tool_calls"`
	Status      string            `json:"status" enum:"in_progress,cancelled,failed,completed,expired"`
	StepDetails StepDetails       `json:"step_details"`
	LastError   *LastError        `json:"last_error"`
	ExpiredAt   *int64            `json:"expired_at"`
	CancelledAt *int64            `json:"cancelled_at"`
	FailedAt    *int64            `json:"failed_at"`
	CompletedAt *int64            `json:"completed_at"`
	Metadata    map[string]string `json:"metadata"`
	Usage       *Usage            `json:"usage" doc:"null while it is in progress."`
	Context     jsontext.Value    `json:"context,omitzero" doc:"What of the thread the model saw in this step, and what was left out. OpenAI has no such member."`
}

// StepDetails are what a step did.
type StepDetails struct {
	Type            string           `json:"type" enum:"message_creation,tool_calls"`
	MessageCreation *MessageCreation `json:"message_creation,omitzero"`
	ToolCalls       *[]Call          `json:"tool_calls,omitzero"`
}

// MessageCreation names a message.
type MessageCreation struct {
	MessageID string `json:"message_id"`
}

// Call is a call of a tool.
type Call struct {
	ID              string        `json:"id"`
	Type            string        `json:"type" doc:"file_search is retrieval in v1." enum:"code_interpreter,file_search,retrieval,function"`
	CodeInterpreter *CodeCall     `json:"code_interpreter,omitzero"`
	FileSearch      *SearchCall   `json:"file_search,omitzero"`
	Retrieval       *struct{}     `json:"retrieval,omitzero" doc:"Only v1; always empty."`
	Function        *FunctionCall `json:"function,omitzero"`
}

// CodeCall is a program and what came of it.
type CodeCall struct {
	Input   string       `json:"input"`
	Outputs []CodeOutput `json:"outputs"`
}

// CodeOutput is a log or an image.
type CodeOutput struct {
	Type  string     `json:"type" enum:"logs,image"`
	Logs  *string    `json:"logs,omitzero"`
	Image *CodeImage `json:"image,omitzero"`
}

// CodeImage is a file that a program made.
type CodeImage struct {
	FileID string `json:"file_id"`
}

// SearchCall is a search.
type SearchCall struct {
	RankingOptions *StepRanking `json:"ranking_options,omitzero"`
	Results        []SearchHit  `json:"results,omitzero"`
}

// StepRanking says how a search ranked.
type StepRanking struct {
	Ranker         string  `json:"ranker"`
	ScoreThreshold float64 `json:"score_threshold"`
}

// SearchHit is a passage that was found.
type SearchHit struct {
	FileID   string    `json:"file_id"`
	FileName string    `json:"file_name"`
	Score    float64   `json:"score"`
	Content  []HitText `json:"content,omitzero" doc:"Only with include[]=step_details.tool_calls[*].file_search.results[*].content."`
}

// HitText is the passage itself.
type HitText struct {
	Type string `json:"type" doc:"Always text." enum:"text"`
	Text string `json:"text"`
}

// FunctionCall is a call of a function of the caller.
type FunctionCall struct {
	Name      string  `json:"name"`
	Arguments string  `json:"arguments"`
	Output    *string `json:"output" doc:"null until the caller answered."`
}

// OpenAPIName implements openapi's hook.
func (Step) OpenAPIName() string { return "RunStep" }

// OpenAPIName implements openapi's hook.
func (StepDetails) OpenAPIName() string { return "RunStepDetails" }

// OpenAPIName implements openapi's hook.
func (MessageCreation) OpenAPIName() string { return "RunStepMessage" }

// OpenAPIName implements openapi's hook.
func (Call) OpenAPIName() string { return "RunStepCall" }

// OpenAPIName implements openapi's hook.
func (CodeCall) OpenAPIName() string { return "RunStepCode" }

// OpenAPIName implements openapi's hook.
func (CodeOutput) OpenAPIName() string { return "RunStepCodeOutput" }

// OpenAPIName implements openapi's hook.
func (CodeImage) OpenAPIName() string { return "RunStepImage" }

// OpenAPIName implements openapi's hook.
func (SearchCall) OpenAPIName() string { return "RunStepSearch" }

// OpenAPIName implements openapi's hook.
func (StepRanking) OpenAPIName() string { return "RunStepRanking" }

// OpenAPIName implements openapi's hook.
func (SearchHit) OpenAPIName() string { return "RunStepHit" }

// OpenAPIName implements openapi's hook.
func (HitText) OpenAPIName() string { return "RunStepHitText" }

// OpenAPIName implements openapi's hook.
func (FunctionCall) OpenAPIName() string { return "RunStepFunction" }

// IncludeContent asks for the passages of searches in steps.
const IncludeContent = "step_details.tool_calls[*].file_search.results[*].content"

// Step writes a step; content has the passages of its searches shown.
func (v Version) Step(t object.Step, content bool) Step {
	out := Step{
		ID: t.ID, Object: "thread.run.step", CreatedAt: t.Created.Unix(), AssistantID: t.AssistantID, ThreadID: t.ThreadID, RunID: t.RunID, Type: t.Type,
		Status: t.Status, StepDetails: StepDetails{Type: t.Type}, LastError: lastError(t.LastError), ExpiredAt: seconds(t.ExpiredAt),
		CancelledAt: seconds(t.CancelledAt), FailedAt: seconds(t.FailedAt), CompletedAt: seconds(t.CompletedAt), Metadata: t.Metadata, Usage: usage(t.Usage), Context: t.Context,
	}
	if t.Type == object.MessageCreation {
		out.StepDetails.MessageCreation = &MessageCreation{t.Details.MessageID}
		return out
	}
	calls := make([]Call, len(t.Details.Calls))
	for i, c := range t.Details.Calls {
		calls[i] = v.Call(c, content)
	}
	out.StepDetails.ToolCalls = &calls
	return out
}

// Call writes a call of a tool; content has the passages of a search shown.
func (v Version) Call(c object.Call, content bool) Call {
	out := Call{ID: c.ID, Type: c.Type}
	switch c.Type {
	case object.CodeInterpreter:
		out.CodeInterpreter = &CodeCall{Input: c.Code.Input, Outputs: []CodeOutput{}}
		for _, o := range c.Code.Outputs {
			if o.Logs != nil {
				out.CodeInterpreter.Outputs = append(out.CodeInterpreter.Outputs, CodeOutput{Type: "logs", Logs: o.Logs})
			} else {
				out.CodeInterpreter.Outputs = append(out.CodeInterpreter.Outputs, CodeOutput{Type: "image", Image: &CodeImage{o.FileID}})
			}
		}
	case object.FileSearch:
		out.Type = v.search()
		if v == V1 {
			out.Retrieval = &struct{}{}
			break
		}
		out.FileSearch = &SearchCall{}
		if s := c.Search; s != nil {
			if s.Ranker != "" {
				out.FileSearch.RankingOptions = &StepRanking{s.Ranker, s.Threshold}
			}
			for _, h := range s.Results {
				w := SearchHit{FileID: h.FileID, FileName: h.FileName, Score: h.Score}
				if content {
					w.Content = []HitText{{"text", h.Text}}
				}
				out.FileSearch.Results = append(out.FileSearch.Results, w)
			}
		}
	case object.FunctionTool:
		out.Function = &FunctionCall{c.Function.Name, c.Function.Arguments, c.Function.Output}
	}
	return out
}
