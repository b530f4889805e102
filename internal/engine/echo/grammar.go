package echo

import (
	"math/rand/v2"
	"strings"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo/gbnf"
	"github.com/parley-ai/parley/internal/fault"
)

// parseGrammar reads the request's grammar; nil without one.
func parseGrammar(req engine.GenerateRequest) (*gbnf.Grammar, error) {
	g := req.Sampling.Grammar
	if g == nil {
		return nil, nil
	}
	root := g.Root
	if root == "" {
		root = "root"
	}
	parsed, err := gbnf.Parse(g.GBNF, root)
	if err != nil {
		return nil, fault.Param("response_format", "The grammar cannot be used: %v", err).WithCause(err)
	}
	return parsed, nil
}

// sampleSize is about how many rules a drawn answer goes through before it looks for its end.
const sampleSize = 60

// held is what the model says under a grammar: the reply itself when the grammar allows it, else a text
// that is drawn from the grammar by the seed. A grammar with triggers takes over at the first of them
// in the reply, and changes nothing when there is none.
func held(g *gbnf.Grammar, req engine.GenerateRequest, reply []engine.Token) (_ []engine.Token, forced bool) {
	var b []byte
	for _, t := range reply {
		b = appendToken(b, t)
	}
	text, before := string(b), ""
	if triggers := req.Sampling.Grammar.Triggers; len(triggers) > 0 {
		first := -1
		for _, trigger := range triggers {
			if at := strings.Index(text, trigger); at >= 0 && (first < 0 || at < first) {
				first = at
			}
		}
		if first < 0 {
			return reply, false
		}
		before, text = text[:first], text[first:]
	}
	if whole, _ := g.Match(text); !whole {
		seed := mix(uint64(req.Sampling.Seed)<<32 | uint64(len(req.Tokens)))
		text = g.Sample(rand.New(rand.NewPCG(seed, 0)), sampleSize)
	}
	return tokenize(before+text, false), true
}
