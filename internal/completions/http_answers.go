package completions

import (
	"net/http"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/httpapi"
)

// answerRoutes are the operations of before 2023 in which the server writes the prompt.
func (a *API) answerRoutes() []httpapi.Route {
	return []httpapi.Route{
		{
			Method: http.MethodPost, Path: "/v1/answers", Op: "createAnswer", Tag: "Answers",
			Summary: "Answers a question by documents and examples.",
			In:      AnswerRequest{}, Out: Answer{},
			Scope: actor.CompletionsWrite, LimitClass: "completions", Keep: httpapi.KeepBoth, Handle: a.createAnswer,
		},
		{
			Method: http.MethodPost, Path: "/v1/classifications", Op: "createClassification", Tag: "Answers",
			Summary: "Finds the label of a text by examples.",
			In:      ClassificationRequest{}, Out: Classification{},
			Scope: actor.CompletionsWrite, LimitClass: "completions", Keep: httpapi.KeepBoth, Handle: a.createClassification,
		},
	}
}

func (a *API) createAnswer(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[AnswerRequest](w, r, httpapi.Strict)
	if err == nil {
		err = req.check()
	}
	if err != nil {
		return a.refuse(r, req.Model, err)
	}
	begin, end := req.instruction(), "Q: "+req.Question+"\nA:"
	which, err := req.choice(begin + end)
	if err != nil {
		return err
	}
	chosen, err := a.passages(r.Context(), httpapi.ActorOf(r.Context()), which, req.passages())
	if err != nil {
		return err
	}
	out := Answer{Object: "answer", SearchModel: which.engine, SelectedDocuments: []SelectedDocument{}}
	var read strings.Builder
	for _, p := range chosen {
		read.WriteString(p.prompt)
		out.SelectedDocuments = append(out.SelectedDocuments, SelectedDocument{Document: p.index, Text: p.text})
	}
	prompt := begin
	if text := strings.TrimSpace(read.String()); text != "" {
		prompt += contextOf(text)
	}
	prompt += end
	of := req.completion(prompt)
	whole, err := a.complete(r.Context(), w.Header(), &of)
	if err != nil {
		return err
	}
	for _, c := range whole.Choices {
		out.Answers = append(out.Answers, said(c.Text))
	}
	out.Model, out.Completion = whole.Model, completed(whole, req.Expand, req.Logprobs)
	if req.ReturnPrompt {
		out.Prompt = prompt
	}
	return httpapi.JSON(w, http.StatusOK, out)
}

func (a *API) createClassification(w http.ResponseWriter, r *http.Request) error {
	req, err := httpapi.Decode[ClassificationRequest](w, r, httpapi.Strict)
	if err == nil {
		err = req.check()
	}
	if err != nil {
		return a.refuse(r, req.Model, err)
	}
	labels := req.labels()
	begin, end := req.instruction(labels), req.question()
	which, err := req.choice(begin+end, labels)
	if err != nil {
		return err
	}
	chosen, err := a.passages(r.Context(), httpapi.ActorOf(r.Context()), which, req.passages())
	if err != nil {
		return err
	}
	out := Classification{Object: "classification", SearchModel: which.engine, SelectedExamples: []SelectedExample{}}
	prompt := begin
	for _, p := range chosen {
		prompt += p.prompt
		out.SelectedExamples = append(out.SelectedExamples, SelectedExample{Document: p.index, Text: p.text, Label: p.label})
	}
	prompt += end
	of := req.completion(prompt)
	whole, err := a.complete(r.Context(), w.Header(), &of)
	if err != nil {
		return err
	}
	out.Label = labelIn(whole.Choices[0].Text, labels)
	out.Model, out.Completion = whole.Model, completed(whole, req.Expand, req.Logprobs)
	if req.ReturnPrompt {
		out.Prompt = prompt
	}
	return httpapi.JSON(w, http.StatusOK, out)
}
