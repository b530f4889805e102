package runs_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// TestThreadWithoutEnd: a thread that outgrows the model's window is summarized behind a run; the next one sees the summary, what the
// question's words are found in, and says in its step what was left out.
func TestThreadWithoutEnd(t *testing.T) {
	var mu sync.Mutex
	summaries := 0
	w := start(t, scripted.Options{Window: 3000, Answer: func(r *scripted.Request) *scripted.Turn {
		if !strings.HasPrefix(r.Messages[0].Content, "You keep the summary") {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		summaries++
		return &scripted.Turn{Text: "They spoke about many numbers."}
	}})
	a := w.assistant(object{"instructions": "You help."})
	thread := w.thread("The xylophone stands in Busan.")
	for i := range 60 {
		w.post("/threads/"+thread+"/messages", object{"role": "user", "content": fmt.Sprintf("Number %d. %s", i, strings.Repeat("And so it goes on and on. ", 8))})
	}
	ask := func(text string) object {
		run := w.run(thread, a, object{"additional_messages": []object{{"role": "user", "content": scripted.Say(text)}}})
		return w.wait(run, "completed")
	}
	ask("first")
	// The summary is written behind the run.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		mu.Lock()
		n := summaries
		mu.Unlock()
		if n > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no summary was asked for")
		}
	}
	var run, seen object
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		run = ask("Where does the xylophone stand?")
		seen = w.steps(run)[0]["context"].(object)["thread"].(object)
		if seen["summary"] != nil || time.Now().After(deadline) {
			break
		}
	}
	if seen["summary"] != "They spoke about many numbers." || seen["left_out"].(float64) < 10 || seen["last_left_out_message_id"] == nil || len(seen["retrieved_message_ids"].([]any)) == 0 {
		t.Errorf("the step says %v", seen)
	}
	// asked is the newest request of a run: summaries come behind runs, whenever they do.
	asked := func() (last scripted.Request) {
		for _, r := range w.model.Requests() {
			if !strings.HasPrefix(r.Messages[0].Content, "You keep") {
				last = r
			}
			if r.Tokens() > 3000 {
				t.Errorf("the model was asked with %d tokens", r.Tokens())
			}
		}
		return last
	}
	last := asked()
	system, question := last.Messages[0].Content, last.Messages[len(last.Messages)-1].Content
	if !strings.HasPrefix(system, "You help.\n\n") || !strings.Contains(system, "They spoke about many numbers.") || !strings.Contains(question, "Busan") {
		t.Errorf("the model saw %s … %s", system, question)
	}
	// last_messages: those and nothing else.
	short := w.run(thread, a, object{"truncation_strategy": object{"type": "last_messages", "last_messages": 2}, "additional_messages": []object{{"role": "user", "content": scripted.Say("x")}}})
	w.wait(short, "completed")
	if saw := asked().Messages; len(saw) != 3 || saw[0].Content != "You help." {
		t.Errorf("the model saw %d messages, %s", len(saw), saw[0].Content)
	}
}

// TestTokensUsedUp: max_prompt_tokens and max_completion_tokens count all turns of a run.
func TestTokensUsedUp(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(object{"tools": []object{{"type": "file_search"}}})
	search := scripted.Call{Name: "file_search", Arguments: `{"queries":["a"]}`}
	for reason, more := range map[string]object{
		"max_completion_tokens": {"max_completion_tokens": 256},
		"max_prompt_tokens":     {"max_prompt_tokens": 256},
	} {
		t.Run(reason, func(t *testing.T) {
			w := *w
			w.t = t
			long := scripted.Turn{Text: strings.Repeat("words ", 200), Calls: []scripted.Call{search}}
			run := w.wait(w.run(w.thread(scripted.Play(long, long, long, scripted.Turn{Text: "x"})), a, more), "incomplete")
			if got := run["incomplete_details"].(object)["reason"]; got != reason {
				t.Errorf("incomplete for %v", got)
			}
		})
	}
}

// TestDeletedMessage: what was deleted is in no summary any more.
func TestDeletedMessage(t *testing.T) {
	w := start(t, scripted.Options{})
	a := w.assistant(nil)
	thread := w.thread("secret", scripted.Say("x"))
	w.wait(w.run(thread, a, nil), "completed")
	first := w.messages(thread)[0]["id"].(string)
	w.ask(http.StatusOK, http.MethodDelete, "/threads/"+thread+"/messages/"+first, nil)
	w.wait(w.run(thread, a, nil), "completed")
	for _, m := range w.model.Requests()[1].Messages {
		if m.Content == "secret" {
			t.Error("the model still sees the message")
		}
	}
}
