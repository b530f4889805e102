package contract

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
)

// The Assistants API has two generations under the same paths: an exchange whose name begins with one of these words sends the header of
// that generation, and its answers are judged by the document of its date alone.
var generations = map[string]string{"v1": "2024-01-25", "v2": "2026-08-21"}

// generation is the word that an exchange's name begins with, and the date of its document; empty for all others.
func (x exchange) generation() (word, date string) {
	word, _, _ = strings.Cut(x.name, " ")
	if date = generations[word]; date == "" {
		word = ""
	}
	return word, date
}

const (
	newAssistant   = "POST /assistants"
	oneAssistant   = "GET /assistants/{}"
	allAssistants  = "GET /assistants"
	setAssistant   = "POST /assistants/{}"
	dropAssistant  = "DELETE /assistants/{}"
	attachFile     = "POST /assistants/{}/files"
	attachedFiles  = "GET /assistants/{}/files"
	attachedFile   = "GET /assistants/{}/files/{}"
	detachFile     = "DELETE /assistants/{}/files/{}"
	newThread      = "POST /threads"
	oneThread      = "GET /threads/{}"
	setThread      = "POST /threads/{}"
	dropThread     = "DELETE /threads/{}"
	newMessage     = "POST /threads/{}/messages"
	allMessages    = "GET /threads/{}/messages"
	oneMessage     = "GET /threads/{}/messages/{}"
	setMessage     = "POST /threads/{}/messages/{}"
	dropMessage    = "DELETE /threads/{}/messages/{}"
	messageFiles   = "GET /threads/{}/messages/{}/files"
	messageFile    = "GET /threads/{}/messages/{}/files/{}"
	allRuns        = "GET /threads/{}/runs"
	oneRun         = "GET /threads/{}/runs/{}"
	setRun         = "POST /threads/{}/runs/{}"
	allSteps       = "GET /threads/{}/runs/{}/steps"
	oneStep        = "GET /threads/{}/runs/{}/steps/{}"
	assistantTools = `{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}}, {"type": "code_interpreter"}`
	history        = "/threads/thread_history"
)

// assistants are those of both generations. Runs and steps are history that was taken in (importHistory).
var assistants = []exchange{
	{"for assistants", postFile, "", formOf("file", "Cats sleep.", "purpose", "assistants"), 0},

	{"v1 plain", newAssistant, "", `{"model": "gpt-4"}`, 0},
	{"v1 with all", newAssistant, "", `{"model": "gpt-4", "name": "a", "description": "b", "instructions": "c", "tools": [{"type": "retrieval"}, ` + assistantTools + `], "file_ids": ["{assistant file}"], "metadata": {"a": "b"}}`, 0},
	{"v1 no model", newAssistant, "", `{"name": "a"}`, 400},
	{"v2 plain", newAssistant, "", `{"model": "gpt-4"}`, 0},
	{"v2 with all", newAssistant, "", `{"model": "gpt-4", "name": "a", "description": "b", "instructions": "c", "temperature": 0.5, "top_p": 0.5, "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
		"tools": [{"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": {"ranker": "auto", "score_threshold": 0.5}}}, ` + assistantTools + `],
		"tool_resources": {"code_interpreter": {"file_ids": ["{assistant file}"]}, "file_search": {"vector_stores": [{"file_ids": ["{assistant file}"]}]}}, "metadata": {"a": "b"}}`, 0},
	{"v2 unknown model", newAssistant, "", `{"model": "nothing"}`, 404},
	{"v1 made by v2", oneAssistant, "/assistants/{assistant v2}", "", 0},
	{"v2 made by v1", oneAssistant, "/assistants/{assistant v1}", "", 0},
	{"v2 unknown", oneAssistant, "/assistants/asst_nothing", "", 404},
	{"no generation", oneAssistant, "/assistants/{assistant v1}", "", 400},
	{"v1 plain", allAssistants, "", "", 0},
	{"v2 a page", allAssistants, "/assistants?limit=1&order=asc", "", 0},
	{"v2 unknown cursor", allAssistants, "/assistants?after=asst_nothing", "", 404},
	{"v1 plain", setAssistant, "/assistants/{assistant v2}", `{"name": "new", "tools": [{"type": "retrieval"}]}`, 0},
	{"v2 plain", setAssistant, "/assistants/{assistant v1}", `{"name": null, "response_format": "auto", "tool_resources": {"code_interpreter": {"file_ids": []}}}`, 0},
	{"v2 too much", setAssistant, "/assistants/{assistant v1}", `{"temperature": 3}`, 400},
	{"v1 plain", attachFile, "/assistants/{assistant v1}/files", `{"file_id": "{assistant file}"}`, 0},
	{"v1 unknown", attachFile, "/assistants/{assistant v1}/files", `{"file_id": "file-nothing"}`, 404},
	{"v1 plain", attachedFiles, "/assistants/{assistant v1}/files", "", 0},
	{"v1 plain", attachedFile, "/assistants/{assistant v1}/files/{assistant file}", "", 0},
	{"v1 plain", detachFile, "/assistants/{assistant v1}/files/{assistant file}", "", 0},
	{"v1 plain", dropAssistant, "/assistants/{assistant v1}", "", 0},
	{"v2 plain", dropAssistant, "/assistants/{assistant v2}", "", 0},

	{"v1 plain", newThread, "", "", 0},
	{"v1 with all", newThread, "", `{"messages": [{"role": "user", "content": "Hi", "file_ids": ["{assistant file}"], "metadata": {"a": "b"}}], "metadata": {"c": "d"}}`, 0},
	{"v2 plain", newThread, "", `{}`, 0},
	{"v2 with all", newThread, "", `{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}], "attachments": [{"file_id": "{assistant file}", "tools": [{"type": "file_search"}]}]}], "tool_resources": {"code_interpreter": {"file_ids": ["{assistant file}"]}}, "metadata": {"c": "d"}}`, 0},
	{"v2 too many pairs", newThread, "", `{"metadata": {"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":"","a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":""}}`, 400},
	{"v1 made by v2", oneThread, "/threads/{thread v2}", "", 0},
	{"v2 made by v1", oneThread, "/threads/{thread v1}", "", 0},
	{"v2 plain", oneThread, "/threads/{thread v2}", "", 0},
	{"v1 unknown", oneThread, "/threads/thread_nothing", "", 404},
	{"v1 plain", setThread, "/threads/{thread v1}", `{"metadata": {"e": "f"}}`, 0},
	{"v2 plain", setThread, "/threads/{thread v2}", `{"tool_resources": {"code_interpreter": {"file_ids": []}}}`, 0},
	{"v1 plain", newMessage, "/threads/{thread v1}/messages", `{"role": "user", "content": "Hi", "file_ids": ["{assistant file}"]}`, 0},
	{"v2 plain", newMessage, "/threads/{thread v2}/messages", `{"role": "assistant", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}, {"type": "image_file", "image_file": {"file_id": "{assistant file}"}}]}`, 0},
	{"v2 no words", newMessage, "/threads/{thread v2}/messages", `{"role": "user", "content": ""}`, 400},
	{"v1 made by v2", oneMessage, "/threads/{thread v2}/messages/{message v2}", "", 0},
	{"v2 made by v1", oneMessage, "/threads/{thread v1}/messages/{message v1}", "", 0},
	{"v2 unknown", oneMessage, "/threads/{thread v1}/messages/msg_nothing", "", 404},
	{"v1 plain", allMessages, "/threads/{thread v2}/messages", "", 0},
	{"v2 a page", allMessages, "/threads/{thread v1}/messages?limit=1&order=asc", "", 0},
	{"v1 of a run", allMessages, history + "/messages?run_id=run_history", "", 0},
	{"v2 of a run", allMessages, history + "/messages?run_id=run_history", "", 0},
	{"v1 plain", setMessage, "/threads/{thread v1}/messages/{message v1}", `{"metadata": {"e": "f"}}`, 0},
	{"v2 plain", setMessage, "/threads/{thread v2}/messages/{message v2}", `{"metadata": {"e": "f"}}`, 0},
	{"v1 plain", messageFiles, "/threads/{thread v1}/messages/{message v1}/files", "", 0},
	{"v1 plain", messageFile, "/threads/{thread v1}/messages/{message v1}/files/{assistant file}", "", 0},
	{"v2 plain", dropMessage, "/threads/{thread v2}/messages/{message v2}", "", 0},

	{"v1 plain", allRuns, history + "/runs", "", 0},
	{"v2 plain", allRuns, history + "/runs", "", 0},
	{"v1 plain", oneRun, history + "/runs/run_history", "", 0},
	{"v2 plain", oneRun, history + "/runs/run_history", "", 0},
	{"v1 incomplete", oneRun, history + "/runs/run_cut", "", 0},
	{"v2 incomplete", oneRun, history + "/runs/run_cut", "", 0},
	{"v2 unknown", oneRun, history + "/runs/run_nothing", "", 404},
	{"v1 plain", setRun, history + "/runs/run_history", `{"metadata": {"a": "b"}}`, 0},
	{"v2 plain", setRun, history + "/runs/run_history", `{"metadata": {"a": "b"}}`, 0},
	{"v1 plain", allSteps, history + "/runs/run_history/steps", "", 0},
	{"v2 plain", allSteps, history + "/runs/run_history/steps?include[]=step_details.tool_calls[*].file_search.results[*].content", "", 0},
	{"v1 plain", oneStep, history + "/runs/run_history/steps/step_tools", "", 0},
	{"v2 plain", oneStep, history + "/runs/run_history/steps/step_tools", "", 0},
	{"v2 unknown", oneStep, history + "/runs/run_history/steps/step_nothing", "", 404},
	{"v1 plain", dropThread, "/threads/{thread v1}", "", 0},
	{"v2 plain", dropThread, "/threads/{thread v2}", "", 0},
}

func init() {
	for key, name := range map[string]string{
		postFile + " for assistants": "assistant file", newAssistant + " v1 with all": "assistant v1", newAssistant + " v2 with all": "assistant v2",
		newThread + " v1 with all": "thread v1", newThread + " v2 with all": "thread v2", newMessage + " v1 plain": "message v1", newMessage + " v2 plain": "message v2",
	} {
		makes[key] = name
	}
}

// importHistory has a thread with runs and steps of all kinds, as a program saved it.
func importHistory(t *testing.T, s *testkit.Server) {
	t.Helper()
	resp, text := s.Call(http.MethodPost, "/api/assistants/import", `{"objects": [
		{"object": "thread", "id": "thread_history", "created_at": 1700000000, "metadata": {}},
		{"object": "thread.message", "id": "msg_history", "thread_id": "thread_history", "created_at": 1700000003, "role": "assistant", "assistant_id": "asst_history", "run_id": "run_history",
			"content": [{"type": "text", "text": {"value": "See 1 and 2.", "annotations": [{"type": "file_citation", "text": "1", "start_index": 4, "end_index": 5, "file_citation": {"file_id": "file-1"}},
			{"type": "file_path", "text": "2", "start_index": 10, "end_index": 11, "file_path": {"file_id": "file-2"}}]}}, {"type": "refusal", "refusal": "No."}]},
		{"object": "thread.run", "id": "run_history", "thread_id": "thread_history", "assistant_id": "asst_history", "created_at": 1700000001, "status": "failed", "model": "gpt-4", "instructions": "i",
			"tools": [{"type": "file_search"}, `+assistantTools+`], "started_at": 1700000002, "failed_at": 1700000009, "last_error": {"code": "invalid_prompt", "message": "m"}, "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
		{"object": "thread.run", "id": "run_cut", "thread_id": "thread_history", "assistant_id": "asst_history", "created_at": 1700000011, "status": "incomplete", "model": "gpt-4", "instructions": "",
			"incomplete_details": {"reason": "max_completion_tokens"}, "max_completion_tokens": 256, "truncation_strategy": {"type": "last_messages", "last_messages": 5}, "tool_choice": {"type": "function", "function": {"name": "f"}}},
		{"object": "thread.run.step", "id": "step_tools", "run_id": "run_history", "thread_id": "thread_history", "assistant_id": "asst_history", "created_at": 1700000002, "type": "tool_calls", "status": "completed", "completed_at": 1700000003,
			"step_details": {"type": "tool_calls", "tool_calls": [{"id": "call_1", "type": "code_interpreter", "code_interpreter": {"input": "1", "outputs": [{"type": "logs", "logs": "1"}, {"type": "image", "image": {"file_id": "file-3"}}]}},
			{"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{}", "output": null}},
			{"id": "call_3", "type": "file_search", "file_search": {"ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0}, "results": [{"file_id": "file-1", "file_name": "a.txt", "score": 0.5, "content": [{"type": "text", "text": "Cats"}]}]}}]},
			"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
		{"object": "thread.run.step", "id": "step_words", "run_id": "run_history", "thread_id": "thread_history", "assistant_id": "asst_history", "created_at": 1700000003, "type": "message_creation", "status": "failed", "failed_at": 1700000009,
			"step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_history"}}, "last_error": {"code": "server_error", "message": "m"}}]}`)
	if resp.StatusCode != http.StatusOK || strings.Contains(text, "refused") {
		t.Fatalf("taking in the history: %d %s", resp.StatusCode, text)
	}
}
