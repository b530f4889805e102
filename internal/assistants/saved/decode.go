package saved

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/ids"
)

// The shapes below are those of both generations together; members that none of them has are ignored.

type savedAssistant struct {
	ID              string              `json:"id"`
	CreatedAt       int64               `json:"created_at"`
	Name            *string             `json:"name"`
	Description     *string             `json:"description"`
	Model           string              `json:"model"`
	Instructions    *string             `json:"instructions"`
	Tools           []wire.Tool         `json:"tools"`
	FileIDs         []string            `json:"file_ids"`
	ToolResources   wire.ToolResources  `json:"tool_resources"`
	Metadata        wire.Metadata       `json:"metadata"`
	Temperature     *float64            `json:"temperature"`
	TopP            *float64            `json:"top_p"`
	ResponseFormat  wire.ResponseFormat `json:"response_format"`
	ReasoningEffort string              `json:"reasoning_effort"`
}

type savedThread struct {
	ID            string             `json:"id"`
	CreatedAt     int64              `json:"created_at"`
	Metadata      wire.Metadata      `json:"metadata"`
	ToolResources wire.ToolResources `json:"tool_resources"`
}

type savedMessage struct {
	ID                string                  `json:"id"`
	ThreadID          string                  `json:"thread_id"`
	CreatedAt         int64                   `json:"created_at"`
	Role              string                  `json:"role"`
	Status            string                  `json:"status"`
	IncompleteDetails *wire.IncompleteDetails `json:"incomplete_details"`
	CompletedAt       int64                   `json:"completed_at"`
	IncompleteAt      int64                   `json:"incomplete_at"`
	Content           []wire.Part             `json:"content"`
	Attachments       []wire.Attachment       `json:"attachments"`
	FileIDs           []string                `json:"file_ids"`
	AssistantID       string                  `json:"assistant_id"`
	RunID             string                  `json:"run_id"`
	Metadata          wire.Metadata           `json:"metadata"`
}

type savedRun struct {
	ID                  string                  `json:"id"`
	ThreadID            string                  `json:"thread_id"`
	AssistantID         string                  `json:"assistant_id"`
	CreatedAt           int64                   `json:"created_at"`
	Status              string                  `json:"status"`
	LastError           *object.RunError        `json:"last_error"`
	IncompleteDetails   *wire.IncompleteDetails `json:"incomplete_details"`
	ExpiresAt           int64                   `json:"expires_at"`
	StartedAt           int64                   `json:"started_at"`
	CancelledAt         int64                   `json:"cancelled_at"`
	FailedAt            int64                   `json:"failed_at"`
	CompletedAt         int64                   `json:"completed_at"`
	Model               string                  `json:"model"`
	Instructions        string                  `json:"instructions"`
	Tools               []wire.Tool             `json:"tools"`
	FileIDs             []string                `json:"file_ids"`
	Metadata            wire.Metadata           `json:"metadata"`
	Temperature         *float64                `json:"temperature"`
	TopP                *float64                `json:"top_p"`
	MaxPromptTokens     *int64                  `json:"max_prompt_tokens"`
	MaxCompletionTokens *int64                  `json:"max_completion_tokens"`
	TruncationStrategy  *wire.Truncation        `json:"truncation_strategy"`
	ToolChoice          wire.ToolChoice         `json:"tool_choice"`
	ParallelToolCalls   *bool                   `json:"parallel_tool_calls"`
	ResponseFormat      wire.ResponseFormat     `json:"response_format"`
	ReasoningEffort     string                  `json:"reasoning_effort"`
	Usage               *object.Usage           `json:"usage"`
}

type savedStep struct {
	ID          string           `json:"id"`
	ThreadID    string           `json:"thread_id"`
	RunID       string           `json:"run_id"`
	AssistantID string           `json:"assistant_id"`
	CreatedAt   int64            `json:"created_at"`
	Type        string           `json:"type"`
	Status      string           `json:"status"`
	StepDetails wire.StepDetails `json:"step_details"`
	LastError   *object.RunError `json:"last_error"`
	ExpiredAt   int64            `json:"expired_at"`
	CancelledAt int64            `json:"cancelled_at"`
	FailedAt    int64            `json:"failed_at"`
	CompletedAt int64            `json:"completed_at"`
	Metadata    wire.Metadata    `json:"metadata"`
	Usage       *object.Usage    `json:"usage"`
}

func decode[T any](v jsontext.Value) (out T, err error) {
	if err := json.Unmarshal(v, &out); err != nil {
		return out, fmt.Errorf("it cannot be read: %w", err)
	}
	return out, nil
}

// moment is the time of a number of seconds; 0 is never.
func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func checkID(prefix, id string) error {
	if !ids.Valid(prefix, id) {
		return fmt.Errorf("%q is no id that begins with %q", id, prefix)
	}
	return nil
}

// tools reads tools of both generations.
func tools(in []wire.Tool) ([]object.Tool, error) {
	out := []object.Tool{}
	for _, t := range in {
		v := wire.V2
		if t.Type == "retrieval" {
			v = wire.V1
		}
		one, err := v.Tools([]wire.Tool{t})
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	return out, nil
}

// format reads a response_format, for which a saved object has auto, or nothing.
func format(f wire.ResponseFormat) *object.ResponseFormat {
	if f.Type == "" {
		return nil
	}
	return f.Format()
}

func readAssistant(v jsontext.Value) (a object.Assistant, files []string, stores []string, err error) {
	in, err := decode[savedAssistant](v)
	if err != nil {
		return a, nil, nil, err
	}
	a = object.Assistant{
		ID: in.ID, Name: in.Name, Description: in.Description, Model: in.Model, Instructions: in.Instructions, Metadata: object.Metadata(in.Metadata),
		Temperature: in.Temperature, TopP: in.TopP, ResponseFormat: format(in.ResponseFormat), ReasoningEffort: in.ReasoningEffort, Created: moment(in.CreatedAt),
	}
	if a.Model == "" {
		return a, nil, nil, fmt.Errorf("it has no model")
	}
	if a.Tools, err = tools(in.Tools); err != nil {
		return a, nil, nil, err
	}
	change := object.AssistantChange{
		Name: object.Maybe{Given: true, Text: a.Name}, Description: object.Maybe{Given: true, Text: a.Description}, Instructions: object.Maybe{Given: true, Text: a.Instructions},
		Tools: a.Tools, Metadata: a.Metadata, Temperature: a.Temperature, TopP: a.TopP, ResponseFormat: a.ResponseFormat,
	}
	if err := change.Check(); err != nil {
		return a, nil, nil, err
	}
	files, stores = in.FileIDs, nil
	if in.ToolResources.CodeInterpreter != nil {
		files = append(files, in.ToolResources.CodeInterpreter.FileIDs...)
	}
	if in.ToolResources.FileSearch != nil {
		stores = in.ToolResources.FileSearch.VectorStoreIDs
	}
	return a, files, stores, checkID(object.AssistantID, a.ID)
}

func readThread(v jsontext.Value) (t object.Thread, stores []string, err error) {
	in, err := decode[savedThread](v)
	if err != nil {
		return t, nil, err
	}
	t = object.Thread{ID: in.ID, Metadata: object.Metadata(in.Metadata), Created: moment(in.CreatedAt)}
	if c := in.ToolResources.CodeInterpreter; c != nil {
		t.CodeFiles = c.FileIDs
	}
	if f := in.ToolResources.FileSearch; f != nil {
		stores = f.VectorStoreIDs
	}
	if err := object.CheckMetadata(t.Metadata); err != nil {
		return t, nil, err
	}
	return t, stores, checkID(object.ThreadID, t.ID)
}

func readMessage(v jsontext.Value) (m object.Message, err error) {
	in, err := decode[savedMessage](v)
	if err != nil {
		return m, err
	}
	m = object.Message{
		ID: in.ID, ThreadID: in.ThreadID, Role: in.Role, Status: in.Status, AssistantID: in.AssistantID, RunID: in.RunID, Metadata: object.Metadata(in.Metadata),
		Created: moment(in.CreatedAt), CompletedAt: moment(in.CompletedAt), IncompleteAt: moment(in.IncompleteAt),
	}
	switch m.Status {
	case object.Completed, object.Incomplete:
	case object.InProgress:
		m.Status, m.IncompleteAt = object.Incomplete, m.Created
	default:
		m.Status = object.Completed // v1 had no status
	}
	if m.Status == object.Incomplete {
		m.Why = "run_expired"
		if in.IncompleteDetails != nil {
			m.Why = in.IncompleteDetails.Reason
		}
	}
	if m.Role != object.User && m.Role != object.AssistantRole {
		return m, fmt.Errorf("its role is %q, not user or assistant", m.Role)
	}
	for i, p := range in.Content {
		out := object.Part{Type: p.Type}
		switch {
		case p.Type == object.TextPart && p.Text != nil:
			out.Text = &object.Text{Value: p.Text.Value, Annotations: annotations(p.Text.Annotations)}
		case p.Type == object.ImageFilePart && p.ImageFile != nil:
			out.Image = &object.Image{FileID: p.ImageFile.FileID, Detail: p.ImageFile.Detail}
		case p.Type == object.ImageURLPart && p.ImageURL != nil:
			out.Image = &object.Image{URL: p.ImageURL.URL, Detail: p.ImageURL.Detail}
		case p.Type == object.RefusalPart && p.Refusal != nil:
			out.Refusal = *p.Refusal
		default:
			return m, fmt.Errorf("part %d of its content is a %q that is none", i+1, p.Type)
		}
		m.Content = append(m.Content, out)
	}
	for _, id := range in.FileIDs {
		m.Attachments = append(m.Attachments, object.Attachment{FileID: id, Tools: []string{object.CodeInterpreter, object.FileSearch}})
	}
	for _, a := range in.Attachments {
		out := object.Attachment{FileID: a.FileID}
		for _, t := range a.Tools {
			out.Tools = append(out.Tools, t.Type)
		}
		m.Attachments = append(m.Attachments, out)
	}
	if err := object.CheckMetadata(m.Metadata); err != nil {
		return m, err
	}
	if err := checkID(object.ThreadID, m.ThreadID); err != nil {
		return m, err
	}
	return m, checkID(object.MessageID, m.ID)
}

func annotations(in []wire.Annotation) []object.Annotation {
	var out []object.Annotation
	for _, a := range in {
		o := object.Annotation{Type: a.Type, Text: a.Text, Start: a.StartIndex, End: a.EndIndex}
		if c := a.FileCitation; c != nil {
			if o.FileID = c.FileID; c.Quote != nil {
				o.Quote = *c.Quote
			}
		} else if p := a.FilePath; p != nil {
			o.FileID = p.FileID
		}
		out = append(out, o)
	}
	return out
}

func readRun(v jsontext.Value) (r object.Run, err error) {
	in, err := decode[savedRun](v)
	if err != nil {
		return r, err
	}
	r = object.Run{
		ID: in.ID, ThreadID: in.ThreadID, AssistantID: in.AssistantID, Status: in.Status, Model: in.Model, Instructions: object.Plain(in.Instructions), Files: in.FileIDs,
		Metadata: object.Metadata(in.Metadata), Temperature: in.Temperature, TopP: in.TopP, MaxPromptTokens: in.MaxPromptTokens, MaxCompletionTokens: in.MaxCompletionTokens,
		Truncation: object.Truncation{Type: "auto"}, ToolChoice: object.ToolChoice{Type: "auto"}, Parallel: in.ParallelToolCalls == nil || *in.ParallelToolCalls,
		ResponseFormat: format(in.ResponseFormat), ReasoningEffort: in.ReasoningEffort, LastError: in.LastError, Usage: in.Usage, Created: moment(in.CreatedAt),
		Expires: moment(in.ExpiresAt), Started: moment(in.StartedAt), CancelledAt: moment(in.CancelledAt), FailedAt: moment(in.FailedAt), CompletedAt: moment(in.CompletedAt),
	}
	if in.ToolChoice.Type != "" {
		r.ToolChoice = object.ToolChoice(in.ToolChoice)
	}
	if t := in.TruncationStrategy; t != nil && t.Type != "" {
		r.Truncation = object.Truncation{Type: t.Type, Last: t.LastMessages}
	}
	if in.IncompleteDetails != nil {
		r.Why = in.IncompleteDetails.Reason
	}
	if r.Expires.IsZero() {
		r.Expires = r.Created.Add(10 * time.Minute)
	}
	switch r.Status {
	case object.Cancelled, object.Failed, object.Completed, object.Incomplete, object.Expired:
	case object.Queued, object.InProgress, object.RequiresAction, object.Cancelling:
		r.Status = object.Expired
	default:
		return r, fmt.Errorf("its status is %q, which no run has", r.Status)
	}
	if r.Tools, err = tools(in.Tools); err != nil {
		return r, err
	}
	if err := object.CheckMetadata(r.Metadata); err != nil {
		return r, err
	}
	if err := checkID(object.ThreadID, r.ThreadID); err != nil {
		return r, err
	}
	return r, checkID(object.RunID, r.ID)
}

func readStep(v jsontext.Value) (t object.Step, err error) {
	in, err := decode[savedStep](v)
	if err != nil {
		return t, err
	}
	t = object.Step{
		ID: in.ID, ThreadID: in.ThreadID, RunID: in.RunID, AssistantID: in.AssistantID, Type: in.Type, Status: in.Status, LastError: in.LastError, Usage: in.Usage,
		Metadata: object.Metadata(in.Metadata), Created: moment(in.CreatedAt), ExpiredAt: moment(in.ExpiredAt), CancelledAt: moment(in.CancelledAt),
		FailedAt: moment(in.FailedAt), CompletedAt: moment(in.CompletedAt),
	}
	switch {
	case t.Type == object.MessageCreation && in.StepDetails.MessageCreation != nil:
		t.Details.MessageID = in.StepDetails.MessageCreation.MessageID
	case t.Type == object.ToolCalls && in.StepDetails.ToolCalls != nil:
		for _, c := range *in.StepDetails.ToolCalls {
			out, err := readCall(c)
			if err != nil {
				return t, err
			}
			t.Details.Calls = append(t.Details.Calls, out)
		}
	default:
		return t, fmt.Errorf("its type is %q, and its details are not", t.Type)
	}
	switch t.Status {
	case object.Cancelled, object.Failed, object.Completed, object.Expired:
	case object.InProgress:
		t.Status, t.ExpiredAt = object.Expired, t.Created
	default:
		return t, fmt.Errorf("its status is %q, which no step has", t.Status)
	}
	for _, c := range []struct{ prefix, id string }{{object.ThreadID, t.ThreadID}, {object.RunID, t.RunID}, {object.StepID, t.ID}} {
		if err := checkID(c.prefix, c.id); err != nil {
			return t, err
		}
	}
	return t, object.CheckMetadata(t.Metadata)
}

func readCall(c wire.Call) (out object.Call, err error) {
	out = object.Call{ID: c.ID, Type: c.Type}
	switch {
	case c.Type == object.CodeInterpreter && c.CodeInterpreter != nil:
		out.Code = &object.CodeCall{Input: c.CodeInterpreter.Input}
		for _, o := range c.CodeInterpreter.Outputs {
			switch {
			case o.Logs != nil:
				out.Code.Outputs = append(out.Code.Outputs, object.CodeOutput{Logs: o.Logs})
			case o.Image != nil:
				out.Code.Outputs = append(out.Code.Outputs, object.CodeOutput{FileID: o.Image.FileID})
			}
		}
	case c.Type == object.FileSearch || c.Type == "retrieval":
		out.Type, out.Search = object.FileSearch, &object.SearchCall{}
		if f := c.FileSearch; f != nil {
			if f.RankingOptions != nil {
				out.Search.Ranker, out.Search.Threshold = f.RankingOptions.Ranker, f.RankingOptions.ScoreThreshold
			}
			for _, h := range f.Results {
				hit := object.SearchHit{FileID: h.FileID, FileName: h.FileName, Score: h.Score}
				if len(h.Content) > 0 {
					hit.Text = h.Content[0].Text
				}
				out.Search.Results = append(out.Search.Results, hit)
			}
		}
	case c.Type == object.FunctionTool && c.Function != nil:
		out.Function = &object.FunctionCall{Name: c.Function.Name, Arguments: c.Function.Arguments, Output: c.Function.Output}
	default:
		return out, fmt.Errorf("a call of %q cannot be read", c.Type)
	}
	return out, nil
}
