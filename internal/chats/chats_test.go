package chats

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/presence"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// world is the service on a real database with the echo engine.
type world struct {
	*Service
	db    *store.DB
	clock *clock.Fake
	gen   *generatetest.World
	srv   *httptest.Server

	t       *testing.T
	mu      sync.Mutex
	page    *catalog.Page                          // what the catalog says of the model
	prompts []string                               // what the engine got
	asked   engine.GenerateRequest                 // the last of them
	before  func(ctx context.Context, n int) error // each token
}

// each runs f on every database.
func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	storetest.Run(t, func(t *testing.T, db *store.DB) { f(t, newWorld(t, db)) })
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{t: t, db: db, clock: clock.NewFake(generatetest.Time)}
	w.gen = generatetest.New(t, echo.Options{BeforeToken: func(ctx context.Context, req engine.GenerateRequest, n int) error {
		w.mu.Lock()
		if n == 0 {
			w.prompts, w.asked = append(w.prompts, text(req.Tokens)), req
		}
		before := w.before
		w.mu.Unlock()
		if before != nil {
			return before(ctx, n)
		}
		return nil
	}})
	w.Service = w.join(t, "home")
	w.srv = generatetest.Serve(t, (&API{Chats: w.Service, Models: fakeModels{}, Pool: fakePool{}}).Routes())
	return w
}

// join starts one more server on the world's database.
func (w *world) join(t *testing.T, home string) *Service {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	servers, err := presence.Join(t.Context(), presence.Options{DB: w.db, Clock: w.clock, Logger: log, Home: home})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{DB: w.db, Generate: w.gen.Service, Clock: w.clock, Logger: log, Servers: servers, DefaultModel: func() string { return "echo" }, Page: w.pageOf})
}

func (w *world) pageOf(served string) *catalog.Page {
	if served != "echo" {
		w.t.Errorf("asked for the manner of %q", served)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.page
}

// text shows echo's tokens, which are bytes, with a bar for each special one.
func text(tokens []engine.Token) string {
	var b strings.Builder
	for _, t := range tokens {
		if t > 255 {
			b.WriteByte('|')
		} else {
			b.WriteByte(byte(t))
		}
	}
	return b.String()
}

func (w *world) beforeToken(f func(ctx context.Context, n int) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = f
}

func (w *world) lastPrompt() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.prompts[len(w.prompts)-1]
}

func words(text string) []Part { return []Part{{Type: "text", Text: text}} }

// ask sends a message and returns question (nil when asked again) and answer in their final states.
func (w *world) ask(t *testing.T, who actor.Actor, chatID string, in NewMessage) (question *Message, answer Message, chat Chat) {
	t.Helper()
	streamed := ""
	for ev, err := range w.Send(t.Context(), who, chatID, in) {
		if err != nil {
			t.Fatal(err)
		}
		switch ev := ev.(type) {
		case Created:
			if ev.Message.Role == "user" {
				question = &ev.Message
			}
		case Delta:
			streamed += ev.Text
		case Ended:
			answer = ev.Message
		case Updated:
			chat = ev.Chat
		}
	}
	if answer.Text() != streamed {
		t.Errorf("kept %q, streamed %q", answer.Text(), streamed)
	}
	return question, answer, chat
}

func (w *world) newChat(t *testing.T) Chat {
	t.Helper()
	c, err := w.Create(t.Context(), generatetest.Who, "", "gpt-4")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type fakeModels struct{}

func (fakeModels) List(context.Context, actor.Actor) ([]models.Model, error) {
	return []models.Model{
		{ID: "gpt-4", Served: "echo", Kind: catalog.Chat, Window: 8192, Alias: true},
		{ID: "echo", Served: "echo", Kind: catalog.Chat},
		{ID: "minilm", Served: "minilm", Kind: catalog.Embeddings, Window: 512},
	}, nil
}

func (fakeModels) Default(kind catalog.Kind) string {
	return map[catalog.Kind]string{catalog.Chat: "echo", catalog.Embeddings: "minilm"}[kind]
}

type fakePool struct{}

func (fakePool) Statuses() []engine.Status {
	return []engine.Status{{Name: "echo", State: engine.StateLoading, Progress: 0.5, Info: engine.Info{ContextWindow: 4096}}}
}

// steady replaces ids, which are random, by their order of appearance.
func steady(body string) string {
	seen := map[string]string{}
	return regexp.MustCompile(`(chat|msg)_[0-9A-Za-z]{24}`).ReplaceAllStringFunc(body, func(id string) string {
		if seen[id] == "" {
			prefix, _, _ := strings.Cut(id, "_")
			seen[id] = fmt.Sprintf("%s_%d", prefix, len(seen)+1)
		}
		return seen[id]
	})
}

func TestAConversationOverHTTP(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		do := func(method, path, body string) string {
			resp, got := generatetest.Do(t, w.srv, method, path, body)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: status %d: %s", method, path, resp.StatusCode, got)
			}
			return got
		}
		log := ""
		note := func(what, got string) string { log += "# " + what + "\n" + got + "\n"; return got }

		chat := idOf(note("create", do("POST", "/api/chats", `{"model":"gpt-4"}`)))
		note("list", do("GET", "/api/chats", ""))
		// Temperature is 0.7 on the page: the seed is random, and echo keeps to its reply all the same.
		stream := note("send", do("POST", "/api/chats/"+chat+"/messages", `{"parent_id":null,"content":[{"type":"text","text":"Hi"}],"model":"gpt-4","stream":true}`))
		ids := regexp.MustCompile(`"message":{"id":"(msg_\w+)"`).FindAllStringSubmatch(stream, -1)
		question := ids[0][1]
		again := note("regenerate", do("POST", "/api/chats/"+chat+"/messages", `{"parent_id":"`+question+`","model":"echo"}`))
		note("get", do("GET", "/api/chats/"+chat, ""))
		note("rename", do("PATCH", "/api/chats/"+chat, `{"title":"Greetings"}`))
		note("turn back", do("PATCH", "/api/chats/"+chat, `{"current_message_id":"`+ids[1][1]+`"}`))
		note("search", do("GET", "/api/chats?query=GREET&limit=1", ""))
		note("search for nothing", do("GET", "/api/chats?query=100%25", ""))
		answer := regexp.MustCompile(`"id":"(msg_\w+)"`).FindStringSubmatch(again)[1]
		note("stop what has ended", do("POST", "/api/chats/"+chat+"/messages/"+answer+"/stop", ""))
		note("models", do("GET", "/api/models", ""))
		note("delete", do("DELETE", "/api/chats/"+chat, ""))
		if resp, got := generatetest.Do(t, w.srv, "GET", "/api/chats/"+chat, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("deleted, but status %d: %s", resp.StatusCode, got)
		}
		generatetest.Golden(t, "conversation.txt", steady(log))
		generatetest.Golden(t, "completed.sse", steady(stream))
	})
}

func idOf(body string) string {
	var v struct{ ID string }
	_ = json.Unmarshal([]byte(body), &v) // an empty id is noticed by the next request
	return v.ID
}

func TestTheModelGetsThePathAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := generatetest.Who
		c := w.newChat(t)
		q1, a1, _ := w.ask(t, who, c.ID, NewMessage{Content: words("one")})
		_, a2, _ := w.ask(t, who, c.ID, NewMessage{Parent: a1.ID, Content: words("two")})
		if got := w.lastPrompt(); got != "|one||Echo: one||two||" {
			t.Errorf("second turn: %q", got)
		}
		// An edit of the second question: a sibling, which does not see the first one.
		_, a3, chat := w.ask(t, who, c.ID, NewMessage{Parent: a1.ID, Content: words("three")})
		if got := w.lastPrompt(); got != "|one||Echo: one||three||" {
			t.Errorf("edit: %q", got)
		}
		if chat.Current != a3.ID || chat.MessageCount != 6 || chat.Title != "one" || chat.Model != "gpt-4" {
			t.Errorf("chat %+v", chat)
		}
		// The first answer again.
		none, a4, _ := w.ask(t, who, c.ID, NewMessage{Parent: q1.ID, Model: "echo"})
		if got := w.lastPrompt(); none != nil || got != "|one||" || a4.Parent != q1.ID || a4.Model != "echo" || a4.Served != "echo" {
			t.Errorf("regenerate: %q, question %v, answer %+v", got, none, a4)
		}
		_, messages, err := w.Get(t.Context(), who, c.ID)
		if err != nil || len(messages) != 7 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		for i, m := range messages {
			if m.State != Completed || m.position != i {
				t.Errorf("message %d: %+v", i, m)
			}
		}
		if a2.Usage == nil || a2.Usage.CompletionTokens != len("Echo: two")+1 || a2.Usage.PromptTokens == 0 {
			t.Errorf("usage %+v", a2.Usage)
		}
		if r := w.gen.Records(); len(r) != 4 || r[0].Op != "chats" {
			t.Errorf("records %+v", r)
		}
	})
}

func TestStopKeepsWhatWasProduced(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := generatetest.Who
		c := w.newChat(t)
		w.beforeToken(blockAt(5))
		var answer string
		var last []Event
		stopped := make(chan struct{})
		for ev, err := range w.Send(t.Context(), who, c.ID, NewMessage{Content: words("Hi")}) {
			if err != nil {
				t.Fatal(err)
			}
			last = append(last, ev)
			if ev, ok := ev.(Created); ok {
				answer = ev.Message.ID
			}
			if d, ok := ev.(Delta); ok && d.Text == ":" {
				go func() {
					defer close(stopped)
					if m, err := w.Stop(context.Background(), who, c.ID, answer); err != nil || m.State != Stopped || m.Text() != "Echo:" {
						t.Errorf("Stop: %+v, %v", m, err)
					}
				}()
			}
		}
		<-stopped
		ended := last[len(last)-2].(Ended).Message
		if ended.State != Stopped || ended.Text() != "Echo:" || ended.Usage.CompletionTokens != 5 {
			t.Errorf("ended %+v", ended)
		}
		if r := w.gen.Records(); len(r) != 1 || r[0].Outcome != "canceled" || r[0].Usage.CompletionTokens != 5 {
			t.Errorf("records %+v", r)
		}
	})
}

// blockAt blocks before token n until the answer is canceled.
func blockAt(n int) func(context.Context, int) error {
	return func(ctx context.Context, i int) error {
		if i < n {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestAClientThatLeavesStopsItsAnswer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		w.beforeToken(blockAt(3))
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, err := http.NewRequestWithContext(ctx, "POST", w.srv.URL+"/api/chats/"+c.ID+"/messages", strings.NewReader(`{"parent_id":null,"content":[{"type":"text","text":"Hi"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		seen, buf := "", make([]byte, 4096)
		for !strings.Contains(seen, `"text":"h"}`) {
			n, err := resp.Body.Read(buf)
			seen += string(buf[:n])
			if err != nil {
				t.Fatalf("%v after %s", err, seen)
			}
		}
		leave()
		m := w.wait(t, c.ID)
		if m.State != Stopped || m.Text() != "Ech" {
			t.Errorf("message %+v", m)
		}
	})
}

// wait returns the chat's last message as soon as it has ended.
func (w *world) wait(t *testing.T, chatID string) Message {
	t.Helper()
	for range 1000 {
		_, messages, err := w.Get(t.Context(), generatetest.Who, chatID)
		if err != nil {
			t.Fatal(err)
		}
		if m := messages[len(messages)-1]; m.State != InProgress {
			return m
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the answer does not end")
	return Message{}
}

func TestFailuresAreStatesOfTheAnswer(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fail    error
		at      int
		refuse  error
		message string
		code    string
		text    string
	}{
		{name: "in the middle", at: 4, fail: fault.New(fault.Unavailable, "The model's process ended unexpectedly. Please try again.").WithCode("engine_lost"),
			message: "The model's process ended unexpectedly. Please try again.", code: "engine_lost", text: "Echo"},
		{name: "internal text stays inside", at: 0, fail: fmt.Errorf("secret"), message: "The server had an error while it wrote this answer. Please try again.", code: "server_error"},
		{name: "refused by the limits", refuse: fault.New(fault.RateLimited, "Rate limit reached"), message: "Rate limit reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.gen.Refuse(tt.refuse)
				w.beforeToken(func(_ context.Context, n int) error {
					if n == tt.at {
						return tt.fail
					}
					return nil
				})
				c := w.newChat(t)
				_, m, chat := w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words("Hi")})
				if m.State != Failed || m.Error == nil || m.Error.Message != tt.message || m.Error.Code != tt.code || m.Text() != tt.text {
					t.Errorf("message %+v, error %+v", m, m.Error)
				}
				if chat.Current != m.ID {
					t.Errorf("chat %+v", chat)
				}
				// The next question works, and the model is not shown an empty answer.
				w.gen.Refuse(nil)
				w.beforeToken(nil)
				if _, m, _ = w.ask(t, generatetest.Who, c.ID, NewMessage{Parent: m.ID, Content: words("Again")}); m.State != Completed {
					t.Errorf("message %+v", m)
				}
				want := "|Again||"
				if tt.text != "" {
					want = "|Hi||" + tt.text + "||Again||"
				}
				if got := w.lastPrompt(); got != want {
					t.Errorf("prompt %q, want %q", got, want)
				}
			})
		})
	}
}

func TestTheTextIsWrittenDownOnTheWayAndRecovered(t *testing.T) {
	for _, sameHome := range []bool{true, false} {
		t.Run(fmt.Sprintf("same home %t", sameHome), func(t *testing.T) {
			each(t, func(t *testing.T, w *world) { writtenDownAndRecovered(t, w, sameHome) })
		})
	}
}

func writtenDownAndRecovered(t *testing.T, w *world, sameHome bool) {
	t.Helper()
	c := w.newChat(t)
	w.beforeToken(func(ctx context.Context, n int) error {
		w.clock.Advance(400 * time.Millisecond)
		return blockAt(7)(ctx, n)
	})
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range w.Send(ctx, generatetest.Who, c.ID, NewMessage{Content: words("Hi")}) { //nolint:revive // draining
		}
	}()
	var m Message
	for range 1000 {
		_, messages, err := w.Get(t.Context(), generatetest.Who, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(messages) == 2 && len(messages[1].Text()) >= 6 {
			m = messages[1]
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if m.State != InProgress || !strings.HasPrefix("Echo: Hi", m.Text()) {
		t.Fatalf("on the way: %+v", m)
	}
	// Another server of the same database leaves it alone for as long as its writer gives signs of life.
	other := w.join(t, "another home")
	w.clock.Advance(20 * time.Second)
	state := func() State {
		if err := other.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, messages, err := other.Get(t.Context(), generatetest.Who, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return messages[1].State
	}
	if s := state(); s != InProgress {
		t.Fatalf("the answer of a living server is %s", s)
	}
	// After kill -9 there is nobody who writes them: the same home's next start knows at once, others when
	// the lease has ended.
	next := w.Service
	if sameHome {
		next = w.join(t, "home")
		if err := next.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	} else {
		w.clock.Advance(20 * time.Second)
		if s := state(); s != Failed {
			t.Fatalf("the answer of a dead server is %s", s)
		}
	}
	kill()
	<-ended
	_, messages, err := next.Get(t.Context(), generatetest.Who, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := messages[len(messages)-1]
	if got.State != Failed || got.Error == nil || got.Error.Message != "The server stopped while this answer was being written." || got.Text() != m.Text() {
		t.Errorf("recovered %+v %+v", got, got.Error)
	}
	if chats, _, err := next.List(t.Context(), generatetest.Who, Page{Query: "ECHO:"}); err != nil || len(chats) != 1 {
		t.Errorf("the recovered text is not found: %v, %v", chats, err)
	}
}

func TestStopThroughAnotherServer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		other := w.join(t, "another home")
		w.beforeToken(func(context.Context, int) error { w.clock.Advance(2 * time.Second); return nil })
		var last Message
		for ev, err := range w.Send(t.Context(), generatetest.Who, c.ID, NewMessage{Content: words("Hi")}) {
			if err != nil {
				t.Fatal(err)
			}
			switch ev := ev.(type) {
			case Created:
				last = ev.Message
			case Delta:
				if ev.Text == ":" {
					if m, err := other.Stop(t.Context(), generatetest.Who, c.ID, last.ID); err != nil || m.State != Stopped {
						t.Fatalf("Stop: %+v, %v", m, err)
					}
				}
			case Ended:
				last = ev.Message
			}
		}
		if last.State != Stopped || !strings.HasPrefix(last.Text(), "Echo") || last.Text() == "Echo: Hi" {
			t.Errorf("message %+v", last)
		}
	})
}

func TestDeletingAChatEndsItsAnswer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		w.beforeToken(blockAt(2))
		var last error
		for ev, err := range w.Send(t.Context(), generatetest.Who, c.ID, NewMessage{Content: words("Hi")}) {
			if last = err; err != nil {
				break
			}
			if d, ok := ev.(Delta); ok && d.Text == "c" {
				if err := w.Delete(t.Context(), generatetest.Who, c.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if fault.KindOf(last) != fault.NotFound {
			t.Errorf("error %v", last)
		}
	})
}
