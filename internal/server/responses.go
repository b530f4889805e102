package server

import (
	"context"
	"io"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/responses"
	"github.com/parley-ai/parley/internal/retrieval"
	"github.com/parley-ai/parley/internal/retrieval/filesearch"
)

// maxInputFile is how large an uploaded file may be, in bytes, that a response's input names; OpenAI's limit.
const maxInputFile = 50 << 20

// openResponses serves responses and conversations, and goes on with those that dead servers left.
func (s *Server) openResponses(ctx context.Context, o Options, servers *presence.Servers, gen *generate.Service) error {
	s.responses = responses.New(responses.Options{
		DB: s.db, Model: lasting{gen, s.identity}, Servers: servers, Clock: o.Clock, Logger: s.log, Files: s.inputFile,
		Reader: func(ctx context.Context, name string, content io.ReadSeeker) (string, error) {
			doc, err := documents.Read(ctx, name, content)
			return doc.Text(), err
		},
		Tools: map[string]responses.Toolmaker{responses.FileSearch: s.responseSearch, responses.CodeInterpreter: s.responseInterpreter},
	})
	s.onClose(s.responses.Close)
	if err := s.responses.Recover(ctx); err != nil {
		return err
	}
	servers.OnBeat(s.responses.Recover)
	return nil
}

// responseSearch searches the vector stores that a response's tool names, for who may read them: a key for chat alone may not.
func (s *Server) responseSearch(ctx context.Context, who actor.Actor, u responses.Use) (agent.Tool, error) {
	if err := httpapi.Permitted(who, actor.AssistantsRead); err != nil {
		return nil, err
	}
	for _, id := range u.Tool.VectorStoreIDs {
		if _, err := s.retrieval.Get(ctx, who, id); err != nil {
			return nil, err
		}
	}
	o := filesearch.Options{Stores: s.retrieval, IDs: u.Tool.VectorStoreIDs, First: u.Searches}
	if u.Tool.MaxNumResults != nil {
		o.Max = *u.Tool.MaxNumResults
	}
	if r := u.Tool.RankingOptions; r != nil {
		if o.Ranker = r.Ranker; r.ScoreThreshold != nil {
			o.Threshold = *r.ScoreThreshold
		}
	}
	if f := u.Tool.Filters; len(f) > 0 && f.Kind() != 'n' {
		var body retrieval.FilterBody
		if err := json.Unmarshal(f, &body); err != nil {
			if e := fault.As(err); e != nil {
				return nil, e
			}
			return nil, fault.Param("tools", "The filters of file_search are not what they should be: %s.", err).WithCode("invalid_value")
		}
		o.Filter = &body.Filter
	}
	return filesearch.New(o), nil
}

// inputFile reads an uploaded file that a response's input names, for who may read files.
func (s *Server) inputFile(ctx context.Context, who actor.Actor, id string) (string, []byte, error) {
	if err := httpapi.Permitted(who, actor.FilesRead); err != nil {
		return "", nil, err
	}
	r, f, err := s.files.Open(ctx, who, id)
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	if f.Bytes > maxInputFile {
		return "", nil, fault.New(fault.Invalid, "The file %s has %d bytes; an input file may have %d. Put it into a vector store and use the tool file_search.", id, f.Bytes, int64(maxInputFile)).WithCode("file_too_large")
	}
	content, err := io.ReadAll(r)
	return f.Name, content, err
}
