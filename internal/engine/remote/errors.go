package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
)

// maxRefusal is how much of an error's body is read, in bytes.
const maxRefusal = 64 << 10

// pauses are the waits before a refused connection is tried again: a server that is being restarted.
var pauses = [...]time.Duration{100 * time.Millisecond, 300 * time.Millisecond}

// send sends a request and gives its answer when the status is 200; every other becomes an error.
func (b *backend) send(ctx context.Context, req *http.Request) (*http.Response, error) {
	if b.ctx.Err() != nil {
		return nil, b.closed()
	}
	for try := 0; ; try++ {
		resp, err := b.client.Do(req.WithContext(ctx))
		if err == nil {
			if resp.StatusCode == http.StatusOK {
				return resp, nil
			}
			defer resp.Body.Close()
			body, err := readAll(resp, maxRefusal)
			if err != nil {
				return nil, b.broken(ctx, err)
			}
			defer recycle(body)
			err = b.refusal(resp.StatusCode, body.Bytes())
			if f := fault.As(err); f.Kind == fault.Overloaded || f.Kind == fault.Unavailable {
				f.Wait = waitOf(resp.Header, time.Now())
			}
			return nil, err
		}
		if ctx.Err() != nil || !errors.Is(err, syscall.ECONNREFUSED) || try == len(pauses) {
			return nil, b.unreachable(ctx, err)
		}
		select {
		case <-time.After(pauses[try]):
		case <-ctx.Done():
			return nil, b.unreachable(ctx, err)
		}
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// maxWait is the longest wait that is passed on.
const maxWait = time.Hour

// waitOf is how long a server says that one should wait; 0 when it does not say.
func waitOf(h http.Header, now time.Time) (d time.Duration) {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		d = time.Duration(min(ms, float64(maxWait.Milliseconds())) * float64(time.Millisecond))
	} else if seconds, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil {
		d = time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		d = at.Sub(now)
	}
	if d != d.Abs() { // also what is no number
		return 0
	}
	return min(d, maxWait)
}

func (b *backend) closed() error {
	return fault.New(fault.Unavailable, "The model %s was unloaded.", b.spec.Name)
}

// ended is the error of a request whose context ended: by Close, or the caller's own.
func (b *backend) ended(ctx context.Context) error {
	if b.ctx.Err() != nil {
		return b.closed()
	}
	return ctx.Err()
}

func (b *backend) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		if b.ctx.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fault.New(fault.Unavailable, "The server that answers for the model %s did not answer in time.", b.spec.Name).WithCause(err)
		}
		return b.ended(ctx)
	}
	return fault.New(fault.Unavailable, "The server that answers for the model %s cannot be reached. The operator should see whether it runs.", b.spec.Name).WithCause(err)
}

// broken is the error of an answer that ended too early.
func (b *backend) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return b.ended(ctx)
	}
	return fault.New(fault.Unavailable, "The server that answers for the model %s broke off in the middle of its answer.", b.spec.Name).WithCause(err)
}

func (b *backend) garbled(err error) error {
	return fault.New(fault.Unavailable, "The server that answers for the model %s sent something that is no answer of OpenAI's API.", b.spec.Name).WithCause(err)
}

// refusal turns an error answer into a fault. Status 0 is an error inside a stream.
func (b *backend) refusal(status int, body []byte) error {
	r := parseRefusal(body)
	cause := fmt.Errorf("%s answered %d: %s", b.spec.URL, status, r.raw)
	if status == 0 {
		status = r.status
	}
	switch {
	case status != http.StatusTooManyRequests && r.aboutLength():
		return (&fault.Error{Kind: fault.Invalid, Code: "context_length_exceeded", Param: r.param, Message: r.message}).WithCause(cause)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fault.New(fault.Unavailable, "The server that answers for the model %s does not accept the key that it is called with. The operator must set the right one.", b.spec.Name).WithCause(cause)
	case status == http.StatusNotFound:
		return fault.New(fault.NotFound, "The model `%s` does not exist on the server that answers for it.", b.spec.Name).WithCode("model_not_found").WithCause(cause)
	case status == http.StatusTooManyRequests:
		return fault.New(fault.Overloaded, "The engine is currently overloaded, please try again later").WithCause(cause)
	case status == http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "The server that answers for the model %s finds the request too large.", b.spec.Name).WithCause(cause)
	case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity:
		return (&fault.Error{Kind: fault.Invalid, Code: r.code, Param: r.param, Message: r.message}).WithCause(cause)
	}
	return fault.New(fault.Unavailable, "The server that answers for the model %s failed. Please try again; the operator finds the reason in the log.", b.spec.Name).WithCause(cause)
}

// refused is an error body, of whichever form.
type refused struct {
	status               int // told inside the body; 0 when not
	code, param, message string
	kind                 string
	raw                  string // for the log
}

// parseRefusal reads {"error":{…}}, {"error":"…"}, vLLM's former {"object":"error",…}, FastAPI's
// {"detail":…} and plain text.
func parseRefusal(body []byte) refused {
	r := refused{raw: strings.ToValidUTF8(string(body[:min(len(body), 2000)]), "\uFFFD")}
	type object struct {
		Message string         `json:"message"`
		Type    string         `json:"type"`
		Param   jsontext.Value `json:"param"`
		Code    jsontext.Value `json:"code"`
		Error   jsontext.Value `json:"error"`
		Detail  jsontext.Value `json:"detail"`
	}
	var o object
	if json.Unmarshal(body, &o, lenient) != nil {
		o = object{Message: strings.TrimSpace(r.raw)}
	}
	switch {
	case o.Error.Kind() == '{':
		inner := object{}
		if json.Unmarshal(o.Error, &inner, lenient) != nil {
			inner = object{Message: string(o.Error)}
		}
		o = inner
	case o.Error.Kind() == '"':
		o.Message = unquoted(o.Error)
	case len(o.Detail) > 0:
		o.Message = unquoted(o.Detail)
	}
	r.message, r.kind, r.param, r.code = o.Message, o.Type, unquoted(o.Param), unquoted(o.Code)
	if n, err := strconv.Atoi(r.code); err == nil {
		r.status, r.code = n, "" // vLLM and llama-server repeat the status here
	}
	if r.message == "" {
		r.message = "The server that answers for this model refuses the request without saying why."
	}
	return r
}

// unquoted gives a JSON string's text, nothing for null, and other values as they are.
func unquoted(v jsontext.Value) string {
	if len(v) == 0 || v.Kind() == 'n' {
		return ""
	}
	var s string
	if json.Unmarshal(v, &s, lenient) == nil {
		return s
	}
	return string(v)
}

// aboutLength recognizes a prompt beyond the window, which each server words differently.
func (r *refused) aboutLength() bool {
	if r.code == "context_length_exceeded" || r.kind == "exceed_context_size_error" {
		return true
	}
	m := strings.ToLower(r.message)
	for _, words := range []string{"maximum context length", "context length is only", "exceeds the available context size", "maximum model length", "longer than the maximum model", "exceeds context window", "greater than the context length"} {
		if strings.Contains(m, words) {
			return true
		}
	}
	return false
}
