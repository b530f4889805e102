package retrieval

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/retrieval/lexical"
)

// Query asks for the chunks that answer a question.
type Query struct {
	Texts     []string // what is looked for; with several, a chunk counts as much as for the best of them
	Filter    *Filter  // only files whose attributes satisfy it; nil: all
	Max       int      // hits, 1–50; 0 is 10
	Threshold float64  // of a hit's score, 0–1
	Weights   *Weights // nil: both count the same
}

// Weights say how much meaning and words count in a hit's score; only their relation matters.
type Weights struct{ Vectors, Words float64 }

// Bounds of a search.
const (
	DefaultHits = 10
	MaxHits     = 50
	MaxQueries  = 20
)

// Hit is a chunk that was found.
type Hit struct {
	StoreID    string
	FileID     string
	Filename   string
	Attributes map[string]any
	Position   int // of the chunk in the file, from 0
	Heading    string
	Page       int // from 1; 0: the file has no pages
	Text       string
	Score      float64 // 0–1

	file *fileIndex
	best int // its passage that is closest in meaning; -1: not known
}

// Search looks in stores of the actor's project for chunks, the best first. A store that has expired is an error.
func (s *Service) Search(ctx context.Context, who actor.Actor, storeIDs []string, q Query) ([]Hit, error) {
	if q.Max == 0 {
		q.Max = DefaultHits
	}
	w := Weights{1, 1}
	if q.Weights != nil {
		w = *q.Weights
	}
	if w.Vectors+w.Words <= 0 {
		return nil, fault.Param("ranking_options.hybrid_search", "Both weights are 0: nothing would be found. Make one of them greater.")
	}
	var stores []Store
	for _, id := range slices.Compact(slices.Sorted(slices.Values(storeIDs))) {
		v, err := s.store(ctx, s.db.Read(), who, id)
		if err == nil {
			err = usable(v)
		}
		if err != nil {
			return nil, err
		}
		stores = append(stores, v)
	}
	questions := map[string]asked{} // by embedding model
	var hits []Hit
	for _, v := range stores {
		if err := s.touch(ctx, s.db, v); err != nil {
			return nil, err
		}
		files, err := s.indexOf(ctx, v)
		if err != nil {
			return nil, err
		}
		// Only files that may be looked at are, and an empty store needs no vectors.
		open := make([]bool, len(files))
		for i, f := range files {
			open[i] = q.Filter.matches(f.attributes)
		}
		if !slices.Contains(open, true) {
			continue
		}
		a, ok := questions[v.Model]
		if !ok && w.Vectors > 0 {
			if a, err = s.ask(ctx, who, v.Model, q.Texts); err != nil {
				return nil, err
			}
			questions[v.Model] = a
		}
		hits = append(hits, score(files, open, a, q.Texts, w)...)
	}
	hits = best(hits, q)
	return s.texts(ctx, hits)
}

// asked is a question as vectors.
type asked struct {
	served  string
	vectors [][]float32
}

func (s *Service) ask(ctx context.Context, who actor.Actor, model string, texts []string) (asked, error) {
	got, err := s.embed.Embed(ctx, who, generate.EmbedRequest{Op: "embeddings", Class: "embeddings", Model: model, Param: "query", Texts: texts})
	return asked{got.Admitted.Served, got.Vectors}, err
}

// score gives each chunk of the open files a score between 0 and 1: of its closest passage's meaning and of its words, the mean by
// their weights, for the best of the questions.
//
// Meaning is the cosine, stretched so that what is as far from the question as the store's passages are on average is 0: some models
// put all texts close together. Words is BM25 as a part of what a text with the question's words and nothing else could reach.
func score(files []*fileIndex, open []bool, a asked, texts []string, w Weights) []Hit {
	segments := make([]*lexical.Segment, len(files))
	for i, f := range files {
		segments[i] = f.words
	}
	at := map[[2]int]int{} // (file, chunk) → index in hits
	var hits []Hit
	for n, text := range texts {
		words, most := lexical.Search(segments, open, lexical.Ask(text))
		closest := make([][]near, len(files))
		usual := 0.0
		if w.Vectors > 0 {
			closest, usual = nearest(files, open, a, n)
		}
		for i, f := range files {
			if !open[i] {
				continue
			}
			for c := range f.chunks {
				total, passage := 0.0, -1
				if words[i] != nil && most > 0 {
					total += w.Words * words[i][c] / most
				}
				if closest[i] != nil {
					total += w.Vectors * max(0, (closest[i][c].cosine-usual)/(1-usual))
					passage = closest[i][c].passage
				}
				if total = min(1, total/(w.Vectors+w.Words)); total <= 0 {
					continue
				}
				h, ok := at[[2]int{i, c}]
				if !ok {
					h = len(hits)
					at[[2]int{i, c}] = h
					hits = append(hits, Hit{StoreID: f.storeID, FileID: f.fileID, Filename: f.name, Attributes: f.attributes, Position: c, file: f, best: -1})
				}
				if total > hits[h].Score {
					hits[h].Score, hits[h].best = total, passage
				}
			}
		}
	}
	return hits
}

// near is how close a chunk is, and by which of its passages.
type near struct {
	cosine  float64
	passage int
}

// fewPassages is how many passages of cosine 0 are thought to be in a store beside its own, so that the average of a few says little.
const fewPassages = 50

// nearest returns for each chunk of the open files how close it is to the n-th question, and the average of all their passages.
func nearest(files []*fileIndex, open []bool, a asked, n int) (out [][]near, average float64) {
	out = make([][]near, len(files))
	sum, count := 0.0, fewPassages
	for i, f := range files {
		if !open[i] || f.served != a.served || len(f.vectors) == 0 || len(f.vectors[0]) != len(a.vectors[n]) {
			continue
		}
		cosines := make([]float64, len(f.vectors))
		for p, v := range f.vectors {
			cosines[p] = dot(v, a.vectors[n])
			sum += max(0, cosines[p])
		}
		count += len(cosines)
		out[i] = make([]near, len(f.chunks))
		for c, of := range f.chunks {
			b := near{cosines[of.first], of.first}
			for p := of.first + 1; p <= of.last; p++ {
				if cosines[p] > b.cosine {
					b = near{cosines[p], p}
				}
			}
			out[i][c] = b
		}
	}
	return out, min(sum/float64(count), 0.95)
}

func dot(a, b []float32) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return float64(s0+s1) + float64(s2+s3)
}

// best sorts hits and keeps the first ones. A chunk whose closest passage is in a better one that is kept brings nothing new.
func best(hits []Hit, q Query) []Hit {
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.StoreID, b.StoreID), cmp.Compare(a.FileID, b.FileID), cmp.Compare(a.Position, b.Position))
	})
	var out []Hit
	for _, h := range hits {
		if len(out) == q.Max || h.Score < q.Threshold {
			break
		}
		shown := slices.ContainsFunc(out, func(o Hit) bool {
			of := o.file.chunks[o.Position]
			return o.file == h.file && h.best >= 0 && of.first <= h.best && h.best <= of.last
		})
		if !shown {
			h.Score = math.Round(h.Score*1e6) / 1e6
			out = append(out, h)
		}
	}
	return out
}
