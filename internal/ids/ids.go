// Package ids makes identifiers of the form that OpenAI's have: a prefix, a separator and random
// letters and digits ("chatcmpl-8Abc…", "org-…", "chat_…"). They carry no time and no order; rows
// are ordered by their time column and then by id.
package ids

import (
	"crypto/rand"
	"strings"
	"sync"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// length of the random part. 24 of 62 symbols are 142 bits: no collisions to care about.
const length = 24

// New returns prefix + sep + 24 random letters and digits. The prefix carries its own separator,
// as the original is not consistent: "chatcmpl-", "cmpl-", "org-", "msg_", "asst_".
func New(prefix string) string { return random(prefix, length) }

// pools of random bytes: asking the system for a few at a time takes longer than all the rest. A
// byte is used once and wiped.
var pools = sync.Pool{New: func() any { return &pool{} }}

type pool struct {
	bytes [512]byte
	left  int
}

func (p *pool) next() byte {
	if p.left == 0 {
		if _, err := rand.Read(p.bytes[:]); err != nil {
			panic("ids: the system's random source failed: " + err.Error())
		}
		p.left = len(p.bytes)
	}
	p.left--
	c := p.bytes[p.left]
	p.bytes[p.left] = 0
	return c
}

// Random returns n random letters and digits from the system's secure source.
func Random(n int) string { return random("", n) }

func random(prefix string, n int) string {
	b := append(make([]byte, 0, len(prefix)+n), prefix...)
	p := pools.Get().(*pool)
	defer pools.Put(p)
	for len(b) < len(prefix)+n {
		// 248 is the largest multiple of 62 in a byte: beyond it the symbols would not be equally likely.
		if c := p.next(); c < 248 {
			b = append(b, alphabet[int(c)%len(alphabet)])
		}
	}
	return string(b)
}

// Secret returns a secret with 48 random symbols (285 bits), for keys and one-time links.
func Secret(prefix string) string { return random(prefix, 48) }

// Valid reports whether s looks like an id with the prefix: it is cheap protection against asking
// the database for arbitrary text.
func Valid(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || rest == "" || len(rest) > 64 {
		return false
	}
	for _, c := range rest {
		if !strings.ContainsRune(alphabet, c) {
			return false
		}
	}
	return true
}
