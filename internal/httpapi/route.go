package httpapi

import (
	"net/http"

	"github.com/parley-ai/parley/internal/actor"
)

// Auth says how a route is reached.
type Auth int

const (
	// AuthKeyOrSession routes take an API key (bearer, or HTTP basic with the key as password) or a
	// browser session. The zero value, so that a forgotten field is the safe one.
	AuthKeyOrSession Auth = iota
	// AuthNone routes are public: health, sign-in, documents.
	AuthNone
)

// Handler serves a route. It returns an error instead of writing one: the adapter alone writes
// errors, in OpenAI's shape. After the first byte of a stream an error becomes an error event.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one line of the one table that feeds the mux, key scopes, rate-limit class, metric label,
// the OpenAPI document, the docs page and the test against the reference documents.
type Route struct {
	Method  string
	Path    string // net/http pattern path, e.g. "/v1/models/{model}"
	Op      string // operation id: OpenAPI, metric label, logs. Unique.
	Tag     string // group in the documents: "Chat", "Models", …
	Summary string // one line for the documents
	Doc     string // more for the documents; may be empty

	In       any    // zero value of the request body's type; nil for none
	Form     bool   // the body is a multipart form with In's members as fields, not JSON
	Out      any    // zero value of the response body's type; nil for none
	Stream   any    // zero value of one streamed event's type; nil when it cannot stream
	Query    any    // zero value of a struct whose `query:"…"` fields are the query parameters; nil for none
	Produces string // media type of an answer that is not JSON; empty: JSON of Out, or no body

	Auth       Auth
	Scope      string  // actor scope needed, e.g. actor.ChatWrite; empty: any authenticated actor
	LimitClass string  // class for limits.Admit: "chat", "embeddings", …; empty: not limited
	MaxBody    int64   // bytes; 0 is the server's default
	Patient    bool    // large contents come or go: pauses are bounded as ever, the whole is not
	Keep       Keeping // which bodies may be kept for review
	Handle     Handler
}

// Authenticator turns what a request carries into an actor. identity implements it; server passes it.
type Authenticator interface {
	// Authenticate returns fault.Unauthorized or fault.Forbidden errors with OpenAI's texts.
	Authenticate(r *http.Request) (actor.Actor, error)
}
