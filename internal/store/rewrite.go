package store

import (
	"strconv"
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
	out, ordered := unnumbered(query)
	if !ordered {
		out = rewrite(query)
	}
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
	out := []byte(query)
	for _, p := range parameters(query) {
		out[p.start] = '?'
	}
	return string(out)
}

// unnumbered turns $1, $2 … into plain question marks, which the driver binds without looking up a
// name for each: with 2,000 arguments that is ten times the rest of the work. It returns false when
// the parameters do not stand in their order, each once.
func unnumbered(query string) (string, bool) {
	var b strings.Builder
	b.Grow(len(query))
	end := 0
	for i, p := range parameters(query) {
		if query[p.start+1:p.end] != strconv.Itoa(i+1) {
			return "", false
		}
		b.WriteString(query[end:p.start])
		b.WriteByte('?')
		end = p.end
	}
	b.WriteString(query[end:])
	return b.String(), true
}

// parameter is where one stands in a query: from its $ to behind its digits.
type parameter struct{ start, end int }

func parameters(query string) []parameter {
	var found []parameter
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
			for end < len(query) && query[end] >= '0' && query[end] <= '9' {
				end++
			}
			found = append(found, parameter{i, end})
		}
		i = end
	}
	return found
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
