package generate

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
)

// SearchRequest asks how near documents are to a query.
type SearchRequest struct {
	Engine    string // as the caller names it
	Param     string // the field that errors about the texts name: "documents"
	Query     string
	Documents []string
	User      string // the caller's end user, for the limits
}

// Search returns for each document the cosine of the angle between its vector and the query's, 0 where that
// is negative. It is admitted and recorded as an embedding of all the texts.
func (s *Service) Search(ctx context.Context, who actor.Actor, req SearchRequest) (Admitted, []float64, error) {
	got, err := s.Embed(ctx, who, EmbedRequest{
		Op: "search", Class: "embeddings", Model: searchModel(req.Engine), Param: req.Param,
		Texts: append([]string{req.Query}, req.Documents...), User: req.User,
	})
	if err != nil {
		return Admitted{}, nil, err
	}
	return got.Admitted, cosines(got.Vectors[0], got.Vectors[1:]), nil
}

// searchModel is the embedding model behind a search engine. The four engines of the original wrote
// texts as well; when search was retired, these were their successors for it.
func searchModel(engine string) string {
	switch engine {
	case "ada", "babbage", "curie", "davinci":
		return "text-search-" + engine + "-doc-001"
	}
	return engine
}

// cosines compares vectors of length 1 with the query's; what points away is as far as what has nothing to
// do with it.
func cosines(query []float32, vectors [][]float32) []float64 {
	out := make([]float64, len(vectors))
	for i, v := range vectors {
		for k, x := range v {
			out[i] += float64(x) * float64(query[k])
		}
		out[i] = max(0, out[i])
	}
	return out
}
