package generate

import (
	"iter"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// countedIn returns the encoding in which a name counts; nil where it counts the served model's own tokens.
func countedIn(target Target) (*bpe.Encoding, error) {
	if !target.Counts || target.Encoding == "" {
		return nil, nil
	}
	return bpe.Get(target.Encoding)
}

// countPrompt counts a prompt as the original did, with the texts of special tokens read as these in texts,
// but not in messages.
func (j *job) countPrompt(target Target, p Prompt) (int, error) {
	suffix := j.count.Count(p.suffix)
	switch p.kind {
	case promptTokens:
		return len(p.Tokens) + suffix, nil
	case promptText:
		tokens, err := j.count.Encode(nil, p.Text, bpe.All, bpe.Special{})
		return len(tokens) + suffix, err
	}
	return j.service.CountChat(j.count, target.Model, p.Messages, j.req.Tools)
}

// fit finds the room for the answer to a prompt: what the caller gets at most, and what the engine is asked
// for. Where another vocabulary counts, the engine goes on until the caller's tokens are there.
func (j *job) fit(target Target, m *measured, original Prompt) (err error) {
	if j.count == nil {
		m.size = len(m.tokens)
		m.maxTokens, err = j.room(original.kind, m.size)
		m.most = m.maxTokens
		return err
	}
	if m.size, err = j.countPrompt(target, original); err != nil {
		return err
	}
	if m.most, err = j.room(original.kind, m.size); err != nil || m.most == 0 {
		return err
	}
	if m.maxTokens = j.info.ContextWindow - len(m.tokens); m.maxTokens <= 0 {
		// Only the served model's own count explains that a prompt does not fit.
		return j.tooLong(original.kind, j.info.ContextWindow, len(m.tokens), 0)
	}
	return nil
}

// fitRemote is fit where another server answers, whose vocabulary is not known: it is asked for a few times
// as many tokens as the caller wants.
func (j *job) fitRemote(target Target, m *measured, original Prompt) (err error) {
	if j.count == nil {
		return nil
	}
	if m.size, err = j.countPrompt(target, original); err != nil {
		return err
	}
	if m.most, err = j.room(original.kind, m.size); err != nil {
		return err
	}
	if m.maxTokens > 0 {
		m.maxTokens = min(4*m.maxTokens+64, math.MaxInt32)
	}
	return nil
}

// cutter ends an answer after so many tokens of another vocabulary than the model's, and counts it in that.
// Nil passes everything on.
//
// The first tokens of a text are not known before it is clear how it goes on. Until then only as many bytes
// are given out as there are tokens left: these hold one byte at least each. So nothing is held back before
// the last few words, and what was given out is never more than what the answer turns out to be.
type cutter struct {
	encoding *bpe.Encoding
	prompt   int // tokens
	most     int // tokens of the answer

	text    strings.Builder // given out
	calls   int             // tokens of calls that the backend told itself
	count   int             // tokens of the text that is settled
	open    string          // text behind it
	given   int             // bytes of open that were given out
	enough  int             // bytes of open at which it is looked at again
	scratch []bpe.Token
	held    []engine.Delta // not given out
	begun   int            // bytes of the first token in held that were given out
}

func (j *job) cutter(p measured) *cutter {
	if j.count == nil {
		return nil
	}
	return &cutter{encoding: j.count, prompt: p.size, most: p.most}
}

// over passes on what an engine does, cut and counted.
func (c *cutter) over(events iter.Seq2[engine.Event, error]) iter.Seq2[engine.Event, error] {
	if c == nil {
		return events
	}
	return func(yield func(engine.Event, error) bool) {
		cached := 0
		for ev, err := range events {
			switch e := ev.(type) {
			case engine.Started:
				// The part of the prompt that was cached is the same in any vocabulary, more or less.
				if e.PromptTokens > 0 {
					cached = c.prompt * e.CachedTokens / e.PromptTokens
				}
				ev = engine.Started{PromptTokens: c.prompt, CachedTokens: cached}
			case engine.Delta:
				d, full := c.add(e)
				if (d.Text != "" || len(d.Tokens) > 0 || len(d.Calls) > 0) && !yield(d, nil) {
					return
				}
				if full {
					yield(c.done(engine.FinishLength, cached, nil), nil)
					return
				}
				continue
			case engine.Done:
				d, full := c.end()
				if (d.Text != "" || len(d.Tokens) > 0 || len(d.Calls) > 0) && !yield(d, nil) {
					return
				}
				if full {
					e.Reason, e.End = engine.FinishLength, nil
				}
				ev = c.done(e.Reason, cached, e.End)
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

func (c *cutter) done(reason engine.FinishReason, cached int, end *engine.TokenLogprob) engine.Done {
	return engine.Done{Reason: reason, PromptTokens: c.prompt, CachedTokens: cached, CompletionTokens: c.tokens(), End: end}
}

// tokens counts what was given out.
func (c *cutter) tokens() int { return c.encoding.Count(c.text.String()) + c.calls }

// usage corrects what was counted so far; nil has nothing to correct.
func (c *cutter) usage(u Usage) Usage {
	if c != nil {
		u.CompletionTokens = c.tokens()
	}
	return u
}

// look is after how many bytes the open text is looked at, unless the answer's end is nearer.
const look = 512

// add takes a delta and returns what may be given out; full says that it is the last of the answer.
func (c *cutter) add(d engine.Delta) (_ engine.Delta, full bool) {
	c.take(d)
	if left := c.most - c.count; len(c.open) > min(left, max(c.enough, look)) {
		tokens, settled := c.encoding.EncodeSettled(c.scratch[:0], c.open)
		c.scratch = tokens
		if len(tokens) >= left {
			return c.cut(tokens[:left]), true
		}
		out := c.give(max(settled, c.given))
		c.count += len(tokens)
		c.open, c.given = c.open[settled:], c.given-settled
		c.enough = 2 * len(c.open) // one endless word is not encoded anew with each of its tokens
		more := c.give(max(whole(c.open, c.most-c.count), c.given))
		return join(out, more), false
	}
	return c.give(max(whole(c.open, c.most-c.count), c.given)), false
}

// end returns what was held back when the engine has ended the answer; full says that there was as much as
// there may be.
func (c *cutter) end() (_ engine.Delta, full bool) {
	tokens := c.encoding.EncodeOrdinary(c.scratch[:0], c.open)
	if left := c.most - c.count; len(tokens) >= left {
		return c.cut(tokens[:left]), true
	}
	return c.give(len(c.open)), false
}

func (c *cutter) take(d engine.Delta) {
	c.open += d.Text
	c.held = append(c.held, d)
	for _, call := range d.Calls {
		c.calls += c.encoding.Count(call.Name) + c.encoding.Count(call.Arguments)
	}
}

// cut gives out the last of the answer, which ends with these tokens of the open text. A letter of which
// they have only a part is left off; a token of the model that goes on behind them is cut.
func (c *cutter) cut(tokens []bpe.Token) engine.Delta {
	n := 0
	for _, t := range tokens {
		text, _ := c.encoding.Bytes(t)
		n += len(text)
	}
	out := c.give(max(whole(c.open, n), c.given))
	if c.begun > 0 && len(c.held) > 0 && len(c.held[0].Tokens) > 0 {
		t := c.held[0].Tokens[0]
		t.Bytes = t.Bytes[:c.begun]
		out.Tokens = append(out.Tokens, t)
	}
	return out
}

// whole is the length of the longest beginning of a text of at most n bytes that ends with a whole letter.
func whole(text string, n int) int {
	if n >= len(text) {
		return len(text)
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return max(n, 0)
}

// give gives out the open text up to a place, with the tokens and calls that end there or before.
func (c *cutter) give(to int) (out engine.Delta) {
	out.Text = c.open[c.given:to]
	n := to - c.given
	c.given = to
	c.text.WriteString(out.Text)
	for len(c.held) > 0 {
		d := &c.held[0]
		if len(d.Text) <= n {
			n -= len(d.Text)
			out.Tokens, out.Calls = append(out.Tokens, d.Tokens...), append(out.Calls, d.Calls...)
			c.held, c.begun = c.held[1:], 0
			continue
		}
		d.Text = d.Text[n:]
		n += c.begun
		for len(d.Tokens) > 0 && len(d.Tokens[0].Bytes) <= n {
			n -= len(d.Tokens[0].Bytes)
			out.Tokens, d.Tokens = append(out.Tokens, d.Tokens[0]), d.Tokens[1:]
		}
		c.begun = n
		break
	}
	return out
}

// join puts two deltas one behind the other.
func join(a, b engine.Delta) engine.Delta {
	return engine.Delta{Text: a.Text + b.Text, Tokens: append(a.Tokens, b.Tokens...), Calls: append(a.Calls, b.Calls...)}
}
