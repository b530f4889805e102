package saved

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/assistants/wire"
)

// FuzzRead: whatever a file has is refused or becomes objects that both generations can write.
func FuzzRead(f *testing.F) {
	f.Add([]byte(savedV1))
	f.Add([]byte(`{"object": "thread", "id": "thread_1", "messages": [{"object": "thread.message", "id": "msg_1", "thread_id": "thread_1", "role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]}`))
	f.Add([]byte(`{"object": "thread.run.step", "id": "step_1", "run_id": "run_1", "thread_id": "thread_1", "type": "tool_calls", "status": "failed", "step_details": {"type": "tool_calls", "tool_calls": [{"id": "c", "type": "retrieval", "retrieval": {}}, {"id": "d", "type": "code_interpreter", "code_interpreter": {"input": "1", "outputs": [{"type": "image", "image": {"file_id": "f"}}]}}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		Sort(items)
		for _, it := range items {
			for _, v := range []wire.Version{wire.V1, wire.V2} {
				var out any
				switch it.Object {
				case "assistant":
					a, _, _, err := readAssistant(it.JSON)
					if err != nil {
						continue
					}
					out = v.Assistant(a)
				case "thread":
					th, _, err := readThread(it.JSON)
					if err != nil {
						continue
					}
					out = v.Thread(th)
				case "thread.message":
					m, err := readMessage(it.JSON)
					if err != nil {
						continue
					}
					out = v.Message(m)
				case "thread.run":
					r, err := readRun(it.JSON)
					if err != nil {
						continue
					}
					out = v.Run(r)
				default:
					s, err := readStep(it.JSON)
					if err != nil {
						continue
					}
					out = v.Step(s, true)
				}
				if _, err := json.Marshal(out); err != nil {
					t.Errorf("it cannot be written: %v", err)
				}
			}
		}
	})
}
