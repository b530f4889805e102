package server

import (
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/retrieval"
)

// openRetrieval makes the vector stores over the files.
func (s *Server) openRetrieval(clk clock.Clock, gen *generate.Service) {
	s.retrieval = retrieval.NewService(retrieval.Options{
		DB: s.db, Clock: clk, Logger: s.log, Jobs: s.jobs, Files: s.files, Embed: gen, Read: documents.Read,
		Model: func() string { return s.cfg.Retrieval.EmbeddingModel }, Memory: int64(s.cfg.Retrieval.IndexMemory),
	})
	s.files.OnDelete(s.retrieval.FileDeleted)
}
