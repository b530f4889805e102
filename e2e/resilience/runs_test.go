package resilience

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

const (
	threadsAtOnce = 12
	kills         = 24
	// leastPoints is how many times a run is to be in the middle of something when its server is killed.
	leastPoints = 200
)

// TestKillAtEveryStateOfARun kills the server again and again while runs are made, speak, call tools, wait for outputs, get them, and
// end. Each run has to end once, with each of its steps and messages once.
func TestKillAtEveryStateOfARun(t *testing.T) {
	model := scripted.Start(t, scripted.Options{})
	t.Setenv("PARLEY_REMOTES", model.Remotes())
	s := &killed{t: t, Server: binary.Start(t)}
	assistant := s.must("/assistants", object{"model": scripted.Model, "tools": []object{
		{"type": "file_search"}, {"type": "function", "function": object{"name": "look"}},
	}})["id"].(string)

	var drivers sync.WaitGroup
	stop := make(chan struct{})
	all := make([]*driver, threadsAtOnce)
	for i := range all {
		all[i] = &driver{s: s, assistant: assistant, thread: s.must("/threads", object{})["id"].(string)}
		drivers.Go(func() { all[i].drive(stop) })
	}
	points := 0
	for range kills {
		time.Sleep(time.Duration(150+rand.IntN(350)) * time.Millisecond)
		s.mu.Lock()
		for _, d := range all {
			points += d.open()
		}
		s.Kill()
		s.Launch()
		s.mu.Unlock()
	}
	close(stop)
	drivers.Wait()

	runs := 0
	for _, d := range all {
		runs += d.check()
	}
	t.Logf("%d kills hit %d runs on their way; %d runs ended", kills, points, runs)
	if points < leastPoints {
		t.Errorf("only %d runs were on their way when their server was killed, want %d", points, leastPoints)
	}
}

type object = map[string]any

// killed is a server that is killed and started again while others ask it.
type killed struct {
	*binary.Server
	t  *testing.T
	mu sync.RWMutex // held while there is no server
}

// ask sends a request; status 0 is a server that went away.
func (s *killed) ask(method, path string, body any) (status int, out object) {
	s.mu.RLock()
	url := s.URL + "/v1" + path
	s.mu.RUnlock()
	var r io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			panic(err) // plain texts
		}
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, url, r)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
	req.Header.Set("OpenAI-Beta", "assistants=v2")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	if json.NewDecoder(resp.Body).Decode(&out) != nil {
		return 0, nil
	}
	return resp.StatusCode, out
}

func (s *killed) must(path string, body any) object {
	s.t.Helper()
	status, out := s.ask(http.MethodPost, path, body)
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %v", path, status, out)
	}
	return out
}

// driver makes one run after the other on its thread and answers what they ask.
type driver struct {
	s                 *killed
	assistant, thread string

	mu     sync.Mutex
	active bool
}

func (d *driver) open() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active {
		return 1
	}
	return 0
}

func (d *driver) set(active bool) {
	d.mu.Lock()
	d.active = active
	d.mu.Unlock()
}

// script is what the model does in a run, with pauses of its own.
func script() string {
	pause := func() int { return 1 + rand.IntN(40) }
	return scripted.Play(
		scripted.Turn{Text: "I look around here.", DelayMS: pause(), PieceMS: pause(), Calls: []scripted.Call{{Name: "file_search", Arguments: `{"queries":["a"]}`}}},
		scripted.Turn{DelayMS: pause(), PieceMS: pause(), Calls: []scripted.Call{{Name: "look", Arguments: `{}`}, {Name: "look", Arguments: `{"again":true}`}}},
		scripted.Turn{Text: "That is all I found.", DelayMS: pause(), PieceMS: pause()},
	)
}

func (d *driver) drive(stop <-chan struct{}) {
	for deadline := time.Now().Add(4 * time.Minute); time.Now().Before(deadline); time.Sleep(3 * time.Millisecond) {
		status, page := d.s.ask(http.MethodGet, "/threads/"+d.thread+"/runs?limit=1", nil)
		if status != http.StatusOK {
			continue
		}
		if list := page["data"].([]any); len(list) > 0 {
			switch run := list[0].(object); run["status"] {
			case "queued", "in_progress", "cancelling":
				d.set(true)
				continue
			case "requires_action":
				d.set(true)
				d.answer(run)
				continue
			}
		}
		d.set(false)
		select {
		case <-stop:
			return
		default:
		}
		d.s.ask(http.MethodPost, "/threads/"+d.thread+"/runs", object{
			"assistant_id": d.assistant, "additional_messages": []object{{"role": "user", "content": script()}},
		})
	}
	d.s.t.Errorf("the thread %s has a run that does not end", d.thread)
}

func (d *driver) answer(run object) {
	var outputs []object
	for _, c := range run["required_action"].(object)["submit_tool_outputs"].(object)["tool_calls"].([]any) {
		outputs = append(outputs, object{"tool_call_id": c.(object)["id"], "output": "seen"})
	}
	d.s.ask(http.MethodPost, fmt.Sprintf("/threads/%s/runs/%s/submit_tool_outputs", d.thread, run["id"]), object{"tool_outputs": outputs})
}

// list reads all pages of a list.
func (d *driver) list(path string) (out []object) {
	d.s.t.Helper()
	for after := ""; ; {
		status, page := d.s.ask(http.MethodGet, path+after, nil)
		if status != http.StatusOK {
			d.s.t.Fatalf("%s: %d", path+after, status)
		}
		for _, v := range page["data"].([]any) {
			out = append(out, v.(object))
		}
		if page["has_more"] != true {
			return out
		}
		after = "&after=" + page["last_id"].(string)
	}
}

// check holds every run of the thread against what it must have made, and returns how many there are.
func (d *driver) check() int {
	d.s.t.Helper()
	runs := d.list("/threads/" + d.thread + "/runs?limit=100&order=asc")
	for _, run := range runs {
		id := run["id"].(string)
		if run["status"] != "completed" {
			d.s.t.Errorf("the run %s is %v: %v", id, run["status"], run["last_error"])
		}
		var steps []string
		for _, s := range d.list(fmt.Sprintf("/threads/%s/runs/%s/steps?order=asc", d.thread, id)) {
			steps = append(steps, fmt.Sprintf("%s:%s", s["type"], s["status"]))
		}
		// A search that was begun when the server was killed is interrupted, and not made again.
		want := "message_creation:completed tool_calls:completed tool_calls:completed message_creation:completed"
		if got := strings.Join(steps, " "); got != want && got != strings.Replace(want, "tool_calls:completed", "tool_calls:failed", 1) {
			d.s.t.Errorf("the run %s has the steps %s", id, got)
		}
		var said []string
		for _, m := range d.list(fmt.Sprintf("/threads/%s/messages?order=asc&run_id=%s", d.thread, id)) {
			text := m["content"].([]any)[0].(object)["text"].(object)["value"].(string)
			said = append(said, fmt.Sprintf("%s:%s", text, m["status"]))
		}
		if !slices.Equal(said, []string{"I look around here.:completed", "That is all I found.:completed"}) {
			d.s.t.Errorf("the run %s said %q", id, said)
		}
	}
	return len(runs)
}
