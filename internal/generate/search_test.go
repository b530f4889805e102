package generate

import (
	"slices"
	"testing"
)

func TestSearchComparesWithTheQuery(t *testing.T) {
	if got := cosines([]float32{1, 0}, [][]float32{{-1, 0}, {0.6, 0.8}, {1, 0}}); !slices.EqualFunc(got, []float64{0, 0.6, 1}, func(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }) {
		t.Errorf("%v", got)
	}
	w, s := newWorld()
	admitted, got, err := s.Search(t.Context(), who, SearchRequest{Engine: "gpt-4", Param: "documents", Query: "q", Documents: []string{"a", "b"}})
	if err != nil || len(got) != 2 || admitted.PromptTokens != 3 || w.records[0].Op != "search" {
		t.Errorf("%v, %+v, %v, %+v", got, admitted, err, w.records)
	}
	if _, _, err := s.Search(t.Context(), who, SearchRequest{Engine: "nothing"}); err == nil {
		t.Error("an engine that does not exist")
	}
}

func TestSearchEnginesAreEmbeddingModels(t *testing.T) {
	for engine, want := range map[string]string{"davinci": "text-search-davinci-doc-001", "ada": "text-search-ada-doc-001", "my-model": "my-model"} {
		if got := searchModel(engine); got != want {
			t.Errorf("%s: %s", engine, got)
		}
	}
}
