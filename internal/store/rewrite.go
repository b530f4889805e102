package store

import (
	"strings"
	"sync"
	"sync/atomic"
)

// maxRewrites bounds the cache: statements are constants, but some are built for a number of rows.
const maxRewrites = 2048

// rewriteCache keeps rewritten statements.
type rewriteCache struct {
	m sync.Map // string → string
	n atomic.Int64
}

func (c *rewriteCache) get(query string) string {
	if v, ok := c.m.Load(query); ok {
		return v.(string)
	}
	out := rewrite(query)
	if c.n.Load() < maxRewrites {
		if _, loaded := c.m.LoadOrStore(query, out); !loaded {
			c.n.Add(1)
		}
	}
	return out
}

// rewrite turns $1 into ?1, but not in 'strings', "names", `names`, [names], -- and /* */ comments
// or inside a name (a$1).
func rewrite(query string) string {
	var b strings.Builder
	b.Grow(len(query))
	for i := 0; i < len(query); {
		c := query[i]
		end := i + 1
		switch {
		case c == '\'' || c == '"' || c == '`':
			end = closing(query, i+1, c)
		case c == '[':
			end = after(query, i+1, "]")
		case strings.HasPrefix(query[i:], "--"):
			end = after(query, i+2, "\n")
		case strings.HasPrefix(query[i:], "/*"):
			end = after(query, i+2, "*/")
		case isName(c):
			for end < len(query) && (isName(query[end]) || query[end] == '$') {
				end++
			}
		case c == '$' && end < len(query) && query[end] >= '1' && query[end] <= '9':
			b.WriteByte('?')
			i = end
			continue
		}
		b.WriteString(query[i:end])
		i = end
	}
	return b.String()
}

func isName(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// closing returns the index after the quote that ends a literal; a doubled quote is part of it, and
// is read as the end and the start of another, which comes to the same.
func closing(s string, from int, quote byte) int {
	if n := strings.IndexByte(s[from:], quote); n >= 0 {
		return from + n + 1
	}
	return len(s)
}

func after(s string, from int, mark string) int {
	if n := strings.Index(s[from:], mark); n >= 0 {
		return from + n + len(mark)
	}
	return len(s)
}
