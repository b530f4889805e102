package jinja

import "fmt"

// Error is what a template's parsing or rendering ends with. Kind is the Python exception's name where Python would raise the
// same, for example "TypeError"; "TemplateError" is raise_exception, the template itself refusing its input. LimitError is our own.
type Error struct {
	Kind    string
	Message string
	Line    int // in the template; 0 when not known
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s: %s", e.Line, e.Kind, e.Message)
	}
	return e.Kind + ": " + e.Message
}

// Raised says whether the template called raise_exception; Message is then what it said.
func (e *Error) Raised() bool { return e.Kind == "TemplateError" }

// raise ends the render. Errors travel as panics inside the package, as in text/template: any expression can raise, and
// Template.Render and Parse turn it back into an error.
func raise(kind, format string, a ...any) {
	panic(&Error{Kind: kind, Message: fmt.Sprintf(format, a...)})
}

// catch is deferred where errors leave the package. Other panics would be bugs of the interpreter; a template must not be able to end
// the server through one.
func catch(err *error, line func() int) {
	switch p := recover().(type) {
	case nil:
	case *Error:
		if p.Line == 0 {
			p.Line = line()
		}
		*err = p
	default:
		*err = &Error{Kind: "InternalError", Message: fmt.Sprint(p), Line: line()}
	}
}
