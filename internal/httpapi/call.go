package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-ai/parley/internal/actor"
)

// call is what the API knows of one request.
type call struct {
	id       string
	api      *API
	route    *Route // nil: no route has the path
	start    time.Time
	actor    actor.Actor
	w        response
	stream   *Stream
	canceled bool
	ctx      context.Context // the request's
	entry    entry
	kept     keeping
	streams  bool // the header is that of a stream, whose end settles the entry

	request *http.Request // as it came, for Origin

	bodyDeadline time.Time // when the first bytes of the body must have come; zero without a body
}

func (c *call) op() string {
	if c.route == nil {
		return "none"
	}
	return c.route.Op
}

// callContext carries the call: one allocation less than context.WithValue, on every request.
type callContext struct {
	context.Context
	call *call
}

type callKey struct{}

func (c callContext) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c.call
	}
	return c.Context.Value(key)
}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// ActorOf returns on whose behalf the request runs: the zero Actor on public routes and outside requests.
func ActorOf(ctx context.Context) actor.Actor {
	if c := callOf(ctx); c != nil {
		return c.actor
	}
	return actor.Actor{}
}

// RequestID returns the id that the answer carries as x-request-id, or "" outside requests.
func RequestID(ctx context.Context) string {
	if c := callOf(ctx); c != nil {
		return c.id
	}
	return ""
}

// Started returns when the request arrived, or the zero time outside requests.
func Started(ctx context.Context) time.Time {
	if c := callOf(ctx); c != nil {
		return c.start
	}
	return time.Time{}
}

// RouteOf returns the route that serves the request, or nil outside routes.
func RouteOf(ctx context.Context) *Route {
	if c := callOf(ctx); c != nil {
		return c.route
	}
	return nil
}

// response notes the status and the bytes, sets openai-processing-ms when the header goes out, and
// gives every write a deadline, so that a client that takes nothing does not hold its connection for ever.
type response struct {
	http.ResponseWriter
	call     *call
	status   int
	bytes    int64
	deadline time.Time
}

// extend moves the deadline of writes, as long as they go on.
func (w *response) extend() {
	timeout := w.call.api.opts.WriteTimeout
	// Moving the deadline costs a timer operation: now and then is enough.
	if now := time.Now(); w.deadline.Sub(now) < timeout-timeout/8 {
		w.deadline = now.Add(timeout)
		// Recorders of tests know no deadlines; connections do.
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(w.deadline)
	}
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		if !w.call.streams {
			w.call.settle(w.call.ctx, status)
		}
		w.status = status
		// Never 0: openai 0.2x takes that for no header at all, and its response_ms would be None.
		ms := max(1, w.call.api.opts.Clock.Now().Sub(w.call.start).Milliseconds())
		w.Header()["Openai-Processing-Ms"] = []string{strconv.FormatInt(ms, 10)}
	}
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.extend()
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	w.call.keepResponse(b[:n])
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
