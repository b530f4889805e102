package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

// TestASecondServerLeavesAnswersAlone: a server that starts on the database of another one takes none of
// its answers for leftovers, and sees how they end.
func TestASecondServerLeavesAnswersAlone(t *testing.T) {
	db := storetest.SQLite(t)
	if os.Getenv(storetest.Env) != "" {
		db = storetest.Postgres(t)
	}
	writing, goOn := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(goOn) })
	defer release()
	first := testkit.Start(t, testkit.Options{DB: db, Echo: echo.Options{BeforeToken: func(ctx context.Context, _ engine.GenerateRequest, n int) error {
		if n == 4 {
			close(writing)
			select {
			case <-goOn:
			case <-ctx.Done():
			}
		}
		return nil
	}}})
	var chat struct {
		ID       string
		Messages []struct{ State string }
	}
	_, text := first.Call(http.MethodPost, "/api/chats", `{}`)
	if err := json.Unmarshal([]byte(text), &chat); err != nil {
		t.Fatalf("%v %s", err, text)
	}
	streamed := make(chan string)
	go func() {
		_, text := first.Call(http.MethodPost, "/api/chats/"+chat.ID+"/messages", `{"parent_id":null,"content":[{"type":"text","text":"Hello"}]}`)
		streamed <- text
	}()
	<-writing

	second := testkit.Start(t, testkit.Options{DB: db})
	look := func() string {
		resp, text := second.CallWith(map[string]string{"Authorization": "Bearer " + first.Key}, http.MethodGet, "/api/chats/"+chat.ID, nil)
		if err := json.Unmarshal([]byte(text), &chat); err != nil || resp.StatusCode != http.StatusOK || len(chat.Messages) != 2 {
			t.Fatalf("%s %v %s", resp.Status, err, text)
		}
		return chat.Messages[1].State
	}
	if state := look(); state != "in_progress" {
		t.Errorf("the second server calls the first one's running answer %s", state)
	}
	release()
	if text := <-streamed; !strings.Contains(text, "message.completed") {
		t.Errorf("the first server's stream: %s", text)
	}
	if state := look(); state != "completed" {
		t.Errorf("afterwards it is %s", state)
	}
}
