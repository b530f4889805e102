package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// origins answers browsers' questions about other origins (CORS). Credentials are never allowed:
// pages of other origins come with an API key or not at all.
type origins struct {
	any  bool
	list []string
}

func newOrigins(list []string) origins {
	return origins{any: slices.Contains(list, "*"), list: list}
}

// exposed are the headers that scripts of other origins may read.
const exposed = "deprecation, openai-model, openai-organization, openai-processing-ms, openai-version, parley-embedding-windows, " +
	"parley-served-model, retry-after, sunset, x-request-id, x-should-retry, " +
	"x-ratelimit-limit-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, " +
	"x-ratelimit-reset-requests, x-ratelimit-reset-tokens"

// answer sets the headers for an allowed origin, and answers its preflight: then it returns true.
func (o origins) answer(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || len(o.list) == 0 || !strings.HasPrefix(r.URL.Path, "/v1/") {
		return false // everything below /v1/ needs a key; what is outside need not be for everybody's pages
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !o.any && !slices.Contains(o.list, origin) {
		return false
	}
	if o.any {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", exposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, HEAD")
	// The clients send a dozen headers about themselves; none of them decides anything here.
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" && !strings.ContainsAny(asked, "\r\n") {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}
