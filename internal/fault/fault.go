// Package fault is the error vocabulary of Parley. Every error that a caller may act on is an
// *Error with a Kind; httpapi alone turns kinds into HTTP statuses and OpenAI's error `type`.
// Anything else is an internal error: logged with its request id, shown to nobody.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what class of failure an error is. It decides the HTTP status and OpenAI's `type`.
type Kind int

// The kinds, with the status and `type` that httpapi gives them.
const (
	Internal       Kind = iota // 500 server_error: never shown as it is
	Invalid                    // 400 invalid_request_error
	Unauthorized               // 401 invalid_request_error: no key, wrong key
	Forbidden                  // 403 invalid_request_error: known, but not allowed
	NotFound                   // 404 invalid_request_error: does not exist or is not yours
	MethodNotAllow             // 405 invalid_request_error
	Conflict                   // 409 invalid_request_error
	TooLarge                   // 413 invalid_request_error: body over the limit
	Unsupported                // 415 invalid_request_error: wrong media type
	RateLimited                // 429 requests or tokens: limits of the organization
	Quota                      // 429 insufficient_quota
	Overloaded                 // 429 server_error: the engine's queue is full
	Unavailable                // 503 server_error: a backend is down or starting
	Timeout                    // 504 server_error: took longer than allowed
	Canceled                   // 499: the client went away; nothing is sent
	Full                       // 507 server_error: no room to store it
)

// Error is a failure with a meaning for the caller.
type Error struct {
	Kind    Kind
	Code    string // OpenAI's `code`, e.g. "model_not_found"; empty is null on the wire
	Param   string // the request field at fault, e.g. "messages[0].role"; empty is null
	Message string // what went wrong and what to do, for the user
	Err     error  // the cause, for the log only

	Wait time.Duration // of Overloaded and Unavailable: when to try again; 0 when nobody knows
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of a kind with a message for the user.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Param returns an Invalid error that names the request field at fault.
func Param(param, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Param: param, Message: fmt.Sprintf(format, args...)}
}

// WithCode sets the OpenAI code and returns the error.
func (e *Error) WithCode(code string) *Error { e.Code = code; return e }

// WithCause sets the cause, which is logged and never shown, and returns the error.
func (e *Error) WithCause(err error) *Error { e.Err = err; return e }

// WithWait says when to try again, and returns the error.
func (e *Error) WithWait(d time.Duration) *Error { e.Wait = d; return e }

// KindOf returns the kind of the first *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}

// As returns the first *Error in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Words are an error as the operator reads it: an *Error's message and its cause, without the path of calls that it took.
func Words(err error) string {
	e := As(err)
	switch {
	case e == nil:
		return err.Error()
	case e.Err != nil:
		return e.Message + " (" + e.Err.Error() + ")"
	}
	return e.Message
}

// Wrap adds what was being done to *err, for the log. Use it once per exported operation:
//
//	defer fault.Wrap(&err, "chats.Create(%s)", id)
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *err)
	}
}
