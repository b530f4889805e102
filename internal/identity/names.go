package identity

import (
	"net/mail"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// maxEmail is the longest e-mail address, in bytes (RFC 5321).
const maxEmail = 254

// nameOf checks what people call something.
func nameOf(param, name string) (string, error) {
	name = strings.TrimSpace(clean(strings.ReplaceAll(name, "\x00", "")))
	switch n := len([]rune(name)); {
	case n == 0:
		return "", fault.Param(param, "Missing required parameter: '%s'.", param).WithCode("missing_required_parameter")
	case n > maxName:
		return "", fault.Param(param, "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", param, maxName, n).WithCode("string_above_max_length")
	}
	return name, nil
}

// emailOf returns an address in the form in which it is kept.
func emailOf(email string) (string, error) {
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || len(email) > maxEmail || clean(email) != email {
		return "", fault.Param("email", "Invalid 'email': '%s' is no e-mail address.", printable(email[:min(len(email), 64)])).WithCode("invalid_value")
	}
	return strings.ToLower(email), nil
}

// NameOf checks what people call themselves or something of theirs.
func NameOf(param, name string) (string, error) { return nameOf(param, name) }

// EmailOf returns an e-mail address in the form in which it is kept.
func EmailOf(email string) (string, error) { return emailOf(email) }

// Storable reports whether every database takes the text.
func Storable(s string) bool { return clean(s) == s }

// InBrowser lets the user of a browser session through. With a key of theirs, that programs have, nobody changes who can sign in.
func InBrowser(who actor.Actor) error {
	if who.Session == "" || who.User == "" {
		return fault.New(fault.Forbidden, "An account is changed by its user, in a browser session, and not with an API key.").WithCode("session_required")
	}
	return nil
}
