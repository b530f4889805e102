package completions

import (
	"context"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// maxPrompt is how many tokens of r50k_base, the encoding of those years' models, the prompt and the answer
// of /v1/answers and /v1/classifications have together, as in the original.
const maxPrompt = 2048

// passage is a text of the request that may come into the prompt.
type passage struct {
	index  int    // in the request
	text   string // what is searched, and shown in the answer
	label  string // of examples
	prompt string // as it stands in the prompt
	tokens int    // of prompt
}

// measure counts the tokens of a text.
func measure(text string) (int, error) {
	encoding, err := bpe.Get("r50k_base")
	if err != nil {
		return 0, err
	}
	return encoding.Count(text), nil
}

// choice says which passages come into a prompt.
type choice struct {
	engine string                    // of the search
	query  string                    // what the passages are to be near to
	most   int                       // how many of them are taken at most
	room   int                       // tokens
	param  string                    // the field of the passages
	mix    func([]passage) []passage // brings ranked passages into the order in which they are taken; nil leaves them
}

// passages are those that come into the prompt, in its order. Where there is room for all of them they are
// all taken, in the order of the request. Otherwise they are ranked by search, as many are taken as there is
// room for, and the nearest stands last, next to the question.
func (a *API) passages(ctx context.Context, who actor.Actor, c choice, all []passage) ([]passage, error) {
	total := 0
	for i := range all {
		n, err := measure(all[i].prompt)
		if err != nil {
			return nil, err
		}
		all[i].tokens = n
		total += n
	}
	ranked := total >= c.room || len(all) > c.most
	if ranked {
		if !slices.ContainsFunc(all, func(p passage) bool { return p.tokens < c.room }) {
			return nil, nil
		}
		if err := a.rank(ctx, who, c, all); err != nil {
			return nil, err
		}
		all = all[:min(len(all), c.most)]
	}
	if c.mix != nil {
		all = c.mix(all)
	}
	var out []passage
	left := c.room
	for _, p := range all {
		if p.tokens < left {
			left -= p.tokens
			out = append(out, p)
		}
	}
	if ranked {
		slices.Reverse(out)
	}
	return out, nil
}

// rank sorts passages by how near they are to the query, the nearest first.
func (a *API) rank(ctx context.Context, who actor.Actor, c choice, all []passage) error {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.text
	}
	_, near, err := a.Generate.Search(ctx, who, generate.SearchRequest{Engine: c.engine, Param: c.param, Query: c.query, Documents: texts})
	if f := fault.As(err); f != nil && f.Param == "model" {
		f.Param = "search_model"
	}
	if err != nil {
		return err
	}
	order := make(map[int]float64, len(all))
	for i, p := range all {
		order[p.index] = near[i]
	}
	slices.SortStableFunc(all, func(p, q passage) int {
		switch {
		case order[p.index] > order[q.index]:
			return -1
		case order[p.index] < order[q.index]:
			return 1
		}
		return 0
	})
	return nil
}

// roundRobin takes the passages of each label in turn, in the order of labels; those of other labels are left out.
func roundRobin(labels []string) func([]passage) []passage {
	return func(all []passage) []passage {
		byLabel := map[string][]passage{}
		for _, p := range all {
			byLabel[p.label] = append(byLabel[p.label], p)
		}
		var out []passage
		for i := range all {
			for _, label := range labels {
				if of := byLabel[label]; i < len(of) {
					out = append(out, of[i])
				}
			}
		}
		return out
	}
}
