package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
	"github.com/parley-ai/parley/internal/testkit/malformed"
)

// FuzzRoutes sends anything to the whole server: whatever the method, the path, the type and the body, the
// answer is not the server's fault, and an error has its form.
func FuzzRoutes(f *testing.F) {
	s := testkit.Start(f, testkit.Options{Log: slog.New(slog.DiscardHandler)})
	for _, v := range malformed.ValidRequests {
		f.Add(v.Method, v.Path, "application/json", v.Body)
	}
	f.Add("POST", "/v1/embeddings", "multipart/form-data; boundary=b", "--b\r\n\r\n--b--")
	f.Add("PATCH", "/api/chats/chat_1", "text/plain", `{"title":null}`)
	f.Add("GET", "/v1/models/%ff?limit=", "", "")
	f.Fuzz(func(t *testing.T, method, path, contentType, body string) {
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
			return // another host's
		}
		req, err := http.NewRequest(method, s.URL(), strings.NewReader(body))
		if err != nil {
			return // net/http sends no such method
		}
		req.URL.Opaque = path
		req.Header.Set("Authorization", "Bearer "+s.Key)
		req.Header.Set("Content-Type", contentType)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return // or it has no such header or path
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode >= 500 || bytes.Contains(answer, []byte(`"type":"server_error"`)) {
			t.Fatalf("%s %.300s", resp.Status, answer)
		}
		if resp.StatusCode < 400 || !strings.HasPrefix(path, "/v1/") || method == http.MethodHead {
			return
		}
		var out struct {
			Error *struct{ Message, Type string }
		}
		if err := json.Unmarshal(answer, &out); err != nil && resp.Header.Get("X-Request-Id") != "" || err == nil && (out.Error == nil || out.Error.Message == "" || out.Error.Type == "") {
			t.Errorf("%s %.300s", resp.Status, answer)
		}
	})
}
