package chattemplate

import (
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/chattemplate/jinja"
)

// Caps is what a template can take, found out by rendering short conversations and looking for their words in the prompt.
type Caps struct {
	SystemRole    bool // a system message reaches the prompt
	DeveloperRole bool // so does a developer message, which the template knows by name
	Tools         bool // tool definitions reach the prompt
	ToolCalls     bool // so do the assistant's tool calls
	ParallelCalls bool // also when there are two in one message
	ToolRole      bool // so do the results of tools
	Strings       bool // content may be a string
	Parts         bool // content may be a list of parts
	Thinking      bool // enable_thinking changes the prompt

	// These say in which form the template takes tool calls: the content beside them as null or as "", the arguments as an object or,
	// when that is false, as the JSON text that OpenAI's API has.
	NullContent, EmptyContent, ObjectArguments bool
	// NoNullTools says that tools have to be a list even when there are none.
	NoNullTools bool

	// GenerationPrompt is what AddGenerationPrompt adds: the beginning of the assistant's turn.
	GenerationPrompt string
	// TurnEnd is what the template writes after an assistant's message, a stop string. It is empty when that is the EOS token or nothing.
	TurnEnd string
}

// Caps probes the template on the first call.
func (t *Template) Caps() Caps { return t.caps() }

// Words that no template contains.
const (
	needle = "qzneedle"
	key    = "qzkey"
	value  = "qzvalue"
	answer = "qzanswer"
	eos    = "\ue000"
)

// maxTurnEnd is longer than the end of any known template's turn.
const maxTurnEnd = 64

// prober asks a template questions: each is a conversation that differs in one thing from one that works.
type prober struct {
	t        *Template
	caps     Caps
	none     any // what tools are when there are none
	deadline time.Time
}

// probeLimits bound each question to a template that nobody has seen yet; Time is for all of them.
var probeLimits = jinja.Limits{Time: 2 * time.Second, Steps: 1_000_000, Memory: 32 << 20, Depth: 100}

func probe(t *Template, source string) Caps {
	p := &prober{t: t, deadline: time.Now().Add(probeLimits.Time)}
	p.basics()
	p.caps.SystemRole = p.shows(list(p.message("system", needle), p.message("user", "Hi")), p.none, needle)
	p.caps.DeveloperRole = strings.Contains(source, "developer") && p.shows(list(p.message("developer", needle), p.message("user", "Hi")), p.none, needle)
	p.caps.Tools = p.shows(list(p.message("user", "Hi")), tools(), needle)
	p.calls()
	p.turns()
	return p.caps
}

func list(items ...any) *jinja.List { return &jinja.List{Items: items} }

// tools gives the definition of one tool, whose name is the needle.
func tools() *jinja.List {
	parameter := jinja.NewDict("type", "string", "description", "d")
	parameters := jinja.NewDict("type", "object", "properties", jinja.NewDict("a", parameter), "required", list("a"))
	return list(jinja.NewDict("type", "function", "function", jinja.NewDict("name", needle, "description", "d", "parameters", parameters)))
}

// message makes a message with content in the form that the template takes.
func (p *prober) message(role, content string, more ...any) *jinja.Dict {
	var c any = content
	if !p.caps.Strings && p.caps.Parts {
		c = part(content)
	}
	return jinja.NewDict(append([]any{"role", role, "content", c}, more...)...)
}

func part(text string) *jinja.List { return list(jinja.NewDict("type", "text", "text", text)) }

func (p *prober) render(messages *jinja.List, tools any, generate bool, more ...any) (string, bool) {
	vars := jinja.NewDict(append([]any{"messages", messages, "tools", tools, "documents", nil, "add_generation_prompt", generate,
		"bos_token", "", "eos_token", eos}, more...)...)
	limits := probeLimits
	limits.Time = time.Until(p.deadline)
	out, err := p.t.render(vars, jinja.Options{Now: time.Unix(0, 0).UTC(), Limits: limits})
	return out, err == nil
}

// shows says whether all words reach the prompt.
func (p *prober) shows(messages *jinja.List, tools any, words ...string) bool {
	out, ok := p.render(messages, tools, true)
	for _, w := range words {
		ok = ok && strings.Contains(out, w)
	}
	return ok
}

// basics finds a form of content and of no tools that works at all.
func (p *prober) basics() {
	for _, none := range []any{nil, list()} {
		out, ok := p.render(list(jinja.NewDict("role", "user", "content", part(needle))), none, true)
		// A list that was printed as it is shows its keys.
		p.caps.Parts = ok && strings.Contains(out, needle) && !strings.Contains(out, "'type'") && !strings.Contains(out, `"type"`)
		p.caps.Strings = p.shows(list(jinja.NewDict("role", "user", "content", needle)), none, needle)
		if p.caps.Strings || p.caps.Parts {
			p.none, p.caps.NoNullTools = none, none != nil
			return
		}
	}
}

// asked is a conversation in which the assistant calls tools, and these answer.
func (p *prober) asked(content, arguments any, names ...string) *jinja.List {
	calls, results := list(), []any{}
	for i, name := range names {
		id := "call0000" + strconv.Itoa(i) // nine letters and digits, as Mistral's templates demand
		calls.Items = append(calls.Items, jinja.NewDict("id", id, "type", "function", "function", jinja.NewDict("name", name, "arguments", arguments)))
		results = append(results, p.message("tool", answer, "tool_call_id", id, "name", name))
	}
	return list(append([]any{p.message("user", "Hi"), jinja.NewDict("role", "assistant", "content", content, "tool_calls", calls)}, results...)...)
}

// calls finds the form of tool calls that reaches the prompt whole.
func (p *prober) calls() {
	object, text := jinja.NewDict(key, value), `{"`+key+`": "`+value+`"}`
	works := func(content, arguments any) bool {
		out, ok := p.render(p.asked(content, arguments, needle), tools(), true)
		// An object that was printed instead of written as JSON shows Python's quotes, a text that was written as JSON escaped ones.
		return ok && strings.Contains(out, needle) && strings.Contains(out, value) && !strings.Contains(out, "'"+key+"'") &&
			!strings.Contains(out, key+`\"`) && !strings.Contains(out, "None")
	}
	for _, arguments := range []any{object, text} {
		p.caps.EmptyContent, p.caps.NullContent = works("", arguments), works(nil, arguments)
		if !p.caps.EmptyContent && !p.caps.NullContent {
			continue
		}
		p.caps.ToolCalls, p.caps.ObjectArguments = true, arguments != any(text)
		var content any
		if p.caps.EmptyContent {
			content = ""
		}
		p.caps.ToolRole = p.shows(p.asked(content, arguments, needle), tools(), answer)
		p.caps.ParallelCalls = p.shows(p.asked(content, arguments, needle, "qzsecond"), tools(), needle, "qzsecond")
		return
	}
}

// turns finds what the template writes around the assistant's words.
func (p *prober) turns() {
	user := p.message("user", "Hi")
	with, ok := p.render(list(user), p.none, true)
	without, ok2 := p.render(list(user), p.none, false)
	if rest, added := strings.CutPrefix(with, without); ok && ok2 && added {
		p.caps.GenerationPrompt = rest
	}
	on, ok := p.render(list(user), p.none, true, "enable_thinking", true)
	off, ok2 := p.render(list(user), p.none, true, "enable_thinking", false)
	p.caps.Thinking = ok && ok2 && on != off

	out, ok := p.render(list(user, p.message("assistant", needle)), p.none, false)
	if _, after, found := strings.Cut(out, needle); ok && found {
		after, _, _ = strings.Cut(after, eos)
		after = strings.TrimSpace(after)
		if at := strings.IndexByte(after, '>'); len(after) > maxTurnEnd && at > 0 {
			// More than an end: some templates go on with what comes next. Then the first special token ends the turn.
			after = after[:at+1]
		}
		p.caps.TurnEnd = after
	}
}
