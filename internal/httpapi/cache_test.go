package httpapi

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestNothingIsKept: what somebody sees who is signed in, and errors, are not for caches, unless a handler says so; and
// browsers do not guess what an answer is.
func TestNothingIsKept(t *testing.T) {
	mine := func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "private, max-age=5")
		return ok(w, r)
	}
	api, err := New(Options{Auth: testAuth{}, Logger: slog.New(slog.DiscardHandler), Routes: []Route{
		{Method: "GET", Path: "/theirs", Op: "theirs", Handle: ok},
		{Method: "GET", Path: "/open", Op: "open", Auth: AuthNone, Handle: ok},
		{Method: "GET", Path: "/mine", Op: "mine", Handle: mine},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/theirs": "no-store", "/open": "", "/mine": "private, max-age=5", "/none": "no-store"} {
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, authorized(httptest.NewRequest(http.MethodGet, path, nil)))
		if got := rec.Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control %q, want %q (%d)", path, got, want, rec.Code)
		}
		if got := rec.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: browsers may guess its type: %q", path, got)
		}
	}
}
