package tokenizer

import (
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// What a chat costs beside its texts, by OpenAI's cookbook ("How to count tokens with tiktoken"), for
// gpt-3.5-turbo-0613, gpt-4 and later: three tokens around each message, one more before a name, three
// that begin the answer.
const (
	perMessage = 3
	perName    = 1
	perAnswer  = 3
)

// countChat counts the tokens of messages: in all, of each content, and the rest.
func countChat(e *bpe.Encoding, messages []Message) (total int, contents []int, overhead *int) {
	total = perAnswer
	sum := 0
	for _, m := range messages {
		content := e.Count(m.Content)
		contents = append(contents, content)
		sum += content
		total += perMessage + e.Count(m.Role) + content
		if m.Name != "" {
			total += perName + e.Count(m.Name)
		}
	}
	overhead = new(int)
	*overhead = total - sum
	return total, contents, overhead
}

func checkMessages(messages []Message) error {
	if messages != nil && len(messages) == 0 {
		return fault.Param("messages", "[] is too short - 'messages'")
	}
	for i, m := range messages {
		if m.Role == "" {
			return fault.Param("messages", "messages[%d] has no role: system, user or assistant.", i)
		}
	}
	return nil
}

func engineMessages(messages []Message) []engine.Message {
	out := make([]engine.Message, len(messages))
	for i, m := range messages {
		out[i] = engine.Message{Role: m.Role, Content: m.Content, Name: m.Name}
	}
	return out
}
