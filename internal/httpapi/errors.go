package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// statusCanceled is what logs and metrics say of a request whose client went away.
const statusCanceled = 499

// ErrorBody is the body of every error.
type ErrorBody struct {
	Error ErrorDetail `json:"error" doc:"What went wrong."`
}

// OpenAPIName is the schema's name.
func (ErrorBody) OpenAPIName() string { return "ErrorResponse" }

// ErrorDetail is OpenAI's error object. All four members are always there.
type ErrorDetail struct {
	Message string  `json:"message" doc:"What went wrong and what to do."`
	Type    string  `json:"type" doc:"The class of the error." example:"invalid_request_error"`
	Param   *string `json:"param" doc:"The request field at fault, such as messages[0].role."`
	Code    *string `json:"code" doc:"The error's name, such as model_not_found."`
}

// Detailer is an error that adds to its answer: OpenAI's `type` when it is not the kind's own ("" when it
// is), and headers such as Retry-After.
type Detailer interface {
	error
	ErrorType() string
	ErrorHeaders() map[string]string
}

// longWait is from when on clients should not try again by themselves, as they do a few times within seconds.
const longWait = time.Minute

// errShutdown is the cause of a request's cancellation when the server's grace period is over.
var errShutdown = errors.New("the server is shutting down")

// errTooLong is the cause when Options.RequestTimeout is over.
var errTooLong = errors.New("the request took longer than the server allows")

type kindInfo struct {
	status int
	typ    string
}

var kinds = map[fault.Kind]kindInfo{
	fault.Internal:       {500, "server_error"},
	fault.Invalid:        {400, "invalid_request_error"},
	fault.Unauthorized:   {401, "invalid_request_error"},
	fault.Forbidden:      {403, "invalid_request_error"},
	fault.NotFound:       {404, "invalid_request_error"},
	fault.MethodNotAllow: {405, "invalid_request_error"},
	fault.Conflict:       {409, "invalid_request_error"},
	fault.TooLarge:       {413, "invalid_request_error"},
	fault.Unsupported:    {415, "invalid_request_error"},
	fault.RateLimited:    {429, "requests"},
	fault.Quota:          {429, "insufficient_quota"},
	fault.Overloaded:     {429, "server_error"},
	fault.Unavailable:    {503, "server_error"},
	fault.Timeout:        {504, "server_error"},
	fault.Canceled:       {statusCanceled, "canceled"},
	fault.Full:           {507, "server_error"},
}

// Describe returns the status and the body that err gets. requestID goes into the text of internal errors.
func Describe(err error, requestID string) (int, ErrorBody) {
	fe := fault.As(err)
	if fe == nil {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			fe = fault.New(fault.Timeout, "The request took longer than allowed.")
		case errors.Is(err, context.Canceled):
			fe = fault.New(fault.Canceled, "The request was canceled.")
		default:
			fe = &fault.Error{Kind: fault.Internal}
		}
	}
	info := kinds[fe.Kind]
	d := ErrorDetail{Message: shorten(fe.Message), Type: info.typ}
	if fe.Kind == fault.Internal {
		d.Message = "The server had an error while processing your request. Sorry about that! You can retry your request, " +
			"or ask whoever runs this server if the error persists. (Please include the request ID " + requestID + " in your message.)"
	}
	code := fe.Code
	if fe.Kind == fault.Quota && code == "" {
		code = "insufficient_quota"
	}
	if code != "" {
		d.Code = &code
	}
	if fe.Param != "" {
		param := shorten(fe.Param)
		d.Param = &param
	}
	var more Detailer
	if errors.As(err, &more) && more.ErrorType() != "" {
		d.Type = more.ErrorType()
	}
	return info.status, ErrorBody{Error: d}
}

// maxMessage is how many bytes of an error's text are sent: a message may repeat what came with the
// request, which may be megabytes.
const maxMessage = 2000

// shorten cuts a text that is too long in its middle, so that it still begins and ends as it did.
func shorten(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage/2], "") + "…" + strings.ToValidUTF8(s[len(s)-maxMessage/2:], "")
}

// settle gives a request that ended with its context the reason: the client left, or we are going.
func settle(r *http.Request, err error) error {
	if r.Context().Err() == nil {
		return err
	}
	switch context.Cause(r.Context()) {
	case errTooLong:
		return fault.New(fault.Timeout, "The request took longer than this server allows. Ask for less at once, for example with a smaller max_tokens.").
			WithCode("request_timeout").WithCause(err)
	case errShutdown:
		return fault.New(fault.Unavailable, "The server is shutting down. Please try again in a moment.").WithCause(err)
	}
	// What fails after the client has left fails because of it, whatever it calls itself.
	if errors.Is(err, context.Canceled) || fault.KindOf(err) == fault.Internal {
		return fault.New(fault.Canceled, "The client went away.").WithCause(err)
	}
	return err
}

// fail logs err and writes it.
func (a *API) fail(c *call, r *http.Request, err error) {
	err = settle(r, err)
	a.logFailure(c, r, err)
	a.writeError(c, r, err)
}

// logFailure logs what an operator must see: internal errors with their text, and the causes that
// other errors hide from the caller.
func (a *API) logFailure(c *call, r *http.Request, err error) {
	kind := fault.KindOf(err)
	level := slog.LevelDebug
	switch kind {
	case fault.Internal:
		if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			level = slog.LevelError
		}
	case fault.Unavailable, fault.Timeout, fault.Overloaded:
		level = slog.LevelWarn
	}
	if a.opts.Logger.Enabled(r.Context(), level) {
		a.opts.Logger.LogAttrs(r.Context(), level, "request failed", slog.String("op", c.op()), slog.String("error", err.Error()))
	}
}

// writeError sends err as JSON with its status, or breaks the connection when half an answer is out.
func (a *API) writeError(c *call, r *http.Request, err error) {
	status, body := Describe(err, c.id)
	if status == statusCanceled {
		c.canceled = true
	}
	c.failed(status, body)
	if c.w.status != 0 || c.canceled {
		panic(http.ErrAbortHandler)
	}
	h := c.w.Header()
	// What the handler had announced was about the answer that is not coming.
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h["Cache-Control"] = noStore
	switch fault.KindOf(err) {
	case fault.Overloaded, fault.Unavailable:
		wait := max(fault.As(err).Wait, time.Second)
		h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		h.Set("X-Should-Retry", strconv.FormatBool(wait <= longWait))
	case fault.Quota:
		h.Set("X-Should-Retry", "false")
	}
	var more Detailer
	if errors.As(err, &more) {
		for k, v := range more.ErrorHeaders() {
			h.Set(k, v)
		}
	}
	// The connection is as good as gone when this write fails: nobody is left to tell.
	_ = JSON(&c.w, status, body)
}

// challenge adds WWW-Authenticate to a 401. Only a person's navigation is asked for a password:
// the dialog must not open over the web app.
func challenge(w http.ResponseWriter, r *http.Request, err error) {
	if fault.KindOf(err) != fault.Unauthorized {
		return
	}
	scheme := `Bearer realm="Parley"`
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" || r.Header.Get("Sec-Fetch-Mode") == "" && strings.Contains(r.Header.Get("Accept"), "text/html") {
		scheme = `Basic realm="Parley"`
	}
	w.Header().Set("WWW-Authenticate", scheme)
}

// scopeNames are OpenAI's names of scopes where it was seen to say another one than ours.
var scopeNames = map[string]string{
	actor.ModelsRead: "api.model.read", actor.ChatWrite: "model.request", actor.CompletionsWrite: "model.request", actor.EmbeddingsWrite: "model.request",
}

// Permitted is nil when the actor holds the scope, and else what is answered to who does not. It is for what a route reaches besides what its
// own scope is for.
func Permitted(who actor.Actor, scope string) error {
	if who.May(scope) {
		return nil
	}
	return missingScope(who, scope)
}

// missingScope is OpenAI's text, with the scope as Parley's keys name it at the end.
func missingScope(who actor.Actor, scope string) error {
	if who.Held {
		return fault.New(fault.Forbidden, "Your organization requires a second factor. Set one up at /account, then go on.").WithCode("second_factor_required")
	}
	return fault.New(fault.Forbidden, "You have insufficient permissions for this operation. Missing scopes: %s. "+
		"Check that you have the correct role in your organization (Reader, Writer, Owner), and if you're using a "+
		"restricted API key, that it has the necessary scopes: %s.", cmp.Or(scopeNames[scope], scope), scope).WithCode("missing_scope")
}
