package runs_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine/remote"
	"github.com/parley-ai/parley/internal/testkit"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// world is a real server whose model is the scripted fake.
type world struct {
	t     *testing.T
	s     *testkit.Server
	model *scripted.Server
	v     string // generation
}

func start(t *testing.T, o scripted.Options, config ...map[string]any) *world {
	t.Helper()
	model := scripted.Start(t, o)
	settings := map[string]any{"remotes": model.Remotes(), "aliases": `{}`}
	for _, c := range config {
		for k, v := range c {
			settings[k] = v
		}
	}
	return &world{t: t, s: testkit.Start(t, testkit.Options{Config: settings, Opener: remote.Open}), model: model, v: "v2"}
}

type object = map[string]any

// ask sends a request and returns the answer, which must have the status.
func (w *world) ask(status int, method, path string, body any) object {
	w.t.Helper()
	resp, text := w.s.CallWith(map[string]string{"Authorization": "Bearer " + w.s.Key, "OpenAI-Beta": "assistants=" + w.v}, method, "/v1"+path, body)
	if resp.StatusCode != status {
		w.t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
	}
	var out object
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		w.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return out
}

func (w *world) post(path string, body any) object {
	w.t.Helper()
	return w.ask(http.StatusOK, http.MethodPost, path, body)
}

func (w *world) get(path string) object {
	w.t.Helper()
	return w.ask(http.StatusOK, http.MethodGet, path, nil)
}

// assistant makes an assistant and returns its id.
func (w *world) assistant(more object) string {
	w.t.Helper()
	body := object{"model": scripted.Model}
	for k, v := range more {
		body[k] = v
	}
	return w.post("/assistants", body)["id"].(string)
}

// thread makes a thread in which a user says a text, and returns its id.
func (w *world) thread(texts ...string) string {
	w.t.Helper()
	var messages []object
	for _, text := range texts {
		messages = append(messages, object{"role": "user", "content": text})
	}
	return w.post("/threads", object{"messages": messages})["id"].(string)
}

func (w *world) run(thread, assistant string, more object) object {
	w.t.Helper()
	body := object{"assistant_id": assistant}
	for k, v := range more {
		body[k] = v
	}
	return w.post("/threads/"+thread+"/runs", body)
}

func runPath(run object) string {
	return fmt.Sprintf("/threads/%s/runs/%s", run["thread_id"], run["id"])
}

// wait polls a run until it has the status.
func (w *world) wait(run object, status string) object {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		run = w.get(runPath(run))
		switch got := run["status"]; {
		case got == status:
			return run
		case got != "queued" && got != "in_progress" && got != "cancelling", time.Now().After(deadline):
			w.t.Fatalf("the run is %v, want %s: %v", got, status, run["last_error"])
		}
	}
}

func (w *world) steps(run object) []object { return list(w.get(runPath(run) + "/steps?order=asc")) }

func (w *world) messages(thread string) []object {
	return list(w.get("/threads/" + thread + "/messages?order=asc"))
}

func list(page object) []object {
	var out []object
	for _, v := range page["data"].([]any) {
		out = append(out, v.(object))
	}
	return out
}

func textOf(m object) string {
	var out []string
	for _, p := range m["content"].([]any) {
		if text, ok := p.(object)["text"].(object); ok {
			out = append(out, text["value"].(string))
		}
	}
	return strings.Join(out, "|")
}

// event is one of a stream.
type event struct {
	name string
	data object
}

// stream sends a request and reads the events of its answer.
func (w *world) stream(path string, body object) []event {
	w.t.Helper()
	body["stream"] = true
	resp, text := w.s.CallWith(map[string]string{"Authorization": "Bearer " + w.s.Key, "OpenAI-Beta": "assistants=" + w.v}, http.MethodPost, "/v1"+path, body)
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s %s", path, resp.Status, text)
	}
	var out []event
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		name, data, ok := strings.Cut(block, "\ndata: ")
		if !ok {
			continue // a comment
		}
		ev := event{name: strings.TrimPrefix(name, "event: ")}
		if data == "[DONE]" {
			ev.data = object{"id": "[DONE]"}
		} else if err := json.Unmarshal([]byte(data), &ev.data); err != nil {
			w.t.Fatalf("%q: %v", data, err)
		}
		out = append(out, ev)
	}
	return out
}

func names(events []event) string {
	var out []string
	for _, ev := range events {
		out = append(out, strings.TrimPrefix(ev.name, "thread."))
	}
	return strings.Join(out, " ")
}

// summary of what a run made: its steps and messages.
func (w *world) made(run object) string {
	var out []string
	for _, s := range w.steps(run) {
		out = append(out, fmt.Sprintf("%s:%s", s["type"], s["status"]))
	}
	for _, m := range w.messages(run["thread_id"].(string)) {
		if m["run_id"] == run["id"] {
			out = append(out, fmt.Sprintf("%q:%s", textOf(m), m["status"]))
		}
	}
	return strings.Join(out, " ")
}

func (w *world) made_(run object, want string) {
	w.t.Helper()
	if got := w.made(run); got != want {
		w.t.Errorf("the run made\n%s, want\n%s", got, want)
	}
}

var weather = object{"type": "function", "function": object{"name": "get_weather", "parameters": object{"type": "object", "properties": object{"place": object{"type": "string"}}}}}

func callWeather(place string) scripted.Call {
	return scripted.Call{Name: "get_weather", Arguments: fmt.Sprintf(`{"place":%q}`, place)}
}

func TestAnswer(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"instructions": "You help."})
	thread := w.thread("hello", scripted.Say("hi there"))
	run := w.run(thread, a, object{"additional_instructions": "Be short.", "metadata": object{"k": "v"}})
	if run["status"] != "queued" || run["usage"] != nil || run["expires_at"].(float64)-run["created_at"].(float64) != 600 {
		t.Errorf("%v", run)
	}
	run = w.wait(run, "completed")
	w.made_(run, `message_creation:completed "hi there":completed`)
	usage := run["usage"].(object)
	if step := w.steps(run)[0]; step["usage"].(object)["total_tokens"] != usage["total_tokens"] || usage["prompt_tokens"].(float64) == 0 {
		t.Errorf("usage of the run %v, of the step %v", usage, step["usage"])
	}
	saw := w.model.Requests()[0].Messages
	if len(saw) != 3 || saw[0].Role != "system" || saw[0].Content != "You help.\n\nBe short." || saw[1].Content != "hello" {
		t.Errorf("the model saw %+v", saw)
	}
	// The next run sees the answer.
	next := w.run(thread, a, object{"additional_messages": []object{{"role": "user", "content": scripted.Say("again")}}})
	w.wait(next, "completed")
	saw = w.model.Requests()[1].Messages
	if len(saw) != 5 || saw[3].Role != "assistant" || saw[3].Content != "hi there" {
		t.Errorf("the model saw %+v", saw)
	}
}

func TestFunctions(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"tools": []object{weather}})
	thread := w.thread(scripted.Play(
		scripted.Turn{Text: "I look. ", Calls: []scripted.Call{callWeather("Seoul"), callWeather("Paris")}},
		scripted.Turn{Calls: []scripted.Call{callWeather("Rome")}},
		scripted.Turn{Text: "Done."},
	))
	run := w.wait(w.run(thread, a, nil), "requires_action")
	w.made_(run, `message_creation:completed tool_calls:in_progress "I look. ":completed`)
	if run["expires_at"] == nil || run["usage"] != nil {
		t.Errorf("%v", run)
	}
	answer := func(run object, outputs ...string) object {
		var list []object
		for i, c := range run["required_action"].(object)["submit_tool_outputs"].(object)["tool_calls"].([]any) {
			list = append(list, object{"tool_call_id": c.(object)["id"], "output": outputs[i]})
		}
		return object{"tool_outputs": list}
	}
	run = w.wait(w.post(runPath(run)+"/submit_tool_outputs", answer(run, "warm", "cold")), "requires_action")
	run = w.wait(w.post(runPath(run)+"/submit_tool_outputs", answer(run, "hot")), "completed")
	w.made_(run, `message_creation:completed tool_calls:completed tool_calls:completed message_creation:completed "I look. ":completed "Done.":completed`)
	total := 0.0
	for _, s := range w.steps(run) {
		total += s["usage"].(object)["total_tokens"].(float64)
	}
	if got := run["usage"].(object)["total_tokens"]; got != total {
		t.Errorf("usage of the run is %v, of its steps together %v", got, total)
	}
	saw := w.model.Requests()[2].Messages
	var told []string
	for _, m := range saw[1:] {
		told = append(told, fmt.Sprintf("%s%d:%s", m.Role, len(m.ToolCalls), m.Content))
	}
	if got := strings.Join(told, " "); got != "assistant2:I look.  tool0:warm tool0:cold assistant1: tool0:hot" {
		t.Errorf("the model saw %s", got)
	}
}

// TestStream holds the whole stream of a run that has everything but our own tools, with its payloads.
func TestStream(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"tools": []object{weather}})
	script := scripted.Play(scripted.Turn{Text: "I look. ", Calls: []scripted.Call{callWeather("Seoul")}}, scripted.Turn{Text: "Warm."})
	events := w.stream("/threads/runs", object{"assistant_id": a, "thread": object{"messages": []object{{"role": "user", "content": script}}}})
	want := "created run.created run.queued run.in_progress run.step.created run.step.in_progress message.created message.in_progress " +
		"message.delta message.delta message.completed run.step.completed run.step.created run.step.in_progress run.step.delta run.step.delta run.step.delta run.requires_action done"
	if got := names(events); got != want {
		t.Fatalf("got\n%s, want\n%s", got, want)
	}
	if d := events[8].data; d["object"] != "thread.message.delta" || fmt.Sprint(d["delta"]) != "map[content:[map[index:0 text:map[value:I ] type:text]]]" {
		t.Errorf("%v", d)
	}
	var deltas []string
	for _, ev := range events[14:17] {
		call := ev.data["delta"].(object)["step_details"].(object)["tool_calls"].([]any)[0].(object)
		text, _ := json.Marshal(call)
		deltas = append(deltas, string(text))
	}
	id := events[17].data["required_action"].(object)["submit_tool_outputs"].(object)["tool_calls"].([]any)[0].(object)["id"].(string)
	if got, want := strings.Join(deltas, "\n"), fmt.Sprintf(`{"function":{"arguments":"","name":"get_weather","output":null},"id":%q,"index":0,"type":"function"}
{"function":{"arguments":"{\"place\""},"index":0,"type":"function"}
{"function":{"arguments":":\"Seoul\"}"},"index":0,"type":"function"}`, id); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	run := events[17].data
	events = w.stream(runPath(run)+"/submit_tool_outputs", object{"tool_outputs": []object{{"tool_call_id": id, "output": "warm"}}})
	want = "run.step.completed run.queued run.in_progress run.step.created run.step.in_progress message.created message.in_progress " +
		"message.delta message.completed run.step.completed run.completed done"
	if got := names(events); got != want {
		t.Fatalf("got\n%s, want\n%s", got, want)
	}
	if m := events[8].data; textOf(m) != "Warm." || m["completed_at"] == nil {
		t.Errorf("%v", m)
	}
}

// TestEndings: how runs end that do not complete, and what becomes of what they had begun.
func TestEndings(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"tools": []object{weather}})
	for name, tt := range map[string]struct {
		turn   scripted.Turn
		more   object
		status string
		made   string
		reason string
	}{
		"the model's server fails":        {turn: scripted.Turn{Status: 500}, status: "failed", reason: "server_error"},
		"it is busy":                      {turn: scripted.Turn{Status: 429}, status: "failed", reason: "rate_limit_exceeded"},
		"it refuses the request":          {turn: scripted.Turn{Status: 400, Error: "no such thing"}, status: "failed", reason: "invalid_prompt"},
		"it fails in the middle":          {turn: scripted.Turn{Text: "so ", Error: "broken"}, status: "failed", made: `message_creation:failed "so ":incomplete`, reason: "server_error"},
		"the connection breaks":           {turn: scripted.Turn{Text: "so ", Die: true}, status: "failed", made: `message_creation:failed "so ":incomplete`, reason: "server_error"},
		"cut":                             {turn: scripted.Turn{Text: "so ", Finish: "length"}, status: "incomplete", made: `message_creation:completed "so ":incomplete`, reason: "max_completion_tokens"},
		"cut in a call":                   {turn: scripted.Turn{Calls: []scripted.Call{callWeather("x")}, Finish: "length"}, status: "incomplete", reason: "max_completion_tokens"},
		"an answer without words":         {turn: scripted.Turn{}, status: "completed", made: `message_creation:completed "":completed`},
		"a tool that is off":              {turn: scripted.Turn{Text: "x"}, more: object{"tools": []object{{"type": "code_interpreter"}}}, status: "failed", reason: "server_error"},
		"a schema that cannot be held to": {turn: scripted.Turn{Text: "x"}, status: "completed", made: `message_creation:completed "x":completed`},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			run := w.wait(w.run(w.thread(scripted.Play(tt.turn)), a, tt.more), tt.status)
			w.made_(run, tt.made)
			got := ""
			if e, ok := run["last_error"].(object); ok {
				got = e["code"].(string)
			} else if d, ok := run["incomplete_details"].(object); ok {
				got = d["reason"].(string)
			}
			if got != tt.reason {
				t.Errorf("reason %q, want %q: %v", got, tt.reason, run["last_error"])
			}
			if run["usage"] == nil {
				t.Error("an ended run without usage")
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"tools": []object{weather}})
	turn := scripted.Play(scripted.Turn{Calls: []scripted.Call{callWeather("Seoul")}})
	run := w.wait(w.run(w.thread(turn), a, nil), "requires_action")
	w.s.Clock.Advance(10 * time.Minute)
	w.ask(http.StatusBadRequest, http.MethodPost, runPath(run)+"/submit_tool_outputs", object{"tool_outputs": []object{{"tool_call_id": callID(run), "output": "late"}}})
	run = w.wait(run, "expired")
	w.made_(run, "tool_calls:expired")
	// The thread is free.
	w.run(run["thread_id"].(string), a, nil)
}

func callID(run object) string {
	return run["required_action"].(object)["submit_tool_outputs"].(object)["tool_calls"].([]any)[0].(object)["id"].(string)
}

func TestCancel(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"tools": []object{weather}})
	// While the model thinks, while it speaks, while it writes a call, while the run waits.
	for name, tt := range map[string]struct {
		turn  scripted.Turn
		until string // event after which it is cancelled
		made  string
	}{
		"thinks": {scripted.Turn{Text: "x", DelayMS: 60_000}, "in_progress", ""},
		"speaks": {scripted.Turn{Text: "so it goes", PieceMS: 60_000}, "speaks", `message_creation:cancelled "so ":incomplete`},
		"calls":  {scripted.Turn{Calls: []scripted.Call{callWeather("x")}, PieceMS: 60_000}, "calls", `tool_calls:cancelled`},
		"waits":  {scripted.Turn{Calls: []scripted.Call{callWeather("x")}}, "requires_action", `tool_calls:cancelled`},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			run := w.run(w.thread(scripted.Play(tt.turn)), a, nil)
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				if run = w.get(runPath(run)); run["status"] == tt.until || run["status"] == "in_progress" && len(w.steps(run)) > 0 {
					break
				}
			}
			if tt.until == "speaks" {
				time.Sleep(50 * time.Millisecond) // the first word is told when its step is there
			}
			if got := w.post(runPath(run)+"/cancel", nil)["status"]; got != "cancelling" && got != "cancelled" {
				t.Errorf("status %v", got)
			}
			run = w.wait(run, "cancelled")
			w.made_(run, tt.made)
			w.ask(http.StatusBadRequest, http.MethodPost, runPath(run)+"/cancel", nil)
		})
	}
}

func TestBadRequests(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"tools": []object{weather}})
	thread := w.thread("x")
	for name, tt := range map[string]struct {
		status int
		path   string
		body   object
		param  string
	}{
		"no assistant":         {400, "/threads/" + thread + "/runs", object{}, "assistant_id"},
		"unknown assistant":    {404, "/threads/" + thread + "/runs", object{"assistant_id": "asst_none"}, ""},
		"unknown thread":       {404, "/threads/thread_none/runs", object{"assistant_id": a}, ""},
		"unknown model":        {404, "/threads/" + thread + "/runs", object{"assistant_id": a, "model": "none"}, "model"},
		"few tokens":           {400, "/threads/" + thread + "/runs", object{"assistant_id": a, "max_prompt_tokens": 255}, "max_prompt_tokens"},
		"no number of last":    {400, "/threads/" + thread + "/runs", object{"assistant_id": a, "truncation_strategy": object{"type": "last_messages"}}, "truncation_strategy.last_messages"},
		"choice of no tool":    {400, "/threads/" + thread + "/runs", object{"assistant_id": a, "tool_choice": object{"type": "function", "function": object{"name": "none"}}}, "tool_choice"},
		"required of no tools": {400, "/threads/" + thread + "/runs", object{"assistant_id": a, "tools": []object{}, "tool_choice": "required"}, "tool_choice"},
		"temperature":          {400, "/threads/" + thread + "/runs", object{"assistant_id": a, "temperature": 3}, "temperature"},
		"message in thread":    {400, "/threads/runs", object{"assistant_id": a, "thread": object{"messages": []object{{"role": "nobody", "content": "x"}}}}, "thread.messages[0].role"},
		"unknown run":          {404, "/threads/" + thread + "/runs/run_none/submit_tool_outputs", object{"tool_outputs": []object{}}, ""},
		"no outputs":           {400, "/threads/" + thread + "/runs/run_none/submit_tool_outputs", object{}, "tool_outputs"},
		"cancel of none":       {404, "/threads/" + thread + "/runs/run_none/cancel", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			e := w.ask(tt.status, http.MethodPost, tt.path, tt.body)["error"].(object)
			if got, _ := e["param"].(string); got != tt.param {
				t.Errorf("param %q, want %q: %v", got, tt.param, e)
			}
		})
	}
	if got := len(list(w.get("/threads/" + thread + "/runs"))); got != 0 {
		t.Errorf("%d runs were made", got)
	}
}

func TestOneRunAtATime(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(nil)
	thread := w.thread(scripted.Play(scripted.Turn{Text: "x", DelayMS: 60_000}))
	run := w.run(thread, a, nil)
	e := w.ask(http.StatusBadRequest, http.MethodPost, "/threads/"+thread+"/runs", object{"assistant_id": a})["error"].(object)
	if want := fmt.Sprintf("Thread %s already has an active run %s.", thread, run["id"]); e["message"] != want {
		t.Errorf("%v", e)
	}
	w.post(runPath(run)+"/cancel", nil)
	w.wait(run, "cancelled")
}
