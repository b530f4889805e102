package responses

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/toolcall"
)

// fakeModel is a model for these tests: it makes the turns of its script by how many turns of the assistant stand behind the last
// message of the user, and refuses conversations of more than window messages.
type fakeModel struct {
	mu     sync.Mutex
	script [][]generate.Event
	window int
	saw    [][]engine.Message
}

func (f *fakeModel) Run(ctx context.Context, _ actor.Actor, req generate.Request, p generate.Prompt) iter.Seq2[generate.Event, error] {
	return func(yield func(generate.Event, error) bool) {
		f.mu.Lock()
		f.saw = append(f.saw, p.Messages)
		f.mu.Unlock()
		if f.window > 0 && len(p.Messages) > f.window {
			yield(nil, fault.New(fault.Invalid, "too long").WithCode("context_length_exceeded"))
			return
		}
		n := 0
		for i := len(p.Messages) - 1; i >= 0 && p.Messages[i].Role != "user"; i-- {
			if p.Messages[i].Role == "assistant" {
				n++
			}
		}
		if !yield(generate.Admitted{Model: req.Model}, nil) {
			return
		}
		for _, ev := range f.script[min(n, len(f.script)-1)] {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(ev, nil) {
				return
			}
		}
	}
}

func (f *fakeModel) Known(context.Context, actor.Actor, string) error { return nil }

func (f *fakeModel) TokenizeMessages(_ context.Context, _ actor.Actor, _ string, m []engine.Message, _ *toolcall.Request) (string, []engine.Token, error) {
	return "fake", make([]engine.Token, len(m)), nil
}

// say is a turn of words, in pieces of three bytes: letters of several are whole.
func say(text string) (out []generate.Event) {
	for runes := []rune(text); len(runes) > 0; {
		n := min(3, len(runes))
		out = append(out, generate.Delta{Text: string(runes[:n])})
		runes = runes[n:]
	}
	return append(out, generate.Done{Reason: engine.FinishStop, Usage: generate.Usage{PromptTokens: 5, CompletionTokens: 2, CachedTokens: 1}})
}

func call(name, arguments string) []generate.Event {
	half := len(arguments) / 2
	return []generate.Event{
		generate.ToolCallDelta{ID: "call_" + name, Name: name, Arguments: arguments[:half]}, generate.ToolCallDelta{Arguments: arguments[half:]},
		generate.Done{Reason: engine.FinishToolCalls, Usage: generate.Usage{PromptTokens: 5, CompletionTokens: 2}},
	}
}

// fakeTool is a built-in tool for these tests.
type fakeTool struct {
	name string
	do   func(ctx context.Context) (agent.Result, error)
}

func (f fakeTool) Definition() toolcall.Tool { return toolcall.Tool{Name: f.name} }
func (f fakeTool) Parallel() bool            { return false }
func (f fakeTool) Call(ctx context.Context, _ actor.Actor, _ agent.Call, _ func(agent.Output)) (agent.Result, error) {
	return f.do(ctx)
}

// fakeServers is the leases of servers, for these tests.
type fakeServers struct {
	id   string
	dead map[string]bool
}

func (f *fakeServers) ID() string { return f.id }
func (f *fakeServers) Alive(context.Context, store.Q) (map[string]bool, error) {
	out := map[string]bool{"srv_a": true, "srv_b": true}
	for id := range f.dead {
		delete(out, id)
	}
	return out, nil
}

var ann = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-ann"}

type bench struct {
	*Service
	t     *testing.T
	model *fakeModel
}

func newBench(t *testing.T, db *store.DB, server string, dead ...string) *bench {
	f := &fakeServers{id: server, dead: map[string]bool{}}
	for _, id := range dead {
		f.dead[id] = true
	}
	m := &fakeModel{script: [][]generate.Event{say("Well.")}}
	s := New(Options{
		DB: db, Model: m, Servers: f, Clock: clock.NewFake(time.Unix(1_700_000_000, 0)), Logger: slog.New(slog.DiscardHandler), Tools: map[string]Toolmaker{},
		Files: func(context.Context, actor.Actor, string) (string, []byte, error) {
			return "", nil, fault.New(fault.NotFound, "none")
		},
		Reader: func(_ context.Context, _ string, r io.ReadSeeker) (string, error) {
			text, err := io.ReadAll(r)
			return string(text), err
		},
	})
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return &bench{s, t, m}
}

func (b *bench) tool(kind, name string, do func(ctx context.Context) (agent.Result, error)) {
	b.tools[kind] = func(context.Context, actor.Actor, Use) (agent.Tool, error) { return fakeTool{name, do}, nil }
}

func request(t *testing.T, body string) *Request {
	t.Helper()
	var r Request
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// ask makes a response and returns it with its events.
func (b *bench) ask(who actor.Actor, body string) (Object, []Event, error) {
	b.t.Helper()
	var evs []Event
	p, err := b.prepare(b.t.Context(), who, request(b.t, body), "req_1")
	if err != nil {
		return Object{}, nil, err
	}
	e := &execution{s: b.Service, who: who, p: p, tell: func(ev Event) error { evs = append(evs, ev); return nil }}
	err = e.work(b.t.Context())
	return *e.snapshot(), evs, err
}

func (b *bench) must(who actor.Actor, body string) (Object, []Event) {
	b.t.Helper()
	o, evs, err := b.ask(who, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return o, evs
}

func kinds(evs []Event) string {
	var out []string
	for _, ev := range evs {
		if k := strings.TrimPrefix(ev.Type, "response."); len(out) == 0 || out[len(out)-1] != k {
			out = append(out, k)
		}
	}
	return strings.Join(out, " ")
}

const searching = `{"model": "m", "input": "Where?", "include": ["file_search_call.results"], "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}`

// TestSearch: markers in the model's words become annotations at the right places, also where they come in pieces, and are not shown.
func TestSearch(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		b.tool(FileSearch, "file_search", func(context.Context) (agent.Result, error) {
			return agent.Result{Text: "found", Search: &agent.Search{Queries: []string{"where"}}, Hits: []agent.Hit{
				{FileID: "file-a", Filename: "a.txt", Score: 0.5, Text: "In 한국.", Marker: "【4:0†a.txt】"}, {FileID: "file-b", Filename: "b.txt", Marker: "【4:1†b.txt】"},
			}}, nil
		})
		b.model.script = [][]generate.Event{call("file_search", `{"queries": ["where"]}`), say("한국【4:0†a.txt】, or so【4:1†b.txt】. And 【9†no】")}
		o, evs := b.must(ann, searching)
		want := "created in_progress output_item.added file_search_call.in_progress file_search_call.searching file_search_call.completed output_item.done " +
			"output_item.added content_part.added output_text.delta output_text.annotation.added output_text.delta output_text.annotation.added output_text.delta " +
			"output_text.done content_part.done output_item.done completed"
		if got := kinds(evs); got != want {
			t.Errorf("events\n%s\nwant\n%s", got, want)
		}
		text := o.Output[1].Content[0]
		if *text.Text != "한국, or so. And 【9†no】" {
			t.Errorf("%q", *text.Text)
		}
		a := *text.Annotations
		if len(a) != 2 || a[0].FileID != "file-a" || *a[0].Index != 2 || a[1].Filename != "b.txt" || *a[1].Index != 9 {
			t.Errorf("%+v", a)
		}
		if !strings.Contains(string(o.Output[0].Results), "In 한국.") || o.Output[0].Queries[0] != "where" {
			t.Errorf("%+v", o.Output[0])
		}
		if o.Usage.TotalTokens != 14 || o.Usage.InputTokensDetails.CachedTokens != 1 {
			t.Errorf("%+v", o.Usage)
		}
		kept, err := b.get(t.Context(), ann, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := shownAll(kept.Output, nil)[0].Results; string(got) != "null" {
			t.Errorf("not asked for: %s", got)
		}
		// What was found stays known to the next response, fenced.
		b.model.script = [][]generate.Event{say("As I said.")}
		b.must(ann, `{"model": "m", "input": "Sure?", "previous_response_id": "`+o.ID+`"}`)
		last := b.model.saw[len(b.model.saw)-1]
		if len(last) != 5 || last[1].ToolCalls[0].Name != "file_search" || !strings.Contains(last[2].Content, "In 한국.") || last[2].Content == "a.txt:\nIn 한국.\n\n" {
			t.Errorf("%+v", last)
		}
	})
}

// TestTooManyCalls: the model is told, and the tool is not called.
func TestTooManyCalls(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		called := 0
		b.tool(FileSearch, "file_search", func(context.Context) (agent.Result, error) { called++; return agent.Result{Text: "x"}, nil })
		b.model.script = [][]generate.Event{call("file_search", `{}`), call("file_search", `{}`), say("Enough.")}
		o, _ := b.must(ann, strings.Replace(searching, `"model"`, `"max_tool_calls": 1, "model"`, 1))
		if called != 1 || len(o.Output) != 3 || o.Output[1].Status != Failed || o.Status != Completed {
			t.Errorf("%d calls, %+v", called, o.Output)
		}
	})
}

// TestTruncation: a conversation that is too long loses its oldest messages with auto, and is refused otherwise; nothing is kept of
// what was refused.
func TestTruncation(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		var items []string
		for i := range 40 {
			items = append(items, fmt.Sprintf(`{"role": %q, "content": "%d"}`, []string{"user", "assistant"}[i%2], i))
		}
		b.model.window = 8
		body := `{"model": "m", "instructions": "Be brief.", "input": [` + strings.Join(items, ",") + `, {"role": "user", "content": "last"}]`
		if _, _, err := b.ask(ann, body+`}`); fault.As(err) == nil || fault.As(err).Code != "context_length_exceeded" {
			t.Fatalf("%v", err)
		}
		var n int
		if err := db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM responses`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d responses, %v", n, err)
		}
		b.must(ann, body+`, "truncation": "auto"}`)
		last := b.model.saw[len(b.model.saw)-1]
		if len(last) > 8 || len(last) < 4 || last[0].Content != "Be brief." || last[len(last)-1].Content != "last" {
			t.Errorf("%+v", last)
		}
	})
}

// TestOthers: what belongs to another project is not found, whichever way it is named.
func TestOthers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		mine, _ := b.must(ann, `{"model": "m", "input": "Hi"}`)
		for _, other := range []actor.Actor{{Org: "org-b", Project: "proj_a"}, {Org: "org-a", Project: "proj_b"}} {
			if _, err := b.get(t.Context(), other, mine.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("read: %v", err)
			}
			if _, err := b.cancel(t.Context(), other, mine.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("cancelled: %v", err)
			}
			if err := b.remove(t.Context(), other, mine.ID); fault.KindOf(err) != fault.NotFound {
				t.Errorf("deleted: %v", err)
			}
			if _, _, err := b.ask(other, `{"model": "m", "input": "Hi", "previous_response_id": "`+mine.ID+`"}`); fault.As(err) == nil || fault.As(err).Code != "previous_response_not_found" {
				t.Errorf("continued: %v", err)
			}
			if _, _, err := b.ask(other, `{"model": "m", "input": [{"type": "item_reference", "id": "`+mine.Output[0].ID+`"}]}`); fault.KindOf(err) != fault.NotFound {
				t.Errorf("referred to: %v", err)
			}
		}
	})
}

// TestManyFiles: a request of some kilobytes that names a file many times is refused before the server has it in memory that often.
func TestManyFiles(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		read := 0
		b.files = func(context.Context, actor.Actor, string) (string, []byte, error) {
			read++
			return "a.txt", make([]byte, maxFileText), nil
		}
		part := `{"type": "input_file", "file_id": "file-a"}`
		_, _, err := b.ask(ann, `{"model": "m", "input": [{"role": "user", "content": [`+part+strings.Repeat(", "+part, 99)+`]}]}`)
		if e := fault.As(err); e == nil || e.Code != "file_too_large" || e.Param != "input[0].content[16]" {
			t.Errorf("%v", err)
		}
		if read > 20 {
			t.Errorf("the file was read %d times", read)
		}
	})
}

// TestLongHistory: what was stored in many large requests is not read all at once.
func TestLongHistory(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		long := strings.Repeat("x", maxHistory/4)
		o, _ := b.must(ann, `{"model": "m", "input": "`+long+`"}`)
		for range 3 {
			o, _ = b.must(ann, `{"model": "m", "input": "`+long+`", "previous_response_id": "`+o.ID+`"}`)
		}
		_, _, err := b.ask(ann, `{"model": "m", "input": "Hi", "previous_response_id": "`+o.ID+`"}`)
		if e := fault.As(err); e == nil || e.Code != "context_length_exceeded" || e.Param != "previous_response_id" {
			t.Errorf("%v", err)
		}
		if _, err := b.get(t.Context(), ann, o.ID); err != nil {
			t.Errorf("it is read all the same: %v", err)
		}
	})
}

// TestConversationOfTwo: responses at once add their items whole, each place once.
func TestConversationOfTwo(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, "srv_a")
		c := Conversation{ID: "conv_" + strings.Repeat("a", 24), Metadata: Metadata{}}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return b.insertConversation(t.Context(), tx, ann, &c) }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, _, err := b.ask(ann, fmt.Sprintf(`{"model": "m", "input": "%d", "conversation": {"id": %q}}`, i, c.ID)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		items, err := b.conversationItems(t.Context(), db.Read(), c.ID)
		if err != nil || len(items) != 16 {
			t.Fatalf("%d items, %v", len(items), err)
		}
		for i := 0; i < len(items); i += 2 {
			if items[i].Role != "user" || items[i+1].Role != "assistant" {
				t.Errorf("%d: %+v %+v", i, items[i], items[i+1])
			}
		}
	})
}

// TestTakeOver: what a dead server executed goes on elsewhere. The tool that it had begun is not called again, what was whole stays, and
// the response ends once.
func TestTakeOver(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		a := newBench(t, db, "srv_a")
		begun, calls := make(chan struct{}, 9), 0
		script := [][]generate.Event{append(say("Let me look."), call("python", `{"code": "1+1"}`)...), say("Done.")}
		script[0] = slices.DeleteFunc(script[0], func(ev generate.Event) bool {
			d, ok := ev.(generate.Done)
			return ok && d.Reason == engine.FinishStop
		})
		a.model.script = script
		a.tool(CodeInterpreter, "python", func(ctx context.Context) (agent.Result, error) {
			calls++
			begun <- struct{}{}
			<-ctx.Done()
			return agent.Result{}, ctx.Err()
		})
		p, err := a.prepare(t.Context(), ann, request(t, `{"model": "m", "input": "Count.", "background": true, "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}`), "req_1")
		if err != nil {
			t.Fatal(err)
		}
		queued, _, err := a.enqueue(t.Context(), p)
		if err != nil || queued.Status != Queued {
			t.Fatalf("%+v %v", queued, err)
		}
		<-begun
		b := newBench(t, db, "srv_b", "srv_a")
		b.model.script = script
		b.tool(CodeInterpreter, "python", func(context.Context) (agent.Result, error) { calls++; return agent.Result{Text: "2"}, nil })
		if err := b.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := b.wait(queued.ID)
		if got.Status != Completed || calls != 1 || len(got.Output) != 3 {
			t.Fatalf("%d calls, %s %+v", calls, got.Status, got.Output)
		}
		if *got.Output[0].Content[0].Text != "Let me look." || got.Output[1].Type != CodeCall || got.Output[1].Status != Incomplete || *got.Output[1].Code != "1+1" || *got.Output[2].Content[0].Text != "Done." {
			t.Errorf("%+v", got.Output)
		}
		last := b.model.saw[len(b.model.saw)-1]
		if last[len(last)-1].Content != agent.Interrupted {
			t.Errorf("the model was told %q", last[len(last)-1].Content)
		}
		// The one that was thought to be dead writes nothing more.
		a.end(queued.ID)
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again := b.wait(queued.ID); again.Status != Completed || len(again.Output) != 3 {
			t.Errorf("%s %+v", again.Status, again.Output)
		}
	})
}

// TestClientsServerDied: a response that belonged to a request ends with the server that wrote it.
func TestClientsServerDied(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		a := newBench(t, db, "srv_a")
		p, err := a.prepare(t.Context(), ann, request(t, `{"model": "m", "input": "Hi"}`), "req_1")
		if err != nil {
			t.Fatal(err)
		}
		p.r.server = "srv_a"
		if err := db.Tx(t.Context(), func(tx *store.Tx) error { return a.insert(t.Context(), tx, &p.r) }); err != nil {
			t.Fatal(err)
		}
		b := newBench(t, db, "srv_b", "srv_a")
		if err := b.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.wait(p.r.ID); got.Status != Failed || got.Error == nil || got.Error.Code != "server_error" {
			t.Errorf("%+v", got.Object)
		}
	})
}

// wait waits for a response's end.
func (b *bench) wait(id string) stored {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, err := b.get(b.t.Context(), ann, id)
		if err != nil {
			b.t.Fatal(err)
		}
		if ended(got.Status) {
			return got
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the response does not end: %+v", got.Object)
		}
	}
}

// FuzzRequest: whatever comes in, it is taken or refused, and what is taken can be said to a model.
func FuzzRequest(f *testing.F) {
	f.Add(searching)
	f.Add(`{"model": "m", "input": [{"role": "user", "content": [{"type": "input_file", "file_data": "data:;base64,aGk="}]}, {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]}]}`)
	f.Add(`{"model": "m", "input": "x", "conversation": {"id": "conv_1"}, "tool_choice": {"type": "function", "name": "f"}, "tools": [{"type": "code_interpreter", "container": "c"}], "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		var r Request
		if json.Unmarshal([]byte(body), &r) != nil || r.check() != nil {
			return
		}
		if _, err := functions(r.Tools, r.ToolChoice); err != nil {
			return
		}
		if completeAll(r.Input.Items, "input", maxItems) != nil {
			return
		}
		for _, t := range r.Input.Items {
			if t.Type == Reference {
				return
			}
		}
		s := &Service{
			files: func(context.Context, actor.Actor, string) (string, []byte, error) {
				return "", nil, fault.New(fault.NotFound, "none")
			},
			reader: func(context.Context, string, io.ReadSeeker) (string, error) { return "text", nil },
		}
		_, _ = s.messages(context.Background(), ann, r.Input.Items, 0)
		if _, err := json.Marshal(shownAll(r.Input.Items, nil)); err != nil {
			t.Error(err)
		}
	})
}
