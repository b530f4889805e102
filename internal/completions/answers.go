package completions

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

const (
	maxAnswers    = 10  // n of /v1/answers
	maxPassages   = 200 // documents or examples of a request
	defaultSearch = "ada"
)

// AnswerRequest is the body of POST /v1/answers.
type AnswerRequest struct {
	Model           string         `json:"model" doc:"The model that answers." example:"curie"`
	Question        string         `json:"question" doc:"What to answer." example:"which puppy is happy?"`
	Examples        [][]string     `json:"examples" doc:"Pairs of a question and its answer, 1 to 200, that show tone and form." min:"1" max:"200"`
	ExamplesContext *string        `json:"examples_context" doc:"The text that the answers of the examples are taken from."`
	Documents       []string       `json:"documents,omitzero" doc:"Texts to take the answer from, at most 200; an empty list answers by the examples alone." max:"200"`
	File            string         `json:"file,omitzero" doc:"Refused: send documents."`
	SearchModel     string         `json:"search_model,omitzero" doc:"The model that chooses among documents when there is no room for all." default:"ada"`
	MaxRerank       *int           `json:"max_rerank,omitzero" doc:"How many documents are taken at most." min:"1" default:"200"`
	Temperature     *float64       `json:"temperature,omitzero" doc:"Sampling temperature, 0 to 2; 0 always takes the likeliest token." min:"0" max:"2" default:"0"`
	Logprobs        *int           `json:"logprobs,omitzero" doc:"Report log probabilities as /v1/completions does; completion is then expanded." min:"0" max:"5"`
	MaxTokens       *int           `json:"max_tokens,omitzero" doc:"The most tokens of an answer." min:"0" default:"16"`
	Stop            wire.Stop      `json:"stop,omitzero" doc:"Up to 4 texts before which the answer ends."`
	N               *int           `json:"n,omitzero" doc:"How many answers to produce, 1 to 10." min:"1" max:"10" default:"1"`
	LogitBias       wire.LogitBias `json:"logit_bias,omitzero" doc:"Token ids with a bias from -100 to 100, as in /v1/completions."`
	ReturnMetadata  bool           `json:"return_metadata,omitzero" doc:"Accepted; it only ever had an effect with file." default:"false"`
	ReturnPrompt    bool           `json:"return_prompt,omitzero" doc:"Show the prompt that was made." default:"false"`
	Expand          []string       `json:"expand,omitzero" doc:"completion shows the whole completion instead of its id; file is accepted."`
	User            string         `json:"user,omitzero" doc:"Your end user, for your own logs."`
	Timeout         *float64       `json:"timeout,omitzero" doc:"Accepted for clients of before November 2023, which send it; without effect."`
}

// Answer is the answer to an AnswerRequest.
type Answer struct {
	Object            string             `json:"object" doc:"Always answer." enum:"answer"`
	Model             string             `json:"model" doc:"The model that was asked: the snapshot that its name stands for."`
	SearchModel       string             `json:"search_model"`
	Completion        Completed          `json:"completion" doc:"The completion's id, or all of it."`
	Answers           []string           `json:"answers"`
	SelectedDocuments []SelectedDocument `json:"selected_documents" doc:"The documents that the model read, in their order in the prompt."`
	Prompt            string             `json:"prompt,omitzero" doc:"What the model read, when asked for."`
}

// SelectedDocument is a document that the model read.
type SelectedDocument struct {
	Document int    `json:"document" doc:"Which of the documents, from 0."`
	Text     string `json:"text"`
}

// Completed is a completion: its id, or all of it.
type Completed struct {
	ID    string
	Whole *Whole
}

// MarshalJSONTo implements json.MarshalerTo.
func (c Completed) MarshalJSONTo(enc *jsontext.Encoder) error {
	if c.Whole != nil {
		return json.MarshalEncode(enc, c.Whole)
	}
	return enc.WriteToken(jsontext.String(c.ID))
}

// OpenAPISchema implements openapi's hook.
func (Completed) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{map[string]any{"type": "string"}, map[string]any{"type": "object"}}}
}

// completed shows a completion as the request asks for it.
func completed(whole Whole, expand []string, logprobs *int) Completed {
	c := Completed{ID: whole.ID}
	if logprobs != nil || slices.Contains(expand, "completion") {
		c.Whole = &whole
	}
	return c
}

func (r *AnswerRequest) check() error {
	if err := httpapi.First(
		httpapi.Model(r.Model),
		httpapi.Required("question", r.Question != ""),
		httpapi.NotEmpty("examples", len(r.Examples)),
		pairs(r.Examples),
		httpapi.Required("examples_context", r.ExamplesContext != nil),
		httpapi.MaxItems("documents", len(r.Documents), maxPassages),
		httpapi.Min("max_rerank", r.MaxRerank, 1),
		httpapi.Range("n", r.N, 1, maxAnswers),
		expandable(r.Expand),
	); err != nil {
		return err
	}
	if r.File != "" {
		return wire.Unsupported("file", "Answering from an uploaded 'file'")
	}
	if r.Documents == nil {
		return fault.Param("documents", "You should specify 'documents': a list of at most %d texts, or an empty one to answer by the examples alone.", maxPassages)
	}
	of := r.completion("")
	return of.check()
}

// pairs checks examples of two texts each.
func pairs(examples [][]string) error {
	if err := httpapi.MaxItems("examples", len(examples), maxPassages); err != nil {
		return err
	}
	for i, e := range examples {
		if len(e) != 2 || e[0] == "" || e[1] == "" {
			return fault.Param("examples", "Example %d is no pair: each one is a list of two texts that are not empty.", i)
		}
	}
	return nil
}

// expandable checks the names of objects to show whole.
func expandable(names []string) error {
	for _, name := range names {
		if name != "completion" && name != "file" {
			return fault.Param("expand", "'%.40s' cannot be expanded. Supported values are 'completion' and 'file'.", name)
		}
	}
	return nil
}

// instruction is the beginning of the prompt, to which the examples belong.
func (r *AnswerRequest) instruction() string {
	var b strings.Builder
	b.WriteString("Please answer the question according to the above context.\n")
	if *r.ExamplesContext != "" {
		b.WriteString(contextOf(*r.ExamplesContext))
	}
	for i, e := range r.Examples {
		if i > 0 {
			b.WriteString("\n---\n")
		}
		b.WriteString("Q: " + e[0] + "\nA: " + e[1])
	}
	return strings.TrimSpace(b.String()) + "\n\n"
}

func contextOf(text string) string { return "===\nContext: " + text + "\n===\n" }

// choice says which documents the prompt gets beside what it has anyway.
func (r *AnswerRequest) choice(fixed string) (choice, error) {
	used, err := measure(fixed + contextOf(""))
	return choice{
		engine: cmp.Or(r.SearchModel, defaultSearch), query: r.Question, most: or(r.MaxRerank, maxPassages), param: "documents",
		room: maxPrompt - used - or(r.MaxTokens, defaultMaxTokens),
	}, err
}

// passages are the documents; those without text say nothing.
func (r *AnswerRequest) passages() (out []passage) {
	for i, d := range r.Documents {
		if text := strings.TrimSpace(d); text != "" {
			out = append(out, passage{index: i, text: text + " ", prompt: text + " "})
		}
	}
	return out
}

// completion is the request for the answers.
func (r *AnswerRequest) completion(prompt string) Request {
	return Request{
		Model: r.Model, Prompt: wire.Prompts{Texts: []string{prompt}}, Logprobs: r.Logprobs,
		Sampling: wire.Sampling{
			MaxTokens: r.MaxTokens, Temperature: new(or(r.Temperature, 0)), N: r.N, Stop: r.Stop, LogitBias: r.LogitBias, User: r.User,
		},
	}
}

// said is the answer in what the model wrote, which may go on with a question of its own.
func said(text string) string {
	text, _, _ = strings.Cut(strings.ReplaceAll(text, "A:", ""), "Q:")
	return strings.TrimSpace(text)
}

func or[T any](v *T, fallback T) T {
	if v == nil {
		return fallback
	}
	return *v
}
