package interpreter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/sandbox"
	"github.com/parley-ai/parley/internal/toolcall"
)

// Name is the tool's, as models call it.
const Name = "python"

const description = `Runs Python code in a Jupyter-like session and returns what it prints, the value of its last expression, and its traceback when it fails. ` +
	`Variables stay from call to call. numpy, pandas, matplotlib, pillow, scipy, scikit-learn, openpyxl, python-docx, pypdf and sympy are installed; there is no internet. ` +
	`Files of the user are in /mnt/data; save files for the user there and link to them as [name](sandbox:/mnt/data/name). ` +
	`Charts made with matplotlib are shown to the user. When the code fails, read the traceback, correct the code and run it again.`

const parameters = `{"type":"object","properties":{"code":{"type":"string","description":"Python code"}},"required":["code"],"additionalProperties":false}`

// Tool returns the tool for one run of a model. key is what the session belongs to; attached are the ids of files that the user gave it. Its
// error is a fault that says why Code Interpreter is off.
func (s *Service) Tool(ctx context.Context, who actor.Actor, key string, attached []string) (agent.Tool, error) {
	boxes, err := s.sandboxes()
	if err != nil {
		return nil, err
	}
	o := owner{who.Org, who.Project, key}
	all, err := s.assign(ctx, who, o, attached)
	if err != nil {
		return nil, err
	}
	boxes.Warm()
	t := &tool{s: s, owner: o, attached: slices.Clone(attached), about: description}
	if len(all) > 0 {
		names := make([]string, 0, len(all))
		for _, p := range all {
			names = append(names, "/mnt/data/"+p.path)
		}
		const most = 50
		if len(names) > most {
			names = append(names[:most], "…")
		}
		t.about += "\nFiles there: " + strings.Join(names, ", ")
	}
	return t, nil
}

type tool struct {
	s        *Service
	owner    owner
	attached []string
	about    string
}

// Definition implements agent.Tool.
func (t *tool) Definition() toolcall.Tool {
	return toolcall.Tool{Name: Name, Description: t.about, Parameters: []byte(parameters)}
}

// Parallel implements agent.Tool: calls share the session's variables.
func (t *tool) Parallel() bool { return false }

// codeOf reads the code: {"code": …}, names that models use instead, or the code itself without JSON.
func codeOf(arguments string) (string, error) {
	var all map[string]any
	if err := json.Unmarshal([]byte(arguments), &all); err != nil {
		if strings.HasPrefix(strings.TrimSpace(arguments), "{\"") {
			return "", fault.New(fault.Invalid, "The arguments of %s are not JSON: %s. Send {\"code\": \"…\"}.", Name, err)
		}
		return fenced(arguments), nil
	}
	for _, name := range []string{"code", "input", "python", "script"} {
		if v, ok := all[name].(string); ok {
			return fenced(v), nil
		}
	}
	return "", fault.New(fault.Invalid, "The arguments of %s have no code. Send {\"code\": \"…\"}.", Name)
}

// fenced takes the code out of a Markdown fence, which models put around it out of habit.
func fenced(code string) string {
	t := strings.TrimSpace(code)
	if first, rest, ok := strings.Cut(t, "\n"); ok && strings.HasPrefix(first, "```") && strings.HasSuffix(rest, "```") {
		return strings.TrimSuffix(rest, "```")
	}
	return code
}

// Call implements agent.Tool.
func (t *tool) Call(ctx context.Context, who actor.Actor, call agent.Call, out func(agent.Output)) (agent.Result, error) {
	code, err := codeOf(call.Arguments)
	if err != nil {
		return agent.Result{}, err
	}
	if strings.TrimSpace(code) == "" {
		return agent.Result{}, fault.New(fault.Invalid, "There is no code to run.")
	}
	one, err := t.s.acquire(ctx, t.owner)
	if err != nil {
		return agent.Result{}, err
	}
	defer t.s.release(one)
	c := &run{s: t.s, who: who, owner: t.owner, one: one, out: out}
	return c.do(ctx, code, t.attached)
}

// run is one call.
type run struct {
	s     *Service
	who   actor.Actor
	owner owner
	one   *session
	out   func(agent.Output)

	outputs []agent.Output
	notes   []string
	images  int
	failed  error // of keeping an image
}

func (r *run) do(ctx context.Context, code string, attached []string) (agent.Result, error) {
	all, err := r.s.assign(ctx, r.who, r.owner, attached)
	if err != nil {
		return agent.Result{}, err
	}
	lost, err := r.s.begin(ctx, r.who, r.owner, r.one)
	if err != nil {
		return agent.Result{}, err
	}
	notes, err := r.s.bring(ctx, r.who, r.owner, r.one, all)
	if err != nil {
		return r.ended(err)
	}
	if lost {
		back := make([]string, 0, len(r.one.seen))
		for p := range r.one.seen {
			back = append(back, "/mnt/data/"+p)
		}
		slices.Sort(back)
		text := "The earlier session had ended: this code began in a new one, without the earlier variables and imports."
		if len(back) > 0 {
			text += " These files are there again: " + strings.Join(back, ", ") + "."
		}
		r.notes = append(r.notes, text)
	}
	r.notes = append(r.notes, notes...)
	outcome, err := r.one.box.Run(ctx, code, func(c sandbox.Chunk) { r.chunk(ctx, c) })
	if r.one.id != "" {
		if meter := r.s.addRun(context.WithoutCancel(ctx), r.one.id, outcome.Took.Milliseconds()); meter != nil {
			r.s.log.ErrorContext(ctx, "interpreter: a run was not counted", "session", r.one.id, "error", meter)
		}
	}
	if err != nil {
		return r.ended(err)
	}
	if outcome.End == sandbox.Cancelled {
		return agent.Result{}, ctx.Err()
	}
	if r.failed != nil {
		return agent.Result{}, r.failed
	}
	r.outcome(outcome)
	made, notes, err := r.s.collect(ctx, r.who, r.owner, r.one)
	r.notes = append(r.notes, notes...)
	if err != nil {
		return r.ended(err)
	}
	return agent.Result{Text: r.text(made), Outputs: r.outputs, Files: r.known(made)}, nil
}

// chunk passes on what the code gives.
func (r *run) chunk(ctx context.Context, c sandbox.Chunk) {
	if c.Text != "" {
		r.emit(agent.Output{Text: c.Text})
		return
	}
	id, err := r.s.image(ctx, r.who, c.Image)
	switch {
	case err != nil:
		r.failed = errors.Join(r.failed, err)
	case id != "":
		r.images++
		r.emit(agent.Output{FileID: id})
	}
}

// emit tells of a piece; text that follows text is one output.
func (r *run) emit(o agent.Output) {
	last := len(r.outputs) - 1
	if o.Text != "" && last >= 0 && r.outputs[last].Text != "" {
		o.Index = last
		r.outputs[last].Text += o.Text
	} else {
		o.Index = len(r.outputs)
		r.outputs = append(r.outputs, o)
	}
	r.out(o)
}

// ended is the result when the sandbox has died under the code: the model is told, and the next code begins in a new one.
func (r *run) ended(err error) (agent.Result, error) {
	if !errors.Is(err, sandbox.ErrEnded) {
		return agent.Result{}, err
	}
	why := "failed"
	if sandbox.OutOfMemory(err) {
		why = "memory"
	}
	r.s.finish(r.one, why)
	if why == "memory" {
		r.notes = append(r.notes, "The session was ended: it took too much memory or had too many processes. Variables are gone, and files that this code made; those from before are copied in again at the next call.")
	} else {
		r.notes = append(r.notes, "The session was ended by the code or by a failure. Variables are gone, and files that this code made; those from before are copied in again at the next call.")
	}
	return agent.Result{Text: r.text(nil), Outputs: r.outputs}, nil
}

// outcome adds what the output does not say of a run's end.
func (r *run) outcome(o sandbox.Outcome) {
	l := r.one.box.Limits()
	lost := ""
	if o.Lost {
		lost = " Variables and imports are gone, files are there."
	}
	switch o.End {
	case sandbox.TimedOut:
		r.say("The code was stopped after %s, the most that one call may take.%s", l.Time.Round(time.Second), lost)
	case sandbox.Memory:
		r.say("The code was stopped: it took more than the %d MB of memory that a session has.%s", l.Memory>>20, lost)
	case sandbox.ManyFiles:
		r.say("The code was stopped: /mnt/data may hold %d files.%s", l.Files, lost)
	case sandbox.Exited:
		if o.Status < 0 {
			r.say("The Python process was ended by signal %d.%s", -o.Status, lost)
		} else {
			r.say("The Python process exited with status %d.%s", o.Status, lost)
		}
	case sandbox.Broken:
		r.say("The Python process no longer answered and was ended.%s", lost)
	}
	if o.Truncated {
		r.say("The output was longer than %d bytes; the rest was dropped.", l.Output)
	}
}

func (r *run) say(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// maxTold is how much of the output the model is told, in bytes: the beginning and the end of it.
const maxTold = 12000

// text is what the model is told.
func (r *run) text(made []agent.File) string {
	var printed strings.Builder
	for _, o := range r.outputs {
		printed.WriteString(o.Text)
	}
	var b strings.Builder
	b.WriteString(cut(strings.TrimRight(printed.String(), "\n"), maxTold))
	line := func(s string) {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(s)
	}
	if r.images > 0 {
		line(fmt.Sprintf("[%d image(s) were shown to the user]", r.images))
	}
	for _, f := range made {
		line(fmt.Sprintf("[made: %s, %d bytes; link: sandbox:%s]", f.Path, f.Size, f.Path))
	}
	for _, n := range r.notes {
		line("[" + n + "]")
	}
	if b.Len() == 0 {
		return "[The code ran and printed nothing.]"
	}
	return b.String()
}

// cut leaves the middle of a long text out.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	h, t := most*2/3, len(s)-most/3
	for h > 0 && !utf8.RuneStart(s[h]) {
		h--
	}
	for t < len(s) && !utf8.RuneStart(s[t]) {
		t++
	}
	head, tail := s[:h], s[t:]
	return fmt.Sprintf("%s\n[… %d bytes are left out here …]\n%s", head, len(s)-len(head)-len(tail), tail)
}

// known are all files that code of this session made and that are there: the model may link to an earlier one.
func (r *run) known(made []agent.File) []agent.File {
	out := slices.Clone(made)
	for p, k := range r.one.seen {
		full := "/mnt/data/" + p
		if k.fileID != "" && !slices.ContainsFunc(out, func(f agent.File) bool { return f.Path == full }) {
			out = append(out, agent.File{ID: k.fileID, Path: full, Size: k.entry.Size})
		}
	}
	slices.SortFunc(out, func(a, b agent.File) int { return strings.Compare(a.Path, b.Path) })
	return out
}
