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
	"github.com/parley-ai/parley/internal/vector"
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
		in, err := s.indexOf(ctx, v)
		if err != nil {
			return nil, err
		}
		// Only files that may be looked at are, and an empty store needs no vectors.
		open := make([]bool, len(in.files))
		for i, f := range in.files {
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
		found, err := s.score(ctx, in, open, a, q, w)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
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

// candidates is how many passages are looked for by meaning, and as many chunks by words, of which the best are shown.
const candidates = 200

// chunkAt names a chunk of a view.
type chunkAt struct{ file, chunk int }

// score gives the chunks of the open files that may be among the best a score between 0 and 1: of its closest passage's meaning and of
// its words, the mean by their weights, for the best of the questions.
//
// Meaning is the cosine, stretched so that what is as far from the question as the store's passages are on average is 0: some models
// put all texts close together. Words is BM25 as a part of what a text with the question's words and nothing else could reach.
func (s *Service) score(ctx context.Context, in view, open []bool, a asked, q Query, w Weights) ([]Hit, error) {
	segments := make([]*lexical.Segment, len(in.files))
	for i, f := range in.files {
		segments[i] = f.words
	}
	at := map[chunkAt]int{} // → index in hits
	var hits []Hit
	for n, text := range q.Texts {
		words, most := lexical.Search(segments, open, lexical.Ask(text))
		closest := map[chunkAt]near{}
		usual := 0.0
		if w.Vectors > 0 {
			var err error
			if closest, usual, err = s.nearest(ctx, in, open, a, n, top(words, w)); err != nil {
				return nil, err
			}
		} else {
			for _, c := range top(words, w) {
				closest[c] = near{passage: -1}
			}
		}
		for c, b := range closest {
			total := w.Vectors * max(0, (b.cosine-usual)/(1-usual))
			if words[c.file] != nil && most > 0 {
				total += w.Words * words[c.file][c.chunk] / most
			}
			if total = min(1, total/(w.Vectors+w.Words)); total <= 0 {
				continue
			}
			h, ok := at[c]
			if !ok {
				h = len(hits)
				at[c] = h
				f := in.files[c.file]
				hits = append(hits, Hit{StoreID: f.storeID, FileID: f.fileID, Filename: f.name, Attributes: f.attributes, Position: c.chunk, file: f, best: -1})
			}
			if total > hits[h].Score {
				hits[h].Score, hits[h].best = total, b.passage
			}
		}
	}
	return hits, nil
}

// top are the chunks with the best words.
func top(words lexical.Scores, w Weights) []chunkAt {
	if w.Words == 0 {
		return nil
	}
	var all []chunkAt
	for i, scores := range words {
		for c, score := range scores {
			if score > 0 {
				all = append(all, chunkAt{i, c})
			}
		}
	}
	slices.SortFunc(all, func(a, b chunkAt) int {
		return cmp.Or(cmp.Compare(words[b.file][b.chunk], words[a.file][a.chunk]), cmp.Compare(a.file, b.file), cmp.Compare(a.chunk, b.chunk))
	})
	return all[:min(len(all), candidates)]
}

// near is how close a chunk is, and by which of its passages; -1: not known.
type near struct {
	cosine  float64
	passage int
}

// fewPassages is how many passages of cosine 0 are thought to be in a store beside its own, so that the average of a few says little.
const fewPassages = 50

// nearest returns the chunks of open files that are closest to the n-th question and those asked for also, with how close they are, and
// the average of all passages of open files.
func (s *Service) nearest(ctx context.Context, in view, open []bool, a asked, n int, also []chunkAt) (map[chunkAt]near, float64, error) {
	out := map[chunkAt]near{}
	question := a.vectors[n]
	bySerial := map[uint32]int{} // → file, of open ones
	sum, count := 0.0, fewPassages
	for i, f := range in.files {
		if open[i] && f.served == a.served && len(f.sum) == len(question) {
			bySerial[f.serial] = i
			sum += dot(f.sum, question)
			count += f.passages
		}
	}
	if vectors := in.vectors[a.served]; vectors != nil && len(bySerial) > 0 {
		o := vector.Options{K: candidates, Allow: func(id uint64) bool {
			_, ok := bySerial[uint32(id>>32)]
			return ok
		}}
		found, err := vectors.Search(question, o)
		if err != nil {
			return nil, 0, err
		}
		for _, hit := range found {
			file, passage := bySerial[uint32(hit.ID>>32)], int(uint32(hit.ID))
			for c, of := range in.files[file].chunks {
				if b, ok := out[chunkAt{file, c}]; of.first <= passage && passage <= of.last && (!ok || float64(hit.Score) > b.cosine) {
					out[chunkAt{file, c}] = near{float64(hit.Score), passage}
				}
			}
		}
	}
	for _, c := range also {
		if _, ok := out[c]; ok {
			continue
		}
		f := in.files[c.file]
		b := near{passage: -1}
		if _, ok := bySerial[f.serial]; ok {
			vectors, err := s.vectorsOf(ctx, f, c.chunk)
			if err != nil {
				return nil, 0, err
			}
			for i, v := range vectors {
				if cosine := dot(v, question); i == 0 || cosine > b.cosine {
					b = near{cosine, f.chunks[c.chunk].first + i}
				}
			}
		}
		out[c] = b
	}
	return out, min(max(sum/float64(count), 0), 0.95), nil
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
