package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// onText makes a method of what f does to the receiver's text; a Markup receiver gives Markup.
func onText(name string, f func(s string) string) method {
	return func(r *run, self any, a *args) any {
		a.bind(name, 0)
		s, _ := text(self)
		r.spend(len(s) / bytesPerStep)
		return like(self, r.made(f(s)))
	}
}

// when makes a method that says whether s is not empty and all of its characters are so.
func when(name string, is func(c rune) bool) method {
	return func(_ *run, self any, a *args) any {
		a.bind(name, 0)
		s, _ := text(self)
		return s != "" && strings.IndexFunc(s, func(c rune) bool { return !is(c) }) < 0
	}
}

// cased makes islower and isupper: some character has case, and none the other.
func cased(name string, want, other func(c rune) bool) method {
	return func(_ *run, self any, a *args) any {
		a.bind(name, 0)
		s, _ := text(self)
		bad := func(c rune) bool { return other(c) || unicode.IsTitle(c) }
		return strings.IndexFunc(s, want) >= 0 && strings.IndexFunc(s, bad) < 0
	}
}

func stripper(name string, strip func(s string, f func(rune) bool) string) method {
	return func(r *run, self any, a *args) any {
		noKeywords(name, a)
		s, _ := text(self)
		p := or[any](a.bind(name, 0, "chars")[0], nil)
		if p == nil {
			return like(self, strip(s, isSpace))
		}
		chars, ok := text(p)
		if !ok {
			failUndefined(p)
			raise("TypeError", "%s arg must be None or str", name)
		}
		r.spend(len(s) * (1 + len(chars)) / bytesPerStep)
		return like(self, strip(s, func(c rune) bool { return strings.ContainsRune(chars, c) }))
	}
}

func affix(name string, has func(s, x string) bool) method {
	return func(r *run, self any, a *args) any {
		noKeywords(name, a)
		p := a.bind(name, 1, "prefix", "start", "end")
		s, _ := text(self)
		s, ok := window(s, p[1], p[2])
		choices := []any{p[0]}
		if t, isTuple := p[0].(Tuple); isTuple {
			choices = t
		}
		for _, c := range choices {
			x, isText := text(c)
			if !isText {
				// Even an undefined is just a wrong type here: the method never asks it anything.
				raise("TypeError", "%s first arg must be str or a tuple of str, not %s", name, typeName(c))
			}
			if ok && has(s, x) {
				return true
			}
		}
		return false
	}
}

// window is s[start:end], and whether start lies in s.
func window(s string, start, end any) (string, bool) {
	start, end = or[any](start, nil), or[any](end, nil)
	if start == nil && end == nil {
		return s, true
	}
	n := utf8.RuneCountInString(s)
	clamp := func(v any, otherwise int) int {
		if v == nil {
			return otherwise
		}
		i := orInt(v, 0)
		if i < 0 {
			i = max(i+n, 0)
		}
		return i
	}
	i, j := clamp(start, 0), min(clamp(end, n), n)
	if i > n || i > j {
		return "", i <= n && i <= j
	}
	return substring(s, i, j), true
}

// finder makes find, rfind, index and rindex.
func finder(name string, find func(s, x string) int, must bool) method {
	return func(r *run, self any, a *args) any {
		noKeywords(name, a)
		p := a.bind(name, 1, "sub", "start", "end")
		s, _ := text(self)
		r.spend(len(s) / bytesPerStep)
		part, ok := window(s, p[1], p[2])
		at := -1
		if ok {
			at = find(part, orText(p[0], ""))
		}
		if at < 0 {
			if must {
				raise("ValueError", "substring not found")
			}
			return int64(-1)
		}
		at = utf8.RuneCountInString(part[:at])
		if v := or[any](p[1], nil); v != nil {
			i := orInt(v, 0)
			if i < 0 {
				i = max(i+utf8.RuneCountInString(s), 0)
			}
			at += i
		}
		return int64(at)
	}
}

// padder makes center, ljust and rjust; left says how many of n characters go left.
func padder(name string, left func(n, width int) int) method {
	return func(r *run, self any, a *args) any {
		noKeywords(name, a)
		p := a.bind(name, 1, "width", "fillchar")
		s, _ := text(self)
		fill := orText(p[1], " ")
		if utf8.RuneCountInString(fill) != 1 {
			raise("TypeError", "The fill character must be exactly one character long")
		}
		width := orInt(p[0], 0)
		n := width - utf8.RuneCountInString(s)
		if n <= 0 {
			return self
		}
		r.charge(n*len(fill) + len(s))
		k := left(n, width)
		return like(self, strings.Repeat(fill, k)+s+strings.Repeat(fill, n-k))
	}
}

func splitter(name string, split func(s string, sep *string, n int) []string) method {
	return func(r *run, self any, a *args) any {
		p := a.bind(name, 0, "sep", "maxsplit")
		s, _ := text(self)
		var sep *string
		if v := or[any](p[0], nil); v != nil {
			x, ok := text(v)
			if !ok {
				// Python raises TypeError for undefined as well.
				raise("TypeError", "must be str or None, not %s", typeName(v))
			}
			if x == "" {
				raise("ValueError", "empty separator")
			}
			sep = &x
		}
		return r.texts(self, split(s, sep, orInt(p[1], -1)))
	}
}

// texts makes a list of strings like self.
func (r *run) texts(self any, parts []string) any {
	items := make([]any, len(parts))
	for i, s := range parts {
		r.charge(32 + len(s))
		items[i] = like(self, s)
	}
	return &List{items}
}

func split(s string, sep *string, n int) []string {
	if sep != nil {
		if n < 0 {
			return strings.Split(s, *sep)
		}
		return strings.SplitN(s, *sep, n+1)
	}
	var out []string
	for s = strings.TrimLeftFunc(s, isSpace); s != ""; s = strings.TrimLeftFunc(s, isSpace) {
		at := strings.IndexFunc(s, isSpace)
		if at < 0 || n >= 0 && len(out) >= n {
			at = len(s)
		}
		out = append(out, s[:at])
		s = s[at:]
	}
	return out
}

func rsplit(s string, sep *string, n int) []string {
	if n < 0 {
		return split(s, sep, n)
	}
	var tail []string
	if sep == nil {
		s = strings.TrimRightFunc(s, isSpace)
	}
	for ; n > 0; n-- {
		at, size := 0, 0
		if sep != nil {
			at, size = strings.LastIndex(s, *sep), len(*sep)
		} else if at = strings.LastIndexFunc(s, isSpace); at >= 0 {
			_, size = utf8.DecodeRuneInString(s[at:])
		}
		if at < 0 {
			break
		}
		tail = append(tail, s[at+size:])
		s = s[:at]
		if sep == nil {
			s = strings.TrimRightFunc(s, isSpace)
		}
	}
	var out []string
	if sep != nil || s != "" {
		out = append(out, s)
	}
	for i := len(tail) - 1; i >= 0; i-- {
		out = append(out, tail[i])
	}
	return out
}

func partition(name string, find func(s, sep string) int, missing func(s string) [3]string) method {
	return func(_ *run, self any, a *args) any {
		noKeywords(name, a)
		s, _ := text(self)
		sep := orText(a.bind(name, 1, "sep")[0], "")
		if sep == "" {
			raise("ValueError", "empty separator")
		}
		parts := missing(s)
		if at := find(s, sep); at >= 0 {
			parts = [3]string{s[:at], sep, s[at+len(sep):]}
		}
		return Tuple{like(self, parts[0]), like(self, parts[1]), like(self, parts[2])}
	}
}

// splitLines is Python's str.splitlines.
func splitLines(s string, keep bool) []string {
	var out []string
	for s != "" {
		at := strings.IndexFunc(s, func(c rune) bool {
			return c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029
		})
		if at < 0 {
			return append(out, s)
		}
		_, n := utf8.DecodeRuneInString(s[at:])
		if strings.HasPrefix(s[at:], "\r\n") {
			n = 2
		}
		if keep {
			out = append(out, s[:at+n])
		} else {
			out = append(out, s[:at])
		}
		s = s[at+n:]
	}
	return out
}

func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c >= utf8.RuneSelf }) < 0
}

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return cases.Title(language.Und).String(s[:n]) + lower(s[n:])
}

func isCased(c rune) bool { return unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c) }

func title(s string) string {
	var b strings.Builder
	after := false
	for _, c := range s {
		if after {
			b.WriteString(lower(string(c)))
		} else {
			b.WriteString(cases.Title(language.Und).String(string(c)))
		}
		after = isCased(c)
	}
	return b.String()
}

func swapCase(s string) string {
	var b strings.Builder
	for _, c := range s {
		if unicode.IsUpper(c) {
			b.WriteString(lower(string(c)))
		} else {
			b.WriteString(upper(string(c)))
		}
	}
	return b.String()
}

// replace is Python's str.replace; n < 0 is all.
func (r *run) replace(s, old, by string, n int) string {
	r.spend(len(s) / bytesPerStep)
	count := strings.Count(s, old)
	if n >= 0 {
		count = min(count, n)
	}
	r.charge(len(s) + count*(len(by)-len(old)))
	return strings.Replace(s, old, by, n)
}

var stringMethods map[string]method

func init() {
	stringMethods = map[string]method{
		"capitalize": onText("capitalize", capitalize),
		"casefold":   onText("casefold", func(s string) string { return cases.Fold().String(s) }),
		"lower":      onText("lower", lower),
		"upper":      onText("upper", upper),
		"swapcase":   onText("swapcase", swapCase),
		"title":      onText("title", title),
		"isalnum":    when("isalnum", func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }),
		"isalpha":    when("isalpha", unicode.IsLetter),
		"isdecimal":  when("isdecimal", unicode.IsDigit),
		"isdigit":    when("isdigit", unicode.IsDigit),
		"isnumeric":  when("isnumeric", unicode.IsNumber),
		"isspace":    when("isspace", isSpace),
		"islower":    cased("islower", unicode.IsLower, unicode.IsUpper),
		"isupper":    cased("isupper", unicode.IsUpper, unicode.IsLower),
		"isascii":    func(_ *run, self any, _ *args) any { s, _ := text(self); return isASCII(s) },
		"isidentifier": func(_ *run, self any, _ *args) any {
			s, _ := text(self)
			c, _ := utf8.DecodeRuneInString(s)
			return s != "" && nameLen(s) == len(s) && !unicode.IsNumber(c)
		},
		"isprintable": func(_ *run, self any, _ *args) any {
			s, _ := text(self)
			return strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
		},
		"strip":      stripper("strip", strings.TrimFunc),
		"lstrip":     stripper("lstrip", strings.TrimLeftFunc),
		"rstrip":     stripper("rstrip", strings.TrimRightFunc),
		"startswith": affix("startswith", strings.HasPrefix),
		"endswith":   affix("endswith", strings.HasSuffix),
		"find":       finder("find", strings.Index, false),
		"rfind":      finder("rfind", strings.LastIndex, false),
		"index":      finder("index", strings.Index, true),
		"rindex":     finder("rindex", strings.LastIndex, true),
		"center":     padder("center", func(n, width int) int { return n/2 + n&width&1 }),
		"ljust":      padder("ljust", func(int, int) int { return 0 }),
		"rjust":      padder("rjust", func(n, _ int) int { return n }),
		"split":      splitter("split", split),
		"rsplit":     splitter("rsplit", rsplit),
		"partition":  partition("partition", strings.Index, func(s string) [3]string { return [3]string{s, "", ""} }),
		"rpartition": partition("rpartition", strings.LastIndex, func(s string) [3]string { return [3]string{"", "", s} }),
		"splitlines": func(r *run, self any, a *args) any {
			s, _ := text(self)
			return r.texts(self, splitLines(s, orTruth(a.bind("splitlines", 0, "keepends")[0], false)))
		},
		"count": func(r *run, self any, a *args) any {
			p := a.bind("count", 1, "sub", "start", "end")
			s, _ := text(self)
			r.spend(len(s) / bytesPerStep)
			s, ok := window(s, p[1], p[2])
			if !ok {
				return int64(0)
			}
			return int64(strings.Count(s, orText(p[0], "")))
		},
		"replace": func(r *run, self any, a *args) any {
			noKeywords("replace", a)
			p := a.bind("replace", 2, "old", "new", "count")
			s, _ := text(self)
			by := orText(p[1], "")
			if _, ok := self.(markup); ok {
				by = string(escape(p[1]))
			}
			return like(self, r.replace(s, orText(p[0], ""), by, orInt(p[2], -1)))
		},
		"join": func(r *run, self any, a *args) any {
			noKeywords("join", a)
			sep, _ := text(self)
			var parts []string
			for i, v := range r.items(a.bind("join", 1, "iterable")[0]) {
				s, ok := text(v)
				if _, isMarkup := self.(markup); isMarkup {
					s, ok = string(escape(v)), true
				}
				if !ok {
					raise("TypeError", "sequence item %d: expected str instance, %s found", i, typeName(v))
				}
				r.charge(len(s) + len(sep))
				parts = append(parts, s)
			}
			return like(self, strings.Join(parts, sep))
		},
		"removeprefix": func(_ *run, self any, a *args) any {
			s, _ := text(self)
			return like(self, strings.TrimPrefix(s, orText(a.bind("removeprefix", 1, "prefix")[0], "")))
		},
		"removesuffix": func(_ *run, self any, a *args) any {
			s, _ := text(self)
			return like(self, strings.TrimSuffix(s, orText(a.bind("removesuffix", 1, "suffix")[0], "")))
		},
		"zfill": func(r *run, self any, a *args) any {
			s, _ := text(self)
			n := orInt(a.bind("zfill", 1, "width")[0], 0) - utf8.RuneCountInString(s)
			if n <= 0 {
				return self
			}
			r.charge(n + len(s))
			sign := ""
			if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
				sign, s = s[:1], s[1:]
			}
			return like(self, sign+strings.Repeat("0", n)+s)
		},
		"expandtabs": func(r *run, self any, a *args) any {
			s, _ := text(self)
			size := orInt(a.bind("expandtabs", 0, "tabsize")[0], 8)
			var b strings.Builder
			column := 0
			for _, c := range s {
				switch {
				case c == '\t' && size > 0:
					n := size - column%size
					r.charge(n)
					b.WriteString(strings.Repeat(" ", n))
					column += n
				case c == '\t':
				default:
					b.WriteRune(c)
					column++
					if c == '\n' || c == '\r' {
						column = 0
					}
				}
			}
			return like(self, r.made(b.String()))
		},
		"format": func(r *run, self any, a *args) any {
			s, _ := text(self)
			return like(self, r.format(s, self, a))
		},
		"format_map": func(r *run, self any, a *args) any {
			s, _ := text(self)
			d, ok := a.bind("format_map", 1, "mapping")[0].(*Dict)
			if !ok {
				raise("TypeError", "format_map() argument must be a mapping")
			}
			named := &args{}
			d.Each(func(k, v any) {
				if name, ok := text(k); ok {
					named.names, named.named = append(named.names, name), append(named.named, v)
				}
			})
			return like(self, r.format(s, self, named))
		},
	}
}
