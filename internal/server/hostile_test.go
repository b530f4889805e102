package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// TestClientsThatLeaveTakeNothingAlong: requests whose clients go away before the first byte, in the
// queue and in the middle of the answer end at once and leave nothing behind.
func TestClientsThatLeaveTakeNothingAlong(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{Slots: 2, Queue: 20, BeforeToken: forever(3)}})
	s.Call(http.MethodGet, "/v1/models", nil)
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	for round := range 3 {
		var conns []net.Conn
		for i := range 10 {
			conn, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			body := fmt.Sprintf(`{"model":"gpt-4","stream":%t,"n":%d,%s}`, i%2 == 0, 1+i%3, hello)
			fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", s.Key, len(body), body)
			if round == 1 && i == 0 { // it has a slot and has begun to answer
				if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, conn := range conns {
			conn.Close()
		}
		eventually(t, "requests go on without their clients", func() bool { return s.Active() == 0 })
	}
	eventually(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before+2 })
}

// forever blocks each sequence before its token n until its client leaves.
func forever(n int) func(context.Context, engine.GenerateRequest, int) error {
	return func(ctx context.Context, _ engine.GenerateRequest, token int) error {
		if token < n {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

// eventually waits until ok, for half a minute at most.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestAnotherOrganizationSeesNothing: what belongs to another organization, project or user does not
// exist, whatever is asked of it.
func TestAnotherOrganizationSeesNothing(t *testing.T) {
	dsn := storetest.SQLite(t)
	s := testkit.Start(t, testkit.Options{DB: dsn})
	mine := newChat(t, s)
	db := storetest.Open(t, dsn, store.Options{})
	for _, q := range []string{
		`INSERT INTO organizations (id, name, created_at) VALUES ('org-other', 'other', 1)`,
		`INSERT INTO projects (id, org_id, name, created_at) VALUES ('proj_other', 'org-other', 'p', 1)`,
		`INSERT INTO users (id, email, name, created_at) VALUES ('user-other', '', 'O', 1)`,
		`INSERT INTO memberships (org_id, user_id, project_id, role, created_at) VALUES ('org-other', 'user-other', 'proj_other', 'owner', 1)`,
		`UPDATE chats SET org_id = 'org-other', project_id = 'proj_other', user_id = 'user-other'`,
		`UPDATE chat_messages SET org_id = 'org-other', project_id = 'proj_other', user_id = 'user-other'`,
	} {
		if _, err := db.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	chat := "/api/chats/" + mine.ID
	for _, tt := range []struct{ method, path, body string }{
		{"GET", chat, ""},
		{"PATCH", chat, `{"title":"stolen"}`},
		{"PATCH", chat, `{"current_message_id":"` + mine.Answer + `"}`},
		{"POST", chat + "/messages", `{"parent_id":null,"content":[{"type":"text","text":"x"}]}`},
		{"POST", chat + "/messages", `{"parent_id":"` + mine.Question + `"}`},
		{"POST", chat + "/messages/" + mine.Answer + "/stop", ""},
		{"DELETE", chat, ""},
	} {
		if resp, text := s.Call(tt.method, tt.path, tt.body); resp.StatusCode != http.StatusNotFound || strings.Contains(text, "Hello") {
			t.Errorf("%s %s: %s %s", tt.method, tt.path, resp.Status, text)
		}
	}
	for _, path := range []string{"/api/chats", "/api/chats?query=Hello", "/api/chats?after=" + mine.ID} {
		if resp, text := s.Call(http.MethodGet, path, nil); resp.StatusCode != http.StatusOK || strings.Contains(text, mine.ID) {
			t.Errorf("GET %s: %s %s", path, resp.Status, text)
		}
	}
	// A message of another chat is none of this one's.
	own := newChat(t, s)
	for _, tt := range []struct{ method, path, body string }{
		{"PATCH", "/api/chats/" + own.ID, `{"current_message_id":"` + mine.Answer + `"}`},
		{"POST", "/api/chats/" + own.ID + "/messages", `{"parent_id":"` + mine.Question + `"}`},
		{"POST", "/api/chats/" + own.ID + "/messages/" + mine.Answer + "/stop", ""},
	} {
		if resp, text := s.Call(tt.method, tt.path, tt.body); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s: %s %s", tt.method, tt.path, resp.Status, text)
		}
	}
}

type chatIDs struct{ ID, Question, Answer string }

// newChat makes a chat with a question and its answer.
func newChat(t *testing.T, s *testkit.Server) chatIDs {
	t.Helper()
	var out struct {
		ID       string
		Messages []struct{ ID string }
	}
	_, text := s.Call(http.MethodPost, "/api/chats", `{}`)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	if resp, text := s.Call(http.MethodPost, "/api/chats/"+out.ID+"/messages", `{"parent_id":null,"content":[{"type":"text","text":"Hello"}]}`); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, text)
	}
	_, text = s.Call(http.MethodGet, "/api/chats/"+out.ID, nil)
	if err := json.Unmarshal([]byte(text), &out); err != nil || len(out.Messages) != 2 {
		t.Fatalf("%v %s", err, text)
	}
	return chatIDs{out.ID, out.Messages[0].ID, out.Messages[1].ID}
}
