package files

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
)

// maxLine bounds a line of a file for fine-tuning, in bytes: an example is no longer than a model's window.
const maxLine = 16 << 20

// validate looks at a stored file for fine-tuning: JSON Lines, each an example of one of the two forms, the same in all lines.
// The error is fault.Invalid and names the line, in the original's words where it had some.
func (s *Service) validate(ctx context.Context, key, name string) error {
	r, _, err := s.blobs.Get(ctx, key)
	if err != nil {
		return err
	}
	defer r.Close()
	err = CheckExamples(reader{ctx, r})
	if e := fault.As(err); e != nil && e.Kind == fault.Invalid && !slices.Contains([]string{".jsonl", ""}, suffix(name)) {
		return fault.New(fault.Invalid, "Invalid file format for Fine-Tuning API. Must be .jsonl").WithCause(err)
	}
	return err
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// CheckExamples looks at a file for fine-tuning, as an upload with the purpose fine-tune does. Errors are fault.Invalid with the line
// in the message, or those of r.
func CheckExamples(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	kind, examples := "", 0
	var buf []byte
	for n := 1; ; n++ {
		line, err := readLine(lines, buf[:0])
		buf = line[:0]
		if errors.Is(err, errLongLine) {
			return fault.New(fault.Invalid, "Invalid file format. Line %d is longer than %d MB. Is there one example in each line?", n, maxLine>>20)
		}
		if err != nil && err != io.EOF {
			return err
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			got, bad := example(text)
			switch {
			case bad != nil:
				return fault.New(fault.Invalid, "%s", bad(n, hint(text)))
			case kind != "" && got != kind:
				return fault.New(fault.Invalid, "Invalid file format. Line %d has the form of %s, and the lines before it that of %s. A file has examples of one form.", n, forms[got], forms[kind])
			}
			kind = got
			examples++
		}
		if err == io.EOF {
			break
		}
	}
	if examples == 0 {
		return fault.New(fault.Invalid, "Invalid file format. The file has no examples: put one into each line, as JSON.")
	}
	return nil
}

var errLongLine = errors.New("a line is too long")

// readLine appends a line, without its end, to buf.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		buf = append(buf, part...)
		if len(buf) > maxLine {
			return buf, errLongLine
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, err
		}
	}
}

// The forms of an example.
const (
	prompted = "prompt"
	chatted  = "messages"
)

var forms = map[string]string{prompted: "prompt and completion", chatted: "chat messages"}

// wrong words what is wrong with a line.
type wrong func(line int, hint string) string

// missing says what form a line ought to have; the words are the original's.
func missing(what string) wrong {
	return func(line int, hint string) string {
		return fmt.Sprintf("Expected file to have JSONL format with prompt/completion keys. %s on line %d. (HINT: line starts with: \"%s\")", what, line, hint)
	}
}

func badChat(format string, args ...any) wrong {
	return func(line int, _ string) string {
		return fmt.Sprintf("Invalid file format. Line %d: %s", line, fmt.Sprintf(format, args...))
	}
}

// example returns the form of a line, or what is wrong with it.
func example(line []byte) (string, wrong) {
	var members map[string]jsontext.Value
	if line[0] != '{' || json.Unmarshal(line, &members, jsontext.AllowDuplicateNames(true)) != nil {
		return "", func(n int, hint string) string {
			text := fmt.Sprintf("Expected file to have JSONL format, where every line is a JSON dictionary. Line %d is not a dictionary (HINT: line starts with: \"%s\").", n, hint)
			if bytes.HasPrefix(line, []byte("\xef\xbb\xbf")) {
				text += " The file begins with a byte order mark: save it as UTF-8 without one."
			}
			return text
		}
	}
	if messages, ok := members["messages"]; ok {
		return chatted, chat(messages)
	}
	for _, key := range []string{"prompt", "completion"} {
		v, ok := members[key]
		switch {
		case !ok:
			return "", missing("Missing '" + key + "' key")
		case v.Kind() != '"':
			return "", missing("'" + key + "' is no string")
		}
	}
	return prompted, nil
}

// message is what is looked at of a message.
type message struct {
	Role         string         `json:"role"`
	Content      jsontext.Value `json:"content"`
	Name         jsontext.Value `json:"name"`
	FunctionCall jsontext.Value `json:"function_call"`
	ToolCalls    jsontext.Value `json:"tool_calls"`
	ToolCallID   jsontext.Value `json:"tool_call_id"`
	Weight       jsontext.Value `json:"weight"`
}

// roles of messages in an example.
var roles = []string{"system", "developer", "user", "assistant", "function", "tool"}

// chat returns what is wrong with an example's messages.
func chat(value jsontext.Value) wrong {
	var all []message
	if value.Kind() != '[' || json.Unmarshal(value, &all, jsontext.AllowDuplicateNames(true)) != nil {
		return badChat("'messages' is no list of messages with role and content.")
	}
	if len(all) == 0 {
		return badChat("'messages' is empty.")
	}
	answered := false
	for i, m := range all {
		n := i + 1
		has := func(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }
		switch {
		case m.Role == "":
			return badChat("message %d has no role.", n)
		case !slices.Contains(roles, m.Role):
			return badChat("message %d has the role '%.40s', which is not one of %s.", n, m.Role, quoted(roles))
		case has(m.Content) && m.Content.Kind() != '"' && m.Content.Kind() != '[':
			return badChat("the content of message %d is no text.", n)
		case m.Role == "assistant" && !has(m.Content) && !has(m.FunctionCall) && !has(m.ToolCalls):
			return badChat("message %d of the assistant has neither content nor a call.", n)
		case m.Role != "assistant" && !has(m.Content):
			return badChat("message %d has no content.", n)
		case m.Role == "function" && !has(m.Name):
			return badChat("message %d of a function has no name.", n)
		case m.Role == "tool" && !has(m.ToolCallID):
			return badChat("message %d of a tool has no tool_call_id.", n)
		case has(m.Weight) && (m.Role != "assistant" || string(m.Weight) != "0" && string(m.Weight) != "1"):
			return badChat("the weight of message %d is not 0 or 1, or it is no message of the assistant.", n)
		}
		answered = answered || m.Role == "assistant"
	}
	if !answered {
		return badChat("there is no message of the assistant to learn from.")
	}
	return nil
}

// hint is how a line begins, shortened as the original did.
func hint(line []byte) string {
	text := strings.ToValidUTF8(string(line[:min(len(line), 64)]), "�")
	if utf8.RuneCountInString(text) <= 3 {
		return text
	}
	return string([]rune(text)[:3]) + "..."
}
