package toolcall

import (
	"regexp"
	"strings"
)

// Models with channels (gpt-oss) write an answer as messages, each a header, <|message|> and a body:
//
//	<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>
//
// The body of a message to a function are its arguments. Of the others the reader sees all but analysis, which is the model's reasoning.

const recipient = "to=functions."

// channelMids are what may stand between a function's name and the arguments: what the model writes, and what the template does.
var channelMids = []string{" <|constrain|>json<|message|>", "<|channel|>commentary <|constrain|>json<|message|>", "<|channel|>commentary json<|message|>"}

// channelSyntax is the syntax of models with channels.
func channelSyntax(describe bool) *Syntax {
	return &Syntax{channels: true, single: true, describe: describe, head: "<|channel|>commentary " + recipient, mid: channelMids[0]}
}

var (
	control     = regexp.MustCompile(`<\|(?:start|end|message|channel|constrain|return|call)\|>`)
	calledIn    = regexp.MustCompile(`to=functions\.([^\s<]+)`)
	channelIn   = regexp.MustCompile(`<\|channel\|>\s*(\w+)`)
	headerBegin = []string{"<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "<|return|>", "<|call|>", "to=", "assistant"}
)

// readChannels is step for models with channels.
func (p *Parser) readChannels() bool {
	switch p.stage {
	case inHead:
		return p.readHeader()
	case inArguments:
		n, done := p.json.scan(p.buf)
		p.arguments(p.buf[:n])
		p.buf = p.buf[n:]
		if done {
			p.hidden = true
			p.to(inText)
		}
		return done
	}
	at := control.FindStringIndex(p.buf)
	if at == nil {
		keep := 0
		for _, t := range headerBegin[:7] {
			keep = max(keep, overlap(p.buf, t))
		}
		p.body(p.buf[:len(p.buf)-keep])
		p.buf = p.buf[len(p.buf)-keep:]
		return false
	}
	p.body(p.buf[:at[0]])
	p.buf = p.buf[at[0]:]
	p.to(inHead)
	return true
}

// body gives out a part of a message.
func (p *Parser) body(s string) {
	if p.hidden || s == "" {
		return
	}
	if p.fresh && p.spoken {
		p.hold("\n\n", -1)
	}
	p.fresh, p.spoken = false, true
	p.text(s)
}

// readHeader reads from the end of a message to the body of the next one.
func (p *Parser) readHeader() bool {
	begin := p.buf[spaces(p.buf):]
	for _, t := range []string{"<|end|>", "<|return|>", "<|call|>"} {
		if rest, ok := strings.CutPrefix(begin, t); ok {
			p.buf = rest
			return true
		}
	}
	known, more := false, false
	for _, t := range headerBegin {
		known = known || strings.HasPrefix(begin, t)
		more = more || strings.HasPrefix(t, begin)
	}
	if !known {
		if !more {
			p.hidden, p.fresh = false, true // words without a header
			p.to(inText)
		}
		return !more
	}
	header, body, ok := strings.Cut(p.buf, "<|message|>")
	if !ok {
		if len(p.buf) > maxHead {
			p.hidden = false
			p.to(inText)
		}
		return len(p.buf) > maxHead
	}
	if called := calledIn.FindStringSubmatch(header); called != nil && p.known[called[1]] {
		body = body[spaces(body):]
		if body == "" {
			return false
		}
		if body[0] == '{' {
			p.begin(called[1])
			p.buf, p.json = body, scanner{}
			p.to(inArguments)
			return true
		}
	}
	channel := channelIn.FindStringSubmatch(header)
	p.hidden, p.fresh = channel != nil && channel[1] == "analysis", true
	p.buf = body
	p.to(inText)
	return true
}

// closeChannels is Close for models with channels.
func (p *Parser) closeChannels() {
	switch p.stage {
	case inText:
		p.body(p.buf)
		if p.calls == 0 {
			p.flushSpace()
		}
	case inHead:
		header, _, ok := strings.Cut(p.buf, "<|message|>")
		if called := calledIn.FindStringSubmatch(header); ok && called != nil && p.known[called[1]] {
			p.begin(called[1])
		}
	}
}

// channelCalls writes the rule of one call, and returns what root is.
func (s *Syntax) channelCalls(b *strings.Builder, functions []string, auto bool) string {
	mids := make([]string, len(channelMids))
	for i, m := range channelMids {
		mids[i] = s.literal(m)
	}
	b.WriteString("mid ::= " + strings.Join(mids, " | ") + "\ncall ::= " + s.literal(recipient) + " (" + strings.Join(functions, " | ") + ")\n")
	if auto {
		return "call"
	}
	return s.literal(strings.TrimSuffix(s.head, recipient)) + " call"
}
