package cli

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// fixed is a transport that answers everything with one body.
type fixed struct {
	status int
	body   string
}

func (f fixed) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f.status, Status: "as told", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(f.body))}, nil
}

// FuzzAnswers feeds anything as what a server answers to `parley chat`: a stream of events, a chat, an
// error. All of it ends.
func FuzzAnswers(f *testing.F) {
	f.Add(200, "event: message.delta\ndata: {\"text\":\"Hi\"}\n\nevent: message.completed\ndata: {\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"content\":[{\"text\":\"Hi\"}]}}\n\ndata: [DONE]\n\n")
	f.Add(200, `{"id":"c","current_message_id":"a","data":[{"id":"c"}],"messages":[{"id":"a","parent_id":"b"},{"id":"b","parent_id":"a"}]}`)
	f.Add(200, "data: {\"error\":{\"message\":\"x\"}}\r\n\r\n")
	f.Add(200, "data: null\n\ndata: {\"message\":null}\n\nevent: message.created\ndata: {}\n\n")
	f.Add(500, `{"error":{"message":"x","code":5}}`)
	f.Add(404, "\xff")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 999 {
			return
		}
		c := &conversation{client: &client{base: "http://h", http: &http.Client{Transport: fixed{status, body}}}, id: "c"}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		said := 0
		answer, err := c.ask(ctx, "x", func(text string) { said += len(text) })
		if err == nil && !strings.Contains(body, "[DONE]") {
			t.Errorf("an answer that did not end: %+v", answer)
		}
		if said > len(body) {
			t.Errorf("%d bytes of text in %d", said, len(body))
		}
		branch, err := c.resume(ctx)
		if err == nil && len(branch) > strings.Count(body, "{") {
			t.Errorf("%d messages", len(branch))
		}
		if err != nil && status >= 300 && err.Error() == "" {
			t.Error("an error without words")
		}
		if ctx.Err() != nil {
			t.Error("it did not end")
		}
	})
}
