package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/testkit"
)

// beta are the headers of the Assistants API: each generation has routes that the other has not.
func beta(path string) string {
	if strings.HasSuffix(path, "/files") && strings.HasPrefix(path, "/v1/assistants/") || strings.HasPrefix(path, "/v1/assistants/") && strings.Contains(path, "/files/") ||
		strings.HasPrefix(path, "/v1/threads/") && strings.Contains(path, "/files") {
		return "assistants=v1"
	}
	return "assistants=v2"
}

// kept makes what the project of the server's key has besides chats: files, vector stores, assistants, threads, responses.
// Ids are by placeholder of a route's path.
func kept(t *testing.T, s *testkit.Server) map[string]string {
	t.Helper()
	call := func(method, path, body string, headers ...string) (out struct {
		ID, Status string
		Data       []struct{ ID string }
	}) {
		t.Helper()
		all := map[string]string{"Authorization": "Bearer " + s.Key, "Content-Type": "application/json", "OpenAI-Beta": beta(path)}
		for i := 0; i < len(headers); i += 2 {
			all[headers[i]] = headers[i+1]
		}
		var in any
		if body != "" {
			in = body
		}
		resp, text := s.CallWith(all, method, path, in)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
		}
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return out
	}
	form := "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nCats sleep.\r\n--b--\r\n"
	file := call(http.MethodPost, "/v1/files", form, "Content-Type", "multipart/form-data; boundary=b").ID
	upload := call(http.MethodPost, "/v1/uploads", `{"filename": "a.txt", "purpose": "assistants", "bytes": 10, "mime_type": "text/plain"}`).ID
	vectors := call(http.MethodPost, "/v1/vector_stores", `{}`).ID
	batch := call(http.MethodPost, "/v1/vector_stores/"+vectors+"/file_batches", fmt.Sprintf(`{"file_ids": [%q]}`, file)).ID
	for deadline := time.Now().Add(time.Minute); call(http.MethodGet, "/v1/vector_stores/"+vectors+"/files/"+file, "").Status == "in_progress"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the file is not taken in")
		}
	}
	assistant := call(http.MethodPost, "/v1/assistants", `{"model": "echo"}`).ID
	call(http.MethodPost, "/v1/assistants/"+assistant+"/files", fmt.Sprintf(`{"file_id": %q}`, file))
	thread := call(http.MethodPost, "/v1/threads", `{}`).ID
	message := call(http.MethodPost, "/v1/threads/"+thread+"/messages", fmt.Sprintf(`{"role": "user", "content": "Hi", "attachments": [{"file_id": %q, "tools": [{"type": "code_interpreter"}]}]}`, file)).ID
	call(http.MethodPost, "/api/assistants/import", `{"objects": [
		{"object": "thread.run", "id": "run_kept", "thread_id": "`+thread+`", "assistant_id": "`+assistant+`", "status": "completed", "model": "echo"},
		{"object": "thread.run.step", "id": "step_kept", "run_id": "run_kept", "thread_id": "`+thread+`", "assistant_id": "`+assistant+`", "type": "message_creation", "status": "completed",
			"step_details": {"type": "message_creation", "message_creation": {"message_id": "`+message+`"}}}]}`)
	conversation := call(http.MethodPost, "/v1/conversations", `{"items": [{"type": "message", "role": "user", "content": "Hi"}]}`).ID
	item := call(http.MethodGet, "/v1/conversations/"+conversation+"/items", "").Data[0].ID
	response := call(http.MethodPost, "/v1/responses", `{"model": "echo", "input": "Hi"}`).ID
	return map[string]string{
		"{file_id}": file, "{upload_id}": upload, "{vector_store_id}": vectors, "{batch_id}": batch, "{assistant_id}": assistant, "{thread_id}": thread,
		"{thread message_id}": message, "{run_id}": "run_kept", "{step_id}": "step_kept", "{conversation_id}": conversation, "{item_id}": item, "{response_id}": response,
	}
}
