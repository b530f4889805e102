package embeddings

import (
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/generate/wire"
	"github.com/parley-ai/parley/internal/httpapi"
)

// maxDocuments is how many documents a search may have, as in the original.
const maxDocuments = 200

// scoreScale turns a cosine into a score. The original's, which were not made of vectors, "usually range
// from 0 to 300", and one above 200 "usually means the document is semantically similar to the query":
// with sentence embeddings that is a cosine of about two thirds.
const scoreScale = 300

// SearchRequest is the body of POST /v1/engines/{engine}/search.
type SearchRequest struct {
	Model          jsontext.Value `json:"model,omitzero" doc:"Not here: the path names the model."`
	Query          string         `json:"query" doc:"What to look for." min:"1" example:"the president"`
	Documents      []string       `json:"documents,omitzero" doc:"The texts to score, at most 200." min:"1" max:"200"`
	File           string         `json:"file,omitzero" doc:"Refused: send documents."`
	MaxRerank      *int           `json:"max_rerank,omitzero" doc:"Accepted; it only ever had an effect with file." min:"1" default:"200"`
	ReturnMetadata bool           `json:"return_metadata,omitzero" doc:"Accepted; it only ever had an effect with file." default:"false"`
	User           string         `json:"user,omitzero" doc:"Your end user, for your own logs."`
	Timeout        *float64       `json:"timeout,omitzero" doc:"Accepted for clients of before November 2023, which send it; without effect."`
}

// SearchResponse is the answer.
type SearchResponse struct {
	Object string         `json:"object" doc:"Always list." enum:"list"`
	Data   []SearchResult `json:"data" doc:"One per document, in their order."`
	Model  string         `json:"model"`
}

// SearchResult is the score of one document.
type SearchResult struct {
	Object   string  `json:"object" doc:"Always search_result." enum:"search_result"`
	Document int     `json:"document" doc:"Which of the documents, from 0."`
	Score    float64 `json:"score" doc:"300 times the cosine of the angle between query and document, 0 where that is negative."`
}

// operation checks the request and returns what the core runs.
func (r *SearchRequest) operation(engine string) (generate.SearchRequest, error) {
	if err := httpapi.First(
		httpapi.Required("query", r.Query != ""),
		httpapi.MaxItems("documents", len(r.Documents), maxDocuments),
		httpapi.Min("max_rerank", r.MaxRerank, 1),
	); err != nil {
		return generate.SearchRequest{}, err
	}
	switch {
	case r.File != "":
		return generate.SearchRequest{}, wire.Unsupported("file", "Searching an uploaded 'file'")
	case len(r.Documents) == 0:
		return generate.SearchRequest{}, fault.Param("documents", "You should specify 'documents': a list of 1 to %d texts to search.", maxDocuments)
	}
	if i := slices.Index(r.Documents, ""); i >= 0 {
		return generate.SearchRequest{}, fault.Param("documents", "Document %d is an empty string, which has no meaning to compare. Leave it out, or send a text.", i)
	}
	return generate.SearchRequest{Engine: engine, Param: "documents", Query: r.Query, Documents: r.Documents, User: r.User}, nil
}

// searchResponse scores the documents by their cosines.
func searchResponse(engine string, cosines []float64) SearchResponse {
	out := SearchResponse{Object: "list", Model: engine, Data: make([]SearchResult, len(cosines))}
	for i, c := range cosines {
		out.Data[i] = SearchResult{Object: "search_result", Document: i, Score: math.Round(scoreScale*1000*c) / 1000}
	}
	return out
}
