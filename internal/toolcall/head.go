package toolcall

import (
	"encoding/json"
	"errors"
	"strings"
)

var (
	errMore = errors.New("the text ends before it is decided")
	errNot  = errors.New("not a call")
)

// heading is what stands before a call's arguments.
type heading struct {
	name  string
	at    int    // where the arguments begin, or with whole where the call ends
	whole string // the arguments, when they had to be read whole
}

// head reads from behind the mark to the arguments. With errMore the name may be known already.
func (p *Parser) head(text string) (heading, error) {
	if p.s.object != nil {
		return p.objectHead(text)
	}
	best, more := heading{}, false
	before := spaces(text)
	text = text[before:]
	for name := range p.known {
		if strings.HasPrefix(name, text) {
			more = true
			continue
		}
		rest, ok := strings.CutPrefix(text, name)
		if !ok || len(name) < len(best.name) {
			continue
		}
		h, err := p.behindName(name, rest)
		switch err {
		case nil:
			best = h
		case errMore:
			if h.name != "" && best.name == "" {
				best.name = h.name
			}
			more = true
		}
	}
	switch {
	case more:
		return heading{name: best.name}, errMore
	case best.name != "":
		best.at += before
		return best, nil
	}
	return heading{}, errNot
}

// behindName reads what stands between a name and its arguments. With errMore the name is set when it is certain.
func (p *Parser) behindName(name, rest string) (heading, error) {
	at := spaces(rest)
	n, m := 0, no
	for _, mid := range p.s.mids {
		if k, found := mid.match(rest[at:]); found > m {
			n, m = k, found
		}
	}
	switch m {
	case part:
		return heading{}, errMore
	case no:
		return heading{}, errNot
	}
	at += n
	at += spaces(rest[at:])
	switch {
	case at == len(rest):
		return heading{name: name}, errMore
	case p.s.notation.Parameters != nil:
		_, m := first(append(append([]mark(nil), p.s.befores...), p.s.afters...), rest[at:])
		if m == part {
			return heading{}, errMore
		}
		if m == no {
			return heading{}, errNot
		}
	case rest[at] != '{':
		return heading{}, errNot
	}
	return heading{name: name, at: len(name) + at}, nil
}

// objectHead reads a JSON object to its arguments. A model may write the members in any order, and others too.
func (p *Parser) objectHead(text string) (heading, error) {
	var h heading
	c := cursor{s: text, at: spaces(text)}
	if c.at == len(text) {
		return h, errMore
	}
	if text[c.at] != '{' {
		return h, errNot
	}
	c.at++
	form := p.s.object
	err := c.members(func(key string) error {
		switch {
		case form.name == "" && p.known[key]:
			h.name = key
			return p.value(&c, &h)
		case form.name == "":
			return errNot
		case key == form.name || key == "name":
			name, err := c.text()
			if err != nil {
				return err
			}
			if h.name = name; !p.known[name] {
				return errNot
			}
			return nil
		case key == form.arguments || key == "arguments" || key == "parameters":
			return p.value(&c, &h)
		}
		return c.skip()
	})
	switch {
	case err == errArguments:
		return heading{name: h.name, at: c.at}, nil
	case err != nil:
		return h, err
	case h.name == "" || h.whole == "" && p.s.bare:
		return heading{}, errNot
	}
	if h.whole == "" {
		h.whole = "{}"
	}
	h.at = c.at
	return h, nil
}

// errArguments stops the reading of members where the arguments begin.
var errArguments = errors.New("here are the arguments")

// value reads arguments whole when it is not known yet whose they are, or when they are not an object: some models write null, or the
// object in a string.
func (p *Parser) value(c *cursor, h *heading) error {
	c.at += spaces(c.s[c.at:])
	switch {
	case c.at == len(c.s):
		return errMore
	case c.s[c.at] == '{' && h.name != "":
		return errArguments
	case c.s[c.at] == '"':
		text, err := c.text()
		if err != nil {
			return err
		}
		if text = strings.TrimSpace(text); !strings.HasPrefix(text, "{") || !json.Valid([]byte(text)) {
			return errNot
		}
		h.whole = text
		return nil
	}
	from := c.at
	if err := c.skip(); err != nil {
		return err
	}
	switch text := c.s[from:c.at]; {
	case text == "null":
		h.whole = "{}"
	case strings.HasPrefix(text, "{"):
		h.whole = text
	default:
		return errNot
	}
	return nil
}

// cursor reads JSON that may not be whole yet.
type cursor struct {
	s  string
	at int
}

// next is the next character that is not white space.
func (c *cursor) next() (byte, error) {
	c.at += spaces(c.s[c.at:])
	if c.at == len(c.s) {
		return 0, errMore
	}
	return c.s[c.at], nil
}

// members reads members of an object up to its end, with or without the comma before the first; each calls with the key, before the value.
func (c *cursor) members(each func(key string) error) error {
	for {
		b, err := c.next()
		if err != nil {
			return err
		}
		switch b {
		case '}':
			c.at++
			return nil
		case ',':
			c.at++
			continue
		}
		key, err := c.text()
		if err != nil {
			return err
		}
		if b, err = c.next(); err != nil {
			return err
		}
		if b != ':' {
			return errNot
		}
		c.at++
		if _, err := c.next(); err != nil {
			return err
		}
		if err := each(key); err != nil {
			return err
		}
	}
}

// text reads a string.
func (c *cursor) text() (string, error) {
	b, err := c.next()
	if err != nil {
		return "", err
	}
	if b != '"' {
		return "", errNot
	}
	for i := c.at + 1; i < len(c.s); i++ {
		switch c.s[i] {
		case '\\':
			i++
		case '"':
			var s string
			if json.Unmarshal([]byte(c.s[c.at:i+1]), &s) != nil {
				return "", errNot
			}
			c.at = i + 1
			return s, nil
		}
	}
	return "", errMore
}

// skip reads a value.
func (c *cursor) skip() error {
	b, err := c.next()
	if err != nil {
		return err
	}
	switch b {
	case '"':
		_, err := c.text()
		return err
	case '{', '[':
		var s scanner
		n, done := s.scan(c.s[c.at:])
		c.at += n
		switch {
		case !done:
			return errMore
		case s.broken:
			return errNot
		}
		return nil
	}
	n := 0
	for c.at+n < len(c.s) && plain(c.s[c.at+n]) {
		n++
	}
	switch {
	case c.at+n == len(c.s):
		return errMore
	case n == 0:
		return errNot
	}
	c.at += n
	return nil
}

// plain says whether a byte can be part of a number, true, false or null.
func plain(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b == '-' || b == '+' || b == '.' || b == 'E'
}

// scanner follows an object or array to its end.
type scanner struct {
	depth  []byte // the brackets that are open, as what closes them
	quoted bool
	escape bool
	broken bool // it ended at something that JSON does not have there
}

// scan returns how many bytes belong to the value, and whether it ends there.
func (s *scanner) scan(text string) (int, bool) {
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case s.escape:
			s.escape = false
		case s.quoted && b == '\\':
			s.escape = true
		case b == '"':
			s.quoted = !s.quoted
		case s.quoted:
		case b == '{':
			s.depth = append(s.depth, '}')
		case b == '[':
			s.depth = append(s.depth, ']')
		case b == '}' || b == ']':
			if s.depth[len(s.depth)-1] != b {
				s.broken = true
				return i, true
			}
			if s.depth = s.depth[:len(s.depth)-1]; len(s.depth) == 0 {
				return i + 1, true
			}
		case b != ',' && b != ':' && spaces(text[i:i+1]) == 0 && !plain(b):
			s.broken = true
			return i, true
		}
	}
	return len(text), false
}
