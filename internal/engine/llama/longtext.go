package llama

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/parley-ai/parley/internal/engine"
)

// longText is how many bytes of a text with control tokens llama.cpp gets at once. It looks for every control token
// from every other one to the end of the text, which for 60,000 short messages takes half a minute, so that longer
// texts are cut before control tokens.
const longText = 32 << 10

// cutter knows the control tokens before which a text can be cut without a change of its tokens. It is made for the
// first long text.
type cutter struct {
	once sync.Once
	at   *regexp.Regexp // nil where there are none
}

// tokenize is capi.Model.Tokenize, in pieces where that gives the same tokens.
func (b *Backend) tokenize(ctx context.Context, text string, addSpecial, parseSpecial bool) ([]engine.Token, error) {
	if !parseSpecial || len(text) <= longText {
		return b.model.Tokenize(text, addSpecial, parseSpecial)
	}
	b.cutter.once.Do(func() { b.cutter.at = b.cuts() })
	pieces := cutLong(text, b.cutter.at)
	if len(pieces) > 1 && addSpecial && !b.beginsOnly() {
		pieces = []string{text}
	}
	var out []engine.Token
	for i, piece := range pieces {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		tokens, err := b.model.Tokenize(piece, addSpecial && i == 0, true)
		if err != nil {
			return nil, err
		}
		out = append(out, tokens...)
	}
	return out, nil
}

// beginsOnly says that the model's tokenizer adds nothing behind a text.
func (b *Backend) beginsOnly() bool {
	with, err := b.model.Tokenize("a", true, true)
	plain, err2 := b.model.Tokenize("a", false, true)
	return err == nil && err2 == nil && len(with) >= len(plain) && slices.Equal(with[len(with)-len(plain):], plain)
}

// cuts finds the control tokens before which a text can be cut: those that no other one can overlap, and that leave the
// white space before them alone. What stands on both sides of them is tokenized by itself in any case.
func (b *Backend) cuts() *regexp.Regexp {
	const before = "a \n"
	plain, err := b.model.Tokenize(before, false, true)
	if err != nil {
		return nil
	}
	var safe []string
	for _, s := range apart(b.info.Special) {
		one, err := b.model.Tokenize(s, false, true)
		both, err2 := b.model.Tokenize(before+s, false, true)
		if err == nil && err2 == nil && len(one) == 1 && slices.Equal(both, append(slices.Clone(plain), one...)) {
			safe = append(safe, regexp.QuoteMeta(s))
		}
	}
	if safe == nil {
		return nil
	}
	return regexp.MustCompile(strings.Join(safe, "|"))
}

// apart returns the texts that overlap with none of the others, and not with themselves.
func apart(texts []string) (out []string) {
	for _, s := range texts {
		if s != "" && !slices.ContainsFunc(texts, func(other string) bool { return overlaps(other, s) }) {
			out = append(out, s)
		}
	}
	return out
}

// overlaps says that an occurrence of s may begin within one of other, or be all of a longer one's beginning.
func overlaps(other, s string) bool {
	if other != s && strings.Contains(other, s) {
		return true
	}
	for n := 1; n < min(len(other), len(s)); n++ {
		if other[len(other)-n:] == s[:n] {
			return true
		}
	}
	return false
}

// cutLong cuts a text before what at finds, into pieces of at most longText bytes where it finds enough.
func cutLong(text string, at *regexp.Regexp) (out []string) {
	if at == nil {
		return []string{text}
	}
	begin, last := 0, 0 // of the piece, and the last place where it may end
	for _, found := range at.FindAllStringIndex(text, -1) {
		if found[0]-begin > longText && last > begin {
			out = append(out, text[begin:last])
			begin = last
		}
		last = found[0]
	}
	if len(text)-begin > longText && last > begin {
		out = append(out, text[begin:last])
		begin = last
	}
	return append(out, text[begin:])
}
