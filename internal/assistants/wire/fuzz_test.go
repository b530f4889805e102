package wire

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/assistants/object"
)

// FuzzBodies: whatever is sent is refused or becomes an object that both generations can write.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		`{"model": "gpt-4", "tools": [{"type": "retrieval"}, {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], "file_ids": ["file-1"], "metadata": {"a": 1, "b": true}}`,
		`{"model": "gpt-4", "name": null, "tools": [{"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": {"score_threshold": 0.5}}}], "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
			"tool_resources": {"code_interpreter": {"file_ids": []}, "file_search": {"vector_stores": [{"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}}}]}}}`,
		`{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}, {"type": "image_file", "image_file": {"file_id": "f"}}], "attachments": [{"file_id": "f", "tools": [{"type": "file_search"}]}]}]}`,
		`{"role": "user", "content": "a", "file_ids": ["b"], "metadata": {}}`,
		`{"tool_choice": {"type": "function", "function": {"name": "f"}}, "truncation_strategy": {"type": "last_messages", "last_messages": 1}, "response_format": "auto"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var run struct {
			ToolChoice         ToolChoice     `json:"tool_choice"`
			ResponseFormat     ResponseFormat `json:"response_format"`
			TruncationStrategy Truncation     `json:"truncation_strategy"`
		}
		if json.Unmarshal(data, &run) == nil {
			write(t, run)
		}
		for _, v := range []Version{V1, V2} {
			var a AssistantBody
			if json.Unmarshal(data, &a) == nil {
				if c, err := a.Change(v); err == nil && c.Check() == nil {
					write(t, V1.Assistant(object.Assistant{Tools: c.Tools, Name: c.Name.Text, ResponseFormat: c.ResponseFormat, Metadata: c.Metadata}))
					write(t, V2.Assistant(object.Assistant{Tools: c.Tools, Name: c.Name.Text, ResponseFormat: c.ResponseFormat, Metadata: c.Metadata}))
				}
			}
			var th ThreadBody
			if json.Unmarshal(data, &th) == nil {
				if n, err := th.New(v); err == nil {
					messages(t, n.Messages...)
				}
			}
			var m MessageBody
			if json.Unmarshal(data, &m) == nil {
				if out, err := m.New(v); err == nil {
					messages(t, out)
				}
			}
		}
	})
}

func messages(t *testing.T, all ...*object.Message) {
	for _, m := range all {
		if m.Check() == nil {
			write(t, V1.Message(*m))
			write(t, V2.Message(*m))
		}
	}
}

func write(t *testing.T, v any) {
	if _, err := json.Marshal(v); err != nil {
		t.Errorf("it cannot be written: %v", err)
	}
}
