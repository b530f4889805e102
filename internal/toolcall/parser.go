package toolcall

import (
	"strings"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// maxHead bounds what is held back while it is not yet known what is called.
const maxHead = 64 << 10

// stage is where in an answer a Parser is.
type stage int

const (
	inText stage = iota // words for the reader
	inHead              // from the beginning of a frame to the arguments
	inArguments
	inParameters // between arguments that are written one by one
	inValue      // in one of them
	inTail       // behind the arguments, to the end of the call's object
	inEnd        // the frame's end
	inGap        // between calls
)

// Parser reads the calls in one answer. It is for one sequence and not safe for concurrent use.
type Parser struct {
	s      *Syntax
	forced bool
	only   string // the one function that a forced call can be of; empty when there are several
	one    bool
	known  map[string]bool
	starts []mark

	schemas map[string][]byte           // by function
	kinds   map[string]jsonschema.Kinds // of the arguments of the call that is read
	others  jsonschema.Kinds            // of those that have no name in the schema
	members int                         // how many arguments were read
	kind    jsonschema.Kinds            // of the value that is read
	words   bool                        // it is given on as it comes

	again repeats

	stage  stage
	buf    string  // not decided yet
	skip   int     // in inHead: how much of buf is the mark
	total  int     // bytes that were read, buf included
	space  []Event // white space that was read and that is given when more words follow
	line   bool    // a line has begun: a bare object does not begin here
	calls  int     // begun
	json   scanner
	reader reader // of arguments that are not JSON
	hidden bool   // with channels: the message is not for the reader
	fresh  bool   // and nothing of it was given out yet
	spoken bool   // and something of others was
	events []Event
}

// Parser reads the answers to a request.
func (s *Syntax) Parser(r Request) *Parser {
	p := &Parser{s: s, forced: r.Choice.Mode == Required || r.Choice.Mode == Named, one: !r.Parallel, known: map[string]bool{}, starts: s.starts, schemas: map[string][]byte{}}
	if p.forced && s.lead != "" {
		p.starts = append([]mark{append(newMark(s.lead), s.starts[0]...)}, s.starts...)
	}
	if r.Choice.Mode != None {
		for _, t := range r.Tools {
			p.known[t.Name] = true
			p.schemas[t.Name] = t.Parameters
		}
	}
	switch {
	case r.Choice.Mode == Named:
		p.only = r.Choice.Name
	case p.forced && len(r.Tools) == 1:
		p.only = r.Tools[0].Name
	}
	if s.channels {
		p.to(inHead)
	}
	return p
}

// Write takes the next piece of the answer and returns what it brings.
func (p *Parser) Write(text string) []Event {
	p.buf += text
	p.total += len(text)
	for !p.again.found && p.buf != "" && p.step() {
	}
	events := p.events
	p.events = nil
	return events
}

// Close says that the answer has ended and returns what was held back. A call that was cut off keeps what there is of it.
func (p *Parser) Close() []Event {
	stage := p.stage
	if p.s.channels {
		p.closeChannels()
		stage = inGap
	}
	switch stage {
	case inText:
		if p.forced {
			break // the beginning of a frame
		}
		if p.buf != "" || p.calls == 0 {
			p.text(p.buf)
			p.flushSpace()
		}
	case inHead:
		name, err := p.head(p.buf[p.skip:])
		switch {
		case name.name != "" && p.known[name.name] && err == errMore:
			p.begin(name.name)
		case p.s.bare && !p.forced:
			p.text(p.buf)
			p.flushSpace()
		}
	}
	if p.calls == 0 && p.only != "" {
		p.begin(p.only) // programs read the name of the call that they forced, however short the answer was cut
	}
	p.buf, p.stage = "", inText
	p.events = append(p.events, p.again.cut()...)
	events := p.events
	p.events = nil
	return events
}

// Repeats says that the model made a call that it has made before, word for word, and that the answer may end here. Only models that
// write calls in the generic form are suspected of going on so for ever: they were not trained to stop. Others mean it, as with dice.
func (p *Parser) Repeats() bool { return p.again.found }

// step decides about the beginning of buf; false when it takes more text to know.
func (p *Parser) step() bool {
	if p.s.channels {
		return p.readChannels()
	}
	switch p.stage {
	case inText:
		return p.findStart()
	case inHead:
		return p.readHead()
	case inArguments:
		var n int
		var done bool
		if p.s.notation.Quote != "" {
			var out string
			out, n, done = p.reader.read(p.buf, p.s.notation.Quote)
			p.arguments(out)
		} else {
			n, done = p.json.scan(p.buf)
			p.arguments(p.buf[:n])
		}
		p.buf = p.buf[n:]
		if done {
			p.to(inTail)
		}
		return done
	case inParameters:
		return p.readParameter()
	case inValue:
		return p.readValue()
	case inTail:
		return p.readTail()
	case inEnd:
		p.buf = p.buf[spaces(p.buf):]
		n, m := first(p.s.afters, p.buf)
		if m == part || p.buf == "" { // more white space may come
			return false
		}
		p.buf = p.buf[n:]
		p.to(inGap)
		return true
	default:
		return p.findNext()
	}
}

func (p *Parser) to(s stage) { p.stage = s }

// text gives words to the reader, with which buf begins, but the white space behind them only when more words follow.
func (p *Parser) text(s string) {
	words := strings.TrimRight(s, " \t\r\n")
	if words != "" {
		p.flushSpace()
		p.event(Event{Text: words, At: p.at()})
	}
	p.hold(s[len(words):], p.at()+len(words))
	p.line = begun(p.line, s)
}

// at is where in the answer buf begins.
func (p *Parser) at() int { return p.total - len(p.buf) }

// hold keeps white space until more words follow.
func (p *Parser) hold(space string, at int) {
	if space != "" {
		p.space = append(p.space, Event{Text: space, At: at})
	}
}

// begun says whether words stand on the last line behind a text.
func begun(line bool, text string) bool {
	if at := strings.LastIndexByte(text, '\n'); at >= 0 {
		line, text = false, text[at+1:]
	}
	return line || spaces(text) < len(text)
}

func (p *Parser) flushSpace() {
	for _, e := range p.space {
		p.event(e)
	}
	p.space = nil
}

func (p *Parser) event(e Event) {
	if n := len(p.events) - 1; n >= 0 && e.Call == nil && p.events[n].Call == nil && p.events[n].At+len(p.events[n].Text) == e.At {
		p.events[n].Text += e.Text
		return
	}
	p.events = append(p.events, e)
}

// muted says that the call that is read is one too many.
func (p *Parser) muted() bool { return p.one && p.calls > 1 }

func (p *Parser) begin(name string) {
	p.calls++
	p.space = nil
	if !p.muted() {
		p.call(engine.ToolCallDelta{Index: p.calls - 1, ID: ids.New("call_"), Name: name})
	}
}

// call gives on a piece of a call.
func (p *Parser) call(d engine.ToolCallDelta) {
	if p.s.native {
		p.event(Event{Call: &d})
		return
	}
	p.events = append(p.events, p.again.take(d)...)
}

func (p *Parser) arguments(s string) {
	if s != "" && !p.muted() {
		p.call(engine.ToolCallDelta{Index: p.calls - 1, Arguments: s})
	}
}

// first tries marks: how many bytes the first that matches takes, or that one of them may.
func first(marks []mark, text string) (int, match) {
	best := no
	for _, m := range marks {
		if len(m) == 0 {
			continue
		}
		n, found := m.match(text)
		if found == yes {
			return n, yes
		}
		best = max(best, found)
	}
	return 0, best
}

// findStart gives out words up to where a call may begin.
func (p *Parser) findStart() bool {
	if len(p.known) == 0 {
		p.text(p.buf)
		p.buf = ""
		return false
	}
	line := p.line
	for i := 0; i < len(p.buf); i++ {
		rest := p.buf[i:]
		n, m := first(p.starts, rest)
		if p.s.bare && !line && rest[0] == '{' {
			n, m = 0, yes
		}
		if m == no {
			line = begun(line, rest[:1])
			continue
		}
		p.text(p.buf[:i])
		p.buf, p.skip = rest, n
		if m == part {
			return false
		}
		p.to(inHead)
		return true
	}
	p.text(p.buf)
	p.buf = ""
	return false
}

// readHead reads from the mark to the arguments.
func (p *Parser) readHead() bool {
	h, err := p.head(p.buf[p.skip:])
	if err == errMore && len(p.buf) <= maxHead {
		return false
	}
	if err != nil {
		// It only looked like a call. What follows its first character may be one.
		one := firstRune(p.buf)
		if rest, ok := strings.CutPrefix(p.buf, pythonTag); ok && p.s.bare {
			p.buf = rest
		} else {
			p.text(one)
			p.buf = p.buf[len(one):]
		}
		p.to(inText)
		return true
	}
	p.begin(h.name)
	rest := p.buf[p.skip:]
	if h.whole != "" {
		p.arguments(h.whole)
		p.buf = rest[h.at:]
		p.to(inEnd)
		return true
	}
	p.buf, p.json, p.reader = rest[h.at:], scanner{}, reader{}
	p.to(inArguments)
	if p.s.notation.Parameters != nil {
		p.kinds, p.others = jsonschema.Members(p.schemas[h.name])
		p.members = 0
		p.to(inParameters)
	}
	return true
}

// readTail reads to the end of the call's object.
func (p *Parser) readTail() bool {
	if p.s.object == nil {
		p.to(inEnd)
		return true
	}
	c := cursor{s: p.buf}
	err := c.members(func(string) error { return c.skip() })
	if err == errMore {
		return false
	}
	if err == nil {
		p.buf = p.buf[c.at:]
	}
	p.to(inEnd)
	return true
}

// findNext looks for another call, or the end of calls.
func (p *Parser) findNext() bool {
	n := spaces(p.buf)
	p.hold(p.buf[:n], p.at())
	p.buf = p.buf[n:]
	if p.buf == "" {
		return false
	}
	n, next := first(p.s.nexts, p.buf)
	if next == no && len(p.s.nexts[0]) == 0 && p.s.object != nil && p.buf[0] == '{' {
		n, next = 0, yes
	}
	if next == yes {
		p.skip = n
		p.to(inHead)
		return true
	}
	n, end := first(p.s.closes, p.buf)
	if end == yes {
		p.buf, p.space = p.buf[n:], nil
	}
	if end != yes && (next == part || end == part) {
		return false
	}
	p.to(inText)
	return true
}
