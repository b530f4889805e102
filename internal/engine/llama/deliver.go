package llama

import (
	"slices"
	"sync"

	"github.com/parley-ai/parley/internal/engine"
)

// deliver records what a step computed, samples and sends.
func (l *loop) deliver(parts []part) error {
	var choices []*choice
	for _, p := range parts {
		l.rows.extend(p.seq.row, p.n)
		if p.outputs {
			if err := l.scorePart(p); err != nil {
				return err
			}
		}
		if !p.last {
			continue
		}
		if !p.seq.started {
			l.begin(p.seq)
		}
		if p.seq.limit == 0 {
			l.finish(p.seq, engine.FinishLength)
			continue
		}
		logits, err := l.ctx.Logits(p.first + p.n - 1)
		if err != nil {
			return err
		}
		choices = append(choices, &choice{seq: p.seq, logits: logits})
		for _, s := range l.twins(p.seq) {
			choices = append(choices, &choice{seq: s, logits: logits})
		}
	}
	l.chooseAll(choices)
	for _, c := range choices {
		if !l.produce(c) {
			w := &l.rows.row[c.seq.row]
			w.tokens = append(w.tokens, c.token)
		}
	}
	return nil
}

// twins gives rows to those that waited for a sequence because they have the same prompt: its first
// logits are theirs too.
func (l *loop) twins(of *sequence) (out []*sequence) {
	n := len(of.tokens)
	for _, s := range l.active {
		if s.row >= 0 || s.started || s.waitFor != of || s.limit == 0 || !slices.Equal(s.tokens, of.tokens) {
			continue
		}
		i := l.rows.oldest(false, of.row)
		if i < 0 {
			break
		}
		l.vacate(i)
		l.ctx.Share(int32(of.row), int32(i), n)
		l.rows.lend(of.row, i, n)
		l.rows.row[i].owner = s
		l.rows.touch(i)
		s.row, s.waitFor, s.cached = i, nil, n
		l.begin(s)
		out = append(out, s)
	}
	return out
}

// begin announces that the prompt is computed.
func (l *loop) begin(s *sequence) {
	s.started = true
	s.out.add(engine.Started{PromptTokens: s.prompt, CachedTokens: s.cached})
	if s.req.PromptLogprobs {
		s.out.add(engine.PromptScored{Tokens: s.scored})
	}
}

// chooseAll samples for several sequences; on as many cores as compute, when it is worth it.
func (l *loop) chooseAll(choices []*choice) {
	workers := min(len(l.scratch), len(choices))
	heavy := 0
	for _, c := range choices {
		if !c.seq.sample.light() || c.seq.req.Logprobs {
			heavy++
		}
	}
	if heavy < 2 || workers < 2 {
		for _, c := range choices {
			c.choose(l.scratch[0], l.spelled)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(choices); i += workers {
				choices[i].choose(l.scratch[w], l.spelled)
			}
		})
	}
	wg.Wait()
}

// scorePart computes the logprobs of the prompt tokens that follow each position of a part.
func (l *loop) scorePart(p part) error {
	s := p.seq
	done := len(l.rows.row[s.row].cells)
	from := done - p.n // position of the part's first token
	if from == 0 {
		s.scored = append(s.scored[:0], engine.TokenLogprob{Token: s.tokens[0], Bytes: l.spelled(s.tokens[0])})
	}
	type job struct {
		logits []float32
		target engine.Token
	}
	var jobs []job
	for k := range p.n {
		if from+k+1 >= s.prompt {
			break
		}
		logits, err := l.ctx.Logits(p.first + k)
		if err != nil {
			return err
		}
		jobs = append(jobs, job{logits, s.tokens[from+k+1]})
	}
	out := make([]engine.TokenLogprob, len(jobs))
	var wg sync.WaitGroup
	workers := len(l.scratch)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(jobs); i += workers {
				out[i] = tokenLogprob(jobs[i].logits, jobs[i].target, s.req.TopLogprobs, l.spelled)
			}
		})
	}
	wg.Wait()
	s.scored = append(s.scored, out...)
	return nil
}

// piece is a token's bytes as they appear in an answer; control tokens have none.
func (l *loop) piece(t engine.Token) []byte {
	l.piecesM.RLock()
	b := l.pieces[t]
	l.piecesM.RUnlock()
	if b != nil {
		return b
	}
	b, err := l.model.Piece(make([]byte, 0, 8), t, false)
	if err != nil {
		b = []byte{}
	}
	l.piecesM.Lock()
	l.pieces[t] = b
	l.piecesM.Unlock()
	return b
}

// spelled is what logprobs call a token: its bytes, or the name of a control token, which writes none.
func (l *loop) spelled(t engine.Token) []byte {
	if b := l.piece(t); len(b) > 0 {
		return b
	}
	b, err := l.model.Piece(nil, t, true)
	if err != nil {
		return nil
	}
	return b
}
