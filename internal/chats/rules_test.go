package chats

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate/generatetest"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/models/catalog"
)

func TestSomebodyElsesChatIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		q, a, _ := w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words("secret")})
		for _, r := range []struct{ method, path, body string }{
			{"GET", "/api/chats/" + c.ID, ""},
			{"PATCH", "/api/chats/" + c.ID, `{"title":"mine now"}`},
			{"DELETE", "/api/chats/" + c.ID, ""},
			{"POST", "/api/chats/" + c.ID + "/messages", `{"parent_id":null,"content":[{"type":"text","text":"x"}]}`},
			{"POST", "/api/chats/" + c.ID + "/messages", `{"parent_id":"` + q.ID + `"}`},
			{"POST", "/api/chats/" + c.ID + "/messages/" + a.ID + "/stop", ""},
		} {
			resp, body := generatetest.DoAs(t, w.srv, "user-other", r.method, r.path, r.body)
			if resp.StatusCode != 404 || strings.Contains(body, "secret") {
				t.Errorf("%s %s: status %d: %s", r.method, r.path, resp.StatusCode, body)
			}
		}
		if _, body := generatetest.DoAs(t, w.srv, "user-other", "GET", "/api/chats?query=secret", ""); !strings.Contains(body, `"data":[]`) {
			t.Errorf("listed: %s", body)
		}
		other := generatetest.Who
		other.Project = "proj_other"
		if _, _, err := w.Get(t.Context(), other, c.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the same user in another project: %v", err)
		}
		// A message of one chat is not one of another.
		c2 := w.newChat(t)
		for _, err := range w.Send(t.Context(), generatetest.Who, c2.ID, NewMessage{Parent: a.ID, Content: words("x")}) {
			if fe := fault.As(err); fe == nil || fe.Kind != fault.NotFound || fe.Param != "parent_id" {
				t.Errorf("parent of another chat: %v", err)
			}
		}
		if _, err := w.Stop(t.Context(), generatetest.Who, c2.ID, a.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("stop through another chat: %v", err)
		}
		if _, err := w.Update(t.Context(), generatetest.Who, c2.ID, Change{Current: &a.ID}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("message of another chat on show: %v", err)
		}
	})
}

func TestBadRequests(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		q, a, _ := w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words("Hi")})
		at := "/api/chats/" + c.ID
		say := func(text string) string {
			return `{"parent_id":null,"content":[{"type":"text","text":"` + text + `"}]}`
		}
		for _, tt := range []struct {
			name, method, path, body string
			status                   int
			param                    string
			text                     string
		}{
			{"limit 0", "GET", "/api/chats?limit=0", "", 400, "limit", ""},
			{"limit 101", "GET", "/api/chats?limit=101", "", 400, "limit", ""},
			{"limit text", "GET", "/api/chats?limit=ten", "", 400, "limit", ""},
			{"long search", "GET", "/api/chats?query=" + strings.Repeat("x", 201), "", 400, "query", "Search for less"},
			{"title too long", "POST", "/api/chats", `{"title":"` + strings.Repeat("é", 201) + `"}`, 400, "title", "201 characters"},
			{"unknown member", "POST", "/api/chats", `{"name":"x"}`, 400, "name", "Unrecognized"},
			{"unknown model", "POST", "/api/chats", `{"model":"gpt-9"}`, 404, "", "gpt-9"},
			{"empty title", "PATCH", at, `{"title":" \n "}`, 400, "title", "empty"},
			{"no such message on show", "PATCH", at, `{"current_message_id":"msg_nope"}`, 404, "current_message_id", ""},
			{"odd id", "GET", "/api/chats/chat_%27%3B--", "", 404, "id", ""},
			{"no such chat", "POST", "/api/chats/chat_nope/messages", say("x"), 404, "id", ""},
			{"empty text", "POST", at + "/messages", say(" "), 400, "content", "empty"},
			{"no parts", "POST", at + "/messages", `{"parent_id":null,"content":[]}`, 400, "content", "empty"},
			{"image part", "POST", at + "/messages", `{"parent_id":null,"content":[{"type":"image","text":""}]}`, 400, "content[0].type", "'image'"},
			{"neither", "POST", at + "/messages", `{"parent_id":null}`, 400, "parent_id", ""},
			{"answer an answer", "POST", at + "/messages", `{"parent_id":"` + a.ID + `"}`, 400, "parent_id", "user's message"},
			{"question after a question", "POST", at + "/messages", `{"parent_id":"` + q.ID + `","content":[{"type":"text","text":"x"}]}`, 400, "parent_id", "assistant's message"},
			{"no such parent", "POST", at + "/messages", `{"parent_id":"msg_nope","content":[{"type":"text","text":"x"}]}`, 404, "parent_id", ""},
			{"no such model", "POST", at + "/messages", `{"parent_id":null,"content":[{"type":"text","text":"x"}],"model":"gpt-9"}`, 404, "", "gpt-9"},
			{"too much text", "POST", at + "/messages", say(strings.Repeat("x", maxText+1)), 400, "content", "Send a shorter one"},
			{"far too much text", "POST", at + "/messages", say(strings.Repeat("x", 3*maxText)), 413, "", ""},
			{"no such answer", "POST", at + "/messages/msg_nope/stop", "", 404, "message_id", ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				resp, body := generatetest.Do(t, w.srv, tt.method, tt.path, tt.body)
				var e struct {
					Error struct{ Message, Param string }
				}
				if err := json.Unmarshal([]byte(body), &e); err != nil {
					t.Fatalf("status %d: %s: %v", resp.StatusCode, body, err)
				}
				if resp.StatusCode != tt.status || e.Error.Param != tt.param || !strings.Contains(e.Error.Message, tt.text) {
					t.Errorf("status %d: %+v", resp.StatusCode, e.Error)
				}
			})
		}
		if _, messages, err := w.Get(t.Context(), generatetest.Who, c.ID); err != nil || len(messages) != 2 {
			t.Errorf("refused requests left %d messages, %v", len(messages)-2, err)
		}
	})
}

func TestListPagesNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 5 {
			w.clock.Advance(time.Second)
			c, err := w.Create(t.Context(), generatetest.Who, fmt.Sprintf("Chat %d: ÄPFEL_%d", i, i), "")
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, c.ID)
		}
		w.clock.Advance(time.Second)
		// Answering moves a chat to the top; looking at another version does not.
		_, a, _ := w.ask(t, generatetest.Who, want[1], NewMessage{Content: words("Where are the Birnen?")})
		w.clock.Advance(time.Second)
		if _, err := w.Update(t.Context(), generatetest.Who, want[1], Change{Current: &a.ID}); err != nil {
			t.Fatal(err)
		}
		order := []string{want[1], want[4], want[3], want[2], want[0]}
		var got []string
		for p := (Page{Limit: 2}); ; p.After = got[len(got)-1] {
			chats, more, err := w.List(t.Context(), generatetest.Who, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range chats {
				got = append(got, c.ID)
			}
			if !more {
				break
			}
		}
		if !slices.Equal(got, order) {
			t.Errorf("order %v, want %v", got, order)
		}
		for query, count := range map[string]int{"äpfel": 5, "äpfel_3": 1, "äpfel%": 0, "birnen": 1, "ECHO: where": 1, "chat": 5, "nothing": 0, "  ": 5} {
			if chats, _, err := w.List(t.Context(), generatetest.Who, Page{Query: query}); err != nil || len(chats) != count {
				t.Errorf("search for %q: %d chats, want %d (%v)", query, len(chats), count, err)
			}
		}
		if chats, more, err := w.List(t.Context(), generatetest.Who, Page{After: "chat_gone"}); err != nil || more || len(chats) != 0 {
			t.Errorf("after a chat that is gone: %v, %v, %v", chats, more, err)
		}
	})
}

func TestTwoWindowsAtOnceKeepBothMessages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		_, a, _ := w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words("first")})
		ended := make(chan Message)
		for i := range 8 {
			go func() {
				var last Message
				for ev, err := range w.Send(t.Context(), generatetest.Who, c.ID, NewMessage{Parent: a.ID, Content: words(fmt.Sprint("window ", i))}) {
					if err != nil {
						t.Error(err)
					}
					if e, ok := ev.(Ended); ok {
						last = e.Message
					}
				}
				ended <- last
			}()
		}
		answers := map[string]bool{}
		for range 8 {
			m := <-ended
			answers[m.ID] = m.State == Completed
		}
		chat, messages, err := w.Get(t.Context(), generatetest.Who, c.ID)
		if err != nil || len(messages) != 18 || chat.MessageCount != 18 {
			t.Fatalf("%d messages, %+v, %v", len(messages), chat, err)
		}
		if !answers[chat.Current] || len(answers) != 8 {
			t.Errorf("on show is %s, answers %v", chat.Current, answers)
		}
		for i, m := range messages {
			if m.position != i || m.State != Completed {
				t.Errorf("message %d: %+v", i, m)
			}
		}
	})
}

func TestAConversationOutgrowsTheWindow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		parent := ""
		// Turns of about 800 tokens in a window of 8,192, of which the answer keeps 512.
		for i := range 16 {
			_, a, _ := w.ask(t, generatetest.Who, c.ID, NewMessage{Parent: parent, Content: words(fmt.Sprintf("%02d%s", i, strings.Repeat("x", 390)))})
			if a.State != Completed {
				t.Fatalf("turn %d: %+v %+v", i, a, a.Error)
			}
			parent = a.ID
		}
		got := w.lastPrompt()
		if len(got) > 8192-512 || !strings.HasPrefix(got, "|") || strings.Contains(got, "|00x") || !strings.Contains(got, "|15x") {
			t.Errorf("%d tokens, beginning %.20q", len(got), got)
		}
		_, a, _ := w.ask(t, generatetest.Who, c.ID, NewMessage{Parent: parent, Content: words(strings.Repeat("y", 8000))})
		if a.State != Failed || a.Error.Code != "context_length_exceeded" {
			t.Errorf("a question that alone is too long: %+v %+v", a, a.Error)
		}
	})
}

func TestTheCatalogSaysHowAModelIsAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words("Hi")})
		if s := w.asked.Sampling; s.Temperature != 0.7 || s.TopP != 0.95 || s.FrequencyPenalty != 0 || w.asked.MaxTokens < 8000 || w.lastPrompt() != "|Hi||" {
			t.Errorf("without an entry: %+v, %d tokens, %q", s, w.asked.MaxTokens, w.lastPrompt())
		}
		temperature, topP := float32(0), float32(0.5)
		w.page = &catalog.Page{System: "Be brief.", Temperature: &temperature, TopP: &topP, PresencePenalty: 0.25, FrequencyPenalty: 0.5, MaxTokens: 300}
		w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words("Hi")})
		if s := w.asked.Sampling; s.Temperature != 0 || s.TopP != 0.5 || s.PresencePenalty != 0.25 || s.FrequencyPenalty != 0.5 || w.asked.MaxTokens != 300 {
			t.Errorf("with one: %+v, %d tokens", s, w.asked.MaxTokens)
		}
		if got := w.lastPrompt(); got != "|Be brief.||Hi||" {
			t.Errorf("prompt %q", got)
		}
		// A conversation that outgrows the window loses its oldest turns, but not this.
		_, a, _ := w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words(strings.Repeat("x", 6000))})
		second := strings.Repeat("y", 2000)
		w.ask(t, generatetest.Who, c.ID, NewMessage{Parent: a.ID, Content: words(second)})
		if got := w.lastPrompt(); got != "|Be brief.||"+second+"||" {
			t.Errorf("%d tokens, beginning %.40q", len(got), got)
		}
	})
}

func TestShortenedBeginsWithAQuestion(t *testing.T) {
	var all []engine.Message
	for i := range 21 {
		all = append(all, engine.Message{Role: []string{"user", "assistant"}[i%2], Content: fmt.Sprint(i)})
	}
	var kept []string
	for rest := all; rest != nil; rest = shortened(all, len(all)-len(rest)) {
		if rest[0].Role != "user" {
			t.Errorf("begins with %+v", rest[0])
		}
		kept = append(kept, rest[0].Content)
	}
	if got := strings.Join(kept, " "); got != "0 8 16 20" {
		t.Errorf("begins with %s", got)
	}
}

func TestTitleFrom(t *testing.T) {
	for in, want := range map[string]string{
		"Say hello.":                "Say hello.",
		"  two\n lines ":            "two lines",
		strings.Repeat("word ", 30): strings.TrimSpace(strings.Repeat("word ", 12)) + "…",
		strings.Repeat("가", 100):    strings.Repeat("가", 60) + "…",
		"a\x00b":                    "a b",
	} {
		if got := titleFrom(in); got != want {
			t.Errorf("titleFrom(%.20q) = %q, want %q", in, got, want)
		}
	}
}

func TestOddCharactersAreKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.newChat(t)
		_, m, chat := w.ask(t, generatetest.Who, c.ID, NewMessage{Content: words("a\x00b \u2028 \\u0000")})
		if m.State != Completed {
			t.Errorf("message %+v %+v", m, m.Error)
		}
		_, messages, err := w.Get(t.Context(), generatetest.Who, c.ID)
		if err != nil || messages[0].Text() != "a\x00b \u2028 \\u0000" || strings.ContainsRune(chat.Title, 0) {
			t.Errorf("messages %+v, title %q, %v", messages, chat.Title, err)
		}
	})
}

// FuzzCreateMessage holds that whatever is sent becomes a message or an error for the caller.
func FuzzCreateMessage(f *testing.F) {
	f.Add(`{"parent_id":null,"content":[{"type":"text","text":"x"}],"model":"m","stream":true}`)
	f.Add(`{"parent_id":"msg_1","content":null}`)
	f.Add(`{"content":[{"type":"image"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/api/chats/chat_1/messages", strings.NewReader(body))
		in, err := httpapi.Decode[CreateMessage](httptest.NewRecorder(), r, httpapi.Strict)
		if err == nil {
			parts := make([]Part, len(in.Content))
			for i, p := range in.Content {
				parts[i] = Part(p)
			}
			err = checkContent(parts)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}
