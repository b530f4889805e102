package generate

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// Refuse counts a request that was wrong as it stood, as the original did: failed requests count. It returns
// err, whose answer then tells what the limits leave (httpapi.Detailer), or the limits' own error when there
// is nothing left. Names that nothing answers to have no limits, and errors of other kinds are not counted.
func (s *Service) Refuse(ctx context.Context, who actor.Actor, class, model string, err error) error {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Forbidden, fault.TooLarge, fault.Unsupported:
	default:
		return err
	}
	if _, unknown := s.Models.Resolve(ctx, who, model); model == "" || unknown != nil {
		return err
	}
	grant, over := s.Limits.Admit(ctx, who, Demand{Class: class, Model: model})
	if over != nil {
		return over
	}
	if len(grant.Headers) == 0 {
		return err
	}
	headers := make(map[string]string, len(grant.Headers))
	for _, h := range grant.Headers {
		headers[h[0]] = h[1]
	}
	return &turnedAway{err, headers}
}

// turnedAway is an error with what the limits leave.
type turnedAway struct {
	error
	headers map[string]string
}

func (r *turnedAway) Unwrap() error                   { return r.error }
func (r *turnedAway) ErrorHeaders() map[string]string { return r.headers }

// ErrorType is what the error itself says.
func (r *turnedAway) ErrorType() string {
	if d, ok := errors.AsType[interface {
		error
		ErrorType() string
	}](r.error); ok {
		return d.ErrorType()
	}
	return ""
}

// notAllowed is the original's refusal of a model that cannot do what an endpoint asks of it; hint says more.
func notAllowed(what, hint string, args ...any) error {
	return &fault.Error{Kind: fault.Forbidden, Param: "model", Message: "You are not allowed to " + what + " this model: " + fmt.Sprintf(hint, args...)}
}
