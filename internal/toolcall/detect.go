package toolcall

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/chattemplate"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// Words that no template contains.
const (
	firstName  = "qzfirst"
	secondName = "qzsecond"
	content    = "qzcontent"
	firstID    = "qzid00001" // nine letters and digits, as Mistral's templates demand
	secondID   = "qzid00002"
	longID     = "call_qzqzqzqzqzqzqzqzqzqzqzqz"
	bos        = "\uE003"
	eos        = "\uE000"
)

// Detect finds out how the model of a chat template writes calls. It is Generic when the template knows no functions or its form is not
// understood.
func Detect(t *chattemplate.Template) *Syntax {
	caps := t.Caps()
	switch {
	case !caps.Tools:
		return generic("the template does not tell the model of functions")
	case !caps.ToolCalls:
		return generic("the template does not write the calls of earlier turns")
	}
	p := &prober{t: t}
	s, reason := p.detect(caps)
	if s == nil {
		return generic(reason)
	}
	s.native = true
	s.compile()
	return s
}

// prober renders conversations with calls.
type prober struct {
	t        *chattemplate.Template
	describe bool
}

// render renders a question and an assistant's turn and returns the turn; empty when the template refuses.
func (p *prober) render(turn any) string {
	question := json.RawMessage(`{"role": "user", "content": "Hi"}`)
	schema := []byte(`{"type": "object", "properties": {"qzkey": {"type": "string", "description": "d"}}, "required": ["qzkey"]}`)
	description := ""
	if p.describe {
		description = "d"
	}
	in := chattemplate.Input{
		Messages: []json.RawMessage{question, plainJSON(turn)},
		Tools:    definitions([]Tool{{Name: firstName, Description: description, Parameters: schema}, {Name: secondName, Description: description, Parameters: schema}}, false),
		BOS:      bos, EOS: eos, Now: time.Unix(0, 0).UTC(),
	}
	out, err := p.t.RenderAdapted(in)
	if err != nil {
		return ""
	}
	in.Messages = in.Messages[:1]
	before, err := p.t.RenderAdapted(in)
	if err != nil {
		return ""
	}
	return out[len(commonPrefix(out, before)):]
}

type probeCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

func newProbeCall(id, name, arguments string) probeCall {
	c := probeCall{ID: id, Type: "function"}
	c.Function.Name, c.Function.Arguments = name, arguments
	return c
}

func assistant(text string, calls ...probeCall) any {
	return struct {
		Role    string      `json:"role"`
		Content string      `json:"content"`
		Calls   []probeCall `json:"tool_calls,omitempty"`
	}{"assistant", text, calls}
}

const (
	firstArguments  = `{"qzkey": "qzone"}`
	secondArguments = `{"qzkey": "qztwo"}`
)

// seen is a turn with calls, cut at the names and arguments.
type seen struct {
	before string   // the first name
	mids   []string // between names and arguments
	gap    string   // between the first arguments and the second name
	after  string   // the last arguments
}

// cut finds the names and arguments in a turn.
func cut(turn string, names, arguments []string) (seen, bool) {
	turn = strings.NewReplacer(firstID, string(idSlot), secondID, string(idSlot)).Replace(turn)
	var s seen
	for i := range names {
		before, rest, ok := strings.Cut(turn, names[i])
		if !ok {
			return s, false
		}
		mid, rest, ok := strings.Cut(rest, arguments[i])
		if !ok {
			compact := strings.ReplaceAll(arguments[i], " ", "")
			if mid, rest, ok = strings.Cut(rest+mid, compact); !ok {
				return s, false
			}
		}
		if i == 0 {
			s.before = before
		} else {
			s.gap = before
		}
		s.mids, turn = append(s.mids, mid), rest
	}
	s.after = turn
	return s, true
}

func (p *prober) detect(caps chattemplate.Caps) (*Syntax, string) {
	one, two := newProbeCall(firstID, firstName, firstArguments), newProbeCall(secondID, secondName, secondArguments)
	single := p.render(assistant("", one))
	if single == "" {
		p.describe = true
		if single = p.render(assistant("", one)); single == "" {
			return nil, "the template refuses functions"
		}
	}
	s := &Syntax{single: !caps.ParallelCalls, describe: p.describe}
	firstWritten, secondWritten := firstArguments, secondArguments
	first, ok := cut(single, []string{firstName}, []string{firstWritten})
	if !ok {
		var reason string
		if s.notation, reason = p.notation(); reason != "" {
			return nil, reason
		}
		firstWritten, secondWritten = writtenArguments(s.notation, "qzone"), writtenArguments(s.notation, "qztwo")
		if first, ok = cut(single, []string{firstName}, []string{firstWritten}); !ok {
			return nil, "the arguments are not written as JSON"
		}
	}
	plain := p.render(assistant(content))
	lead, end, ok := strings.Cut(plain, content)
	if !ok {
		return nil, "the template does not write the assistant's words"
	}
	begin := first.before[len(commonPrefix(first.before, lead)):]
	if with := p.render(assistant(content, one)); strings.Contains(with, content) {
		_, with, _ = strings.Cut(with, content)
		if both, ok := cut(with, []string{firstName}, []string{firstWritten}); ok {
			if shared, _, _ := commonSuffix(both.before, first.before); len(strings.TrimSpace(shared)) < len(strings.TrimSpace(begin)) {
				begin = shared
			}
		}
	}
	begin = strings.TrimLeft(begin, " \t\r\n")
	if strings.TrimSpace(begin) == "" {
		return nil, "nothing stands before a call"
	}
	if strings.Contains(begin+first.mids[0], "<|channel|>") && strings.Contains(begin, recipient) {
		return channelSyntax(p.describe), ""
	}
	s.mid, s.head, s.tail = first.mids[0], begin, withoutEnd(first.after, end)
	if turnEnd := strings.TrimSpace(end); !s.single {
		pair, ok := cut(p.render(assistant("", one, two)), []string{firstName, secondName}, []string{firstWritten, secondWritten})
		if !ok || !strings.HasSuffix(pair.before, begin) {
			return nil, "two calls are not written as one is"
		}
		if s.mid, ok = merged(pair.mids[0], pair.mids[1]); !ok {
			return nil, "two calls are not written alike"
		}
		s.tail = commonPrefix(pair.gap, pair.after)
		gap := pair.gap[len(s.tail):]
		head, ofBegin, ofGap := commonSuffix(begin, gap)
		s.head, s.open, s.between = head, begin[:len(begin)-ofBegin], gap[:len(gap)-ofGap]
		if s.open != "" {
			s.close = closing(strings.TrimRight(withoutEnd(pair.after[len(s.tail):], end), " \t\r\n"), s.open)
		} else {
			// White space at the end of a turn is what no model writes.
			trimmed := strings.TrimRight(s.tail, " \t\r\n")
			s.between, s.tail = s.tail[len(trimmed):]+s.between, trimmed
		}
		if turnEnd != "" && strings.Contains(s.between, turnEnd) {
			return nil, "every call is a turn of its own"
		}
	} else if turnEnd != "" && strings.Contains(begin, turnEnd) {
		return nil, "every call is a turn of its own"
	}
	if short := p.render(assistant("", newProbeCall(longID, firstName, firstArguments))); short == "" {
		s.letter = "[a-zA-Z0-9]"
	}
	if s.notation == (jsonschema.Notation{}) {
		s.object = objectForm(s.head, s.mid, s.tail)
	} else if !p.takesNoArguments(s) {
		return nil, "a call without arguments is written in another way"
	}
	if at := openTag.FindStringSubmatch(strings.TrimSpace(caps.GenerationPrompt)); at != nil {
		s.lead = "</" + at[1] + ">\n\n"
	}
	return s, ""
}

// closing keeps as many tokens of what stands behind calls as stand before them: further ones end the turn.
func closing(text, open string) string {
	tokens := token.FindAllStringIndex(text, -1)
	if n := len(token.FindAllString(open, -1)); n > 0 && n < len(tokens) {
		return text[:tokens[n-1][1]]
	}
	return text
}

// withoutEnd takes away what ends the turn.
func withoutEnd(text, end string) string {
	text, _, _ = strings.Cut(text, eos)
	end, _, _ = strings.Cut(end, eos)
	trimmed := strings.TrimSpace(text)
	if _, n, _ := commonSuffix(trimmed, strings.TrimSpace(end)); n > 0 {
		return text[:strings.LastIndex(text, trimmed)+len(trimmed)-n]
	}
	return text
}

// openTag is the beginning of reasoning at the end of a prompt.
var openTag = regexp.MustCompile(`<(\w*think)>$`)

var (
	nameMember      = regexp.MustCompile(`\{(?:[^{}]*[,{]\s*|\s*)"(\w+)"\s*:\s*"$`)
	argumentsMember = regexp.MustCompile(`^"\s*,\s*"(\w+)"\s*:\s*$`)
	onlyMember      = regexp.MustCompile(`^"\s*:\s*$`)
)

// objectForm says which members of a JSON object the name and the arguments are; nil when they are not.
func objectForm(head, mid, tail string) *object {
	if !strings.Contains(tail, "}") {
		return nil
	}
	name, arguments := nameMember.FindStringSubmatch(head), argumentsMember.FindStringSubmatch(mid)
	switch {
	case name != nil && arguments != nil:
		return &object{name[1], arguments[1]}
	case strings.HasSuffix(head, `{"`) && onlyMember.MatchString(mid):
		return &object{}
	}
	return nil
}
