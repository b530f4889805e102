package remote

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/engine"
)

// Bounds of what another server may send, in bytes.
const (
	maxAnswer = 64 << 20 // a whole answer
	maxChunk  = 4 << 20  // one streamed event
)

// buffers holds the buffers of requests and answers.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// recycle gives a buffer back; large ones are left to the garbage collector.
func recycle(b *bytes.Buffer) {
	if b.Cap() <= 64<<10 {
		b.Reset()
		buffers.Put(b)
	}
}

// readAll reads a body to its end, so that its connection can be used again.
func readAll(resp *http.Response, limit int64) (*bytes.Buffer, error) {
	buf := buffers.Get().(*bytes.Buffer)
	if _, err := buf.ReadFrom(io.LimitReader(resp.Body, limit)); err != nil {
		recycle(buf)
		return nil, err
	}
	return buf, nil
}

// post sends a body that is already JSON.
func (b *backend) post(ctx context.Context, to *http.Request, body []byte) (*http.Response, error) {
	to.Method, to.Header, to.ContentLength = http.MethodPost, b.header, int64(len(body))
	to.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	to.Body, _ = to.GetBody()
	return b.send(ctx, to)
}

// Generate asks the other server for one sequence.
func (b *backend) Generate(ctx context.Context, req engine.GenerateRequest) iter.Seq2[engine.Event, error] {
	return func(yield func(engine.Event, error) bool) {
		if err := b.check(&req); err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(b.ctx, cancel)()

		to := &http.Request{URL: b.text}
		if len(req.Messages) > 0 {
			to.URL = b.chat
		}
		// The body is left to the garbage collector: the transport may still read it after an early answer.
		resp, err := b.post(ctx, to, b.body(make([]byte, 0, 512+promptSize(&req)), &req))
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		// A server that does not stream when asked to is understood as well.
		if req.Whole || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
			b.whole(ctx, resp, yield)
			return
		}
		b.stream(ctx, resp, yield)
	}
}

func promptSize(req *engine.GenerateRequest) int {
	n := len(req.Text)
	for i := range req.Messages {
		n += len(req.Messages[i].Content) + 40
		for _, c := range req.Messages[i].ToolCalls {
			n += len(c.Arguments) + 120
		}
	}
	n += len(req.Tools)
	return n + n/8
}

// whole turns an answer that is one JSON document into events.
func (b *backend) whole(ctx context.Context, resp *http.Response, yield func(engine.Event, error) bool) {
	buf, err := readAll(resp, maxAnswer)
	if err != nil {
		yield(nil, b.broken(ctx, err))
		return
	}
	defer recycle(buf)
	var a answer
	if err := json.Unmarshal(buf.Bytes(), &a, lenient); err != nil {
		yield(nil, b.garbled(err))
		return
	}
	if len(a.Choices) == 0 {
		yield(nil, b.refusal(0, buf.Bytes()))
		return
	}
	c := &a.Choices[0]
	delta := engine.Delta{Text: c.Text + c.Message.Content, Tokens: c.Logprobs.tokens(), Calls: new(callReader).read(&c.Message)}
	if !yield(engine.Started{PromptTokens: a.Usage.PromptTokens, CachedTokens: a.Usage.Details.CachedTokens}, nil) {
		return
	}
	if brings(delta) && !yield(delta, nil) {
		return
	}
	yield(done(c.FinishReason, a.Usage), nil)
}

// brings says that a delta has anything in it.
func brings(d engine.Delta) bool { return d.Text != "" || len(d.Tokens) > 0 || len(d.Calls) > 0 }

func done(reason string, u usage) engine.Done {
	d := engine.Done{
		Reason: engine.FinishStop, PromptTokens: u.PromptTokens, CachedTokens: u.Details.CachedTokens, CompletionTokens: u.CompletionTokens,
	}
	switch reason {
	case "length":
		d.Reason = engine.FinishLength
	case "tool_calls", "function_call":
		d.Reason = engine.FinishToolCalls
	}
	return d
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 8<<10) }}

// stream turns streamed chunks into events.
func (b *backend) stream(ctx context.Context, resp *http.Response, yield func(engine.Event, error) bool) {
	lines := readers.Get().(*bufio.Reader)
	lines.Reset(resp.Body)
	defer func() {
		lines.Reset(nil)
		readers.Put(lines)
	}()
	started := false
	start := func() bool {
		if started {
			return true
		}
		started = true
		return yield(engine.Started{}, nil)
	}
	reason, pieces := "", 0
	var used usage
	var calls callReader
	var a answer
	var again repeat
	for {
		data, err := nextData(lines)
		if err == io.EOF && reason != "" || string(data) == "[DONE]" {
			break
		}
		if err != nil {
			yield(nil, b.broken(ctx, err))
			return
		}
		if text, ok := again.read(data); ok {
			if text == "" {
				continue
			}
			pieces++
			if !yield(engine.Delta{Text: text}, nil) {
				return
			}
			continue
		}
		a = answer{Choices: a.Choices[:0]}
		if err := json.Unmarshal(data, &a, lenient); err != nil {
			yield(nil, b.garbled(err))
			return
		}
		if len(a.Error) > 0 && string(a.Error) != "null" {
			yield(nil, b.refusal(0, data))
			return
		}
		if a.Usage != (usage{}) {
			used = a.Usage
		}
		if len(a.Choices) == 0 {
			continue
		}
		if !start() {
			return
		}
		again.learn(data, &a)
		c := &a.Choices[0]
		delta := engine.Delta{Text: c.Text + c.Delta.Content, Tokens: c.Logprobs.tokens(), Calls: calls.read(&c.Delta)}
		if brings(delta) {
			pieces++
			if !yield(delta, nil) {
				return
			}
		}
		reason = cmp.Or(c.FinishReason, reason)
	}
	if used.CompletionTokens == 0 {
		used.CompletionTokens = pieces // the server tells no usage; most send one token a piece
	}
	if start() {
		yield(done(reason, used), nil)
	}
}

// nextData gives the data of the next server-sent event; it is valid until the next call. Each event
// has one line of data in this API.
func nextData(lines *bufio.Reader) ([]byte, error) {
	for {
		line, err := lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			line, err = longLine(lines, line)
		}
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok && (err == nil || err == io.EOF) {
			return bytes.TrimSpace(data), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// longLine reads the rest of a line that is longer than the reader's buffer.
func longLine(lines *bufio.Reader, begin []byte) ([]byte, error) {
	line := slices.Clone(begin)
	for {
		more, err := lines.ReadSlice('\n')
		line = append(line, more...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
		if len(line) > maxChunk {
			return nil, io.ErrShortBuffer
		}
	}
}

// sortedTop orders the alternatives of the parallel lists, likeliest first.
func sortedTop(top map[string]float32) []engine.TopLogprob {
	out := make([]engine.TopLogprob, 0, len(top))
	for token, logprob := range top {
		out = append(out, engine.TopLogprob{Token: -1, Bytes: []byte(token), Logprob: min(0, logprob)})
	}
	slices.SortFunc(out, func(a, b engine.TopLogprob) int {
		return cmp.Or(cmp.Compare(b.Logprob, a.Logprob), bytes.Compare(a.Bytes, b.Bytes))
	})
	return out
}
