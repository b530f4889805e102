package edits

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// maxChoices is the largest n of this endpoint.
const maxChoices = 20

// Request is the body of POST /v1/edits.
type Request struct {
	Model       string   `json:"model" doc:"The model that edits." example:"text-davinci-edit-001"`
	Input       string   `json:"input,omitzero" doc:"The text to edit; a new text is written when left out." default:"" example:"What day of the wek is it?"`
	Instruction string   `json:"instruction" doc:"How to edit it." example:"Fix the spelling mistakes."`
	N           *int     `json:"n,omitzero" doc:"How many edits to make, 1 to 20." min:"1" max:"20" default:"1"`
	Temperature *float64 `json:"temperature,omitzero" doc:"Sampling temperature, 0 to 2; 0 always takes the likeliest token." min:"0" max:"2" default:"1"`
	TopP        *float64 `json:"top_p,omitzero" doc:"Samples from the likeliest tokens that together have this probability, 0 to 1." min:"0" max:"1" default:"1"`
	Timeout     *float64 `json:"timeout,omitzero" doc:"Accepted for clients of before November 2023, which send it; without effect."`
}

// EngineRequest is the body of POST /v1/engines/{engine}/edits.
type EngineRequest struct {
	Model jsontext.Value `json:"model,omitzero" doc:"Not here: the path names the model."`
	Request
}

// Response is the answer.
type Response struct {
	ID      string      `json:"id" example:"edit-8Abc"`
	Object  string      `json:"object" doc:"Always edit." enum:"edit"`
	Created int64       `json:"created" doc:"When the answer was begun, in seconds since 1970."`
	Model   string      `json:"model" doc:"The model that was asked: the snapshot that its name stands for."`
	Choices []Choice    `json:"choices"`
	Usage   *wire.Usage `json:"usage"`
}

// Choice is one edited text.
type Choice struct {
	Text         string `json:"text"`
	Index        int    `json:"index"`
	FinishReason string `json:"finish_reason" doc:"stop, or length when the window ended it." enum:"stop,length"`
}

// operation checks the request and returns what the core runs.
func (r *Request) operation(requestID string) (generate.Request, generate.Prompt, int, error) {
	out := generate.Request{ID: requestID, Op: "edits", Class: "completions", Model: r.Model, Param: "input"}
	sampling := wire.Sampling{N: r.N, Temperature: r.Temperature, TopP: r.TopP}
	if err := httpapi.First(
		httpapi.Model(r.Model),
		httpapi.Required("instruction", r.Instruction != ""),
		httpapi.Range("n", r.N, 1, maxChoices),
		sampling.Check(0),
	); err != nil {
		return out, generate.Prompt{}, 0, err
	}
	sampling.Fill(&out)
	return out, generate.FromMessages(ask(r.Instruction, r.Input)), sampling.Choices(), nil
}

// ask is the conversation whose answer is the edited text. The example in it shows small models that
// nothing but the text is wanted.
func ask(instruction, input string) []engine.Message {
	return []engine.Message{
		{Role: "system", Content: "You edit texts. Do what the instruction says and answer with the whole edited text alone: " +
			"no explanation, no quotation marks around it. Leave what the instruction does not speak of as it is."},
		{Role: "user", Content: task("Correct the spelling.", "Their going to the libary tomorow.")},
		{Role: "assistant", Content: "They're going to the library tomorrow."},
		{Role: "user", Content: task(instruction, input)},
	}
}

func task(instruction, input string) string {
	if input == "" {
		return "Instruction: " + instruction + "\n\nThe text is still empty: write it."
	}
	return "Instruction: " + instruction + "\n\nText:\n" + input
}
