package completions

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// unknownLabel is the label of a text for which the model wrote none of the labels, as in the original.
const unknownLabel = "Unknown"

// ClassificationRequest is the body of POST /v1/classifications.
type ClassificationRequest struct {
	Model          string         `json:"model" doc:"The model that classifies." example:"curie"`
	Query          string         `json:"query" doc:"What to classify." example:"It is a raining day :("`
	Examples       [][]string     `json:"examples,omitzero" doc:"Pairs of a text and its label, 2 to 200." min:"2" max:"200"`
	File           string         `json:"file,omitzero" doc:"Refused: send examples."`
	Labels         []string       `json:"labels,omitzero" doc:"The labels, 2 to 200; those of the examples when left out. They are written with one capital letter." min:"2" max:"200"`
	SearchModel    string         `json:"search_model,omitzero" doc:"The model that chooses among examples when there is no room for all." default:"ada"`
	Temperature    *float64       `json:"temperature,omitzero" doc:"Sampling temperature, 0 to 2; 0 always takes the likeliest token." min:"0" max:"2" default:"0"`
	Logprobs       *int           `json:"logprobs,omitzero" doc:"Report log probabilities as /v1/completions does; completion is then expanded." min:"0" max:"5"`
	MaxExamples    *int           `json:"max_examples,omitzero" doc:"How many examples are taken at most." min:"1" default:"200"`
	LogitBias      wire.LogitBias `json:"logit_bias,omitzero" doc:"Token ids with a bias from -100 to 100, as in /v1/completions."`
	ReturnPrompt   bool           `json:"return_prompt,omitzero" doc:"Show the prompt that was made." default:"false"`
	ReturnMetadata bool           `json:"return_metadata,omitzero" doc:"Accepted; it only ever had an effect with file." default:"false"`
	Expand         []string       `json:"expand,omitzero" doc:"completion shows the whole completion instead of its id; file is accepted."`
	User           string         `json:"user,omitzero" doc:"Your end user, for your own logs."`
	Timeout        *float64       `json:"timeout,omitzero" doc:"Accepted for clients of before November 2023, which send it; without effect."`
}

// Classification is the answer to a ClassificationRequest.
type Classification struct {
	Object           string            `json:"object" doc:"Always classification." enum:"classification"`
	Model            string            `json:"model" doc:"The model that was asked: the snapshot that its name stands for."`
	SearchModel      string            `json:"search_model"`
	Completion       Completed         `json:"completion" doc:"The completion's id, or all of it."`
	Label            string            `json:"label" doc:"One of the labels, or Unknown when the model wrote none of them."`
	SelectedExamples []SelectedExample `json:"selected_examples" doc:"The examples that the model read, in their order in the prompt."`
	Prompt           string            `json:"prompt,omitzero" doc:"What the model read, when asked for."`
}

// SelectedExample is an example that the model read.
type SelectedExample struct {
	Document int    `json:"document" doc:"Which of the examples, from 0."`
	Text     string `json:"text"`
	Label    string `json:"label"`
}

func (r *ClassificationRequest) check() error {
	if err := httpapi.First(
		httpapi.Model(r.Model),
		httpapi.Required("query", strings.TrimSpace(r.Query) != ""),
		httpapi.MaxItems("labels", len(r.Labels), maxPassages),
		httpapi.Min("max_examples", r.MaxExamples, 1),
		pairs(r.Examples),
		expandable(r.Expand),
	); err != nil {
		return err
	}
	unlabeled := slices.IndexFunc(r.Examples, func(e []string) bool { return capitalized(e[1]) == "" })
	switch {
	case r.File != "":
		return wire.Unsupported("file", "Classifying by an uploaded 'file'")
	case len(r.Examples) < 2:
		return fault.Param("examples", "You should specify 'examples': 2 to %d pairs of a text and its label.", maxPassages)
	case unlabeled >= 0:
		return fault.Param("examples", "Example %d has no label: each one is a text and its label.", unlabeled)
	case r.Labels != nil && len(r.Labels) < 2:
		return fault.Param("labels", "You should specify 2 to %d labels, or leave them out: then they are those of the examples.", maxPassages)
	case slices.ContainsFunc(r.Labels, func(l string) bool { return capitalized(l) == "" }):
		return fault.Param("labels", "A label is empty. Leave it out.")
	}
	of := r.completion("")
	return of.check()
}

// labels are the categories, each once.
func (r *ClassificationRequest) labels() (out []string) {
	all := r.Labels
	if all == nil {
		for _, e := range r.Examples {
			all = append(all, e[1])
		}
	}
	for _, l := range all {
		if l = capitalized(l); !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// capitalized writes a label with one capital letter, at its beginning.
func capitalized(label string) string {
	label = strings.ToLower(oneLine(label))
	first, n := utf8.DecodeRuneInString(label)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + label[n:]
}

func oneLine(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "\n", " ")) }

func (r *ClassificationRequest) instruction(labels []string) string {
	return "Please classify a piece of text into the following categories: " + strings.Join(labels, ", ") + ".\n\n"
}

func (r *ClassificationRequest) question() string { return "Text: " + oneLine(r.Query) + "\nCategory:" }

// choice says which examples the prompt gets beside what it has anyway.
func (r *ClassificationRequest) choice(fixed string, labels []string) (choice, error) {
	used, err := measure(fixed)
	return choice{
		engine: cmp.Or(r.SearchModel, defaultSearch), query: oneLine(r.Query), most: or(r.MaxExamples, maxPassages), param: "examples",
		room: maxPrompt - used - defaultMaxTokens, mix: roundRobin(labels),
	}, err
}

func (r *ClassificationRequest) passages() []passage {
	out := make([]passage, len(r.Examples))
	for i, e := range r.Examples {
		label := capitalized(e[1])
		out[i] = passage{index: i, text: e[0], label: label, prompt: "Text: " + oneLine(e[0]) + "\nCategory: " + label + "\n---\n"}
	}
	return out
}

// completion is the request for the label.
func (r *ClassificationRequest) completion(prompt string) Request {
	return Request{
		Model: r.Model, Prompt: wire.Prompts{Texts: []string{prompt}}, Logprobs: r.Logprobs,
		Sampling: wire.Sampling{Temperature: new(or(r.Temperature, 0)), Stop: wire.Stop{"\n"}, LogitBias: r.LogitBias, User: r.User},
	}
}

// labelIn is the label that the model wrote.
func labelIn(text string, labels []string) string {
	text, _, _ = strings.Cut(text, "\n")
	if label := capitalized(text); slices.Contains(labels, label) {
		return label
	}
	return unknownLabel
}
