package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func built() *app {
	return newApp(fstest.MapFS{
		"index.html":              {Data: []byte(`<!doctype html><meta nonce="__CSP_NONCE__"><div id="root"></div>`)},
		"theme.js":                {Data: []byte("theme()")},
		"assets/app-abc123.js":    {Data: []byte("plain")},
		"assets/app-abc123.js.br": {Data: []byte("brotli")},
		"assets/app-abc123.js.gz": {Data: []byte("gzip")},
	})
}

func get(t *testing.T, h http.Handler, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPagePathsGetTheApp(t *testing.T) {
	for _, path := range []string{"/", "/c/chat_1", "/signin?token=x", "/settings", "/index.html"} {
		resp := get(t, built(), path)
		if resp.StatusCode != 200 || !strings.Contains(body(t, resp), `id="root"`) {
			t.Errorf("%s: status %d, want the page", path, resp.StatusCode)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control %q, want no-cache", path, got)
		}
	}
}

func TestOtherPathsNeverGetThePage(t *testing.T) {
	for _, h := range map[string]http.Handler{"built": built(), "missing": http.HandlerFunc(serveMissing)} {
		for _, path := range []string{"/v1", "/v1/models", "/api/chats", "/assets/gone-1.js", "/favicon.ico", "/c/../v1/x"} {
			if resp := get(t, h, path); resp.StatusCode != 404 && strings.Contains(body(t, resp), "root") {
				t.Errorf("%s: status %d, want 404", path, resp.StatusCode)
			}
		}
	}
}

func TestOnlyReadingMethods(t *testing.T) {
	w := httptest.NewRecorder()
	built().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /: status %d, want 405", w.Code)
	}
	w = httptest.NewRecorder()
	built().ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD /: status %d, %d bytes", w.Code, w.Body.Len())
	}
}

func TestSecurityHeaders(t *testing.T) {
	first, second := get(t, built(), "/"), get(t, built(), "/")
	csp := first.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "connect-src 'self'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q allows unsafe sources", csp)
	}
	if first.Header.Get("X-Content-Type-Options") != "nosniff" || first.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers: %v", first.Header)
	}
	_, rest, _ := strings.Cut(csp, "'nonce-")
	nonce, _, _ := strings.Cut(rest, "'")
	page := body(t, first)
	if len(nonce) < 20 || !strings.Contains(page, `nonce="`+nonce+`"`) {
		t.Errorf("nonce %q of the policy is not in the page %q", nonce, page)
	}
	if strings.Contains(second.Header.Get("Content-Security-Policy"), nonce) {
		t.Error("two pages share a nonce")
	}
}

func TestAssetsAreImmutableAndCompressed(t *testing.T) {
	for accept, want := range map[string]string{
		"":                   "plain",
		"gzip, deflate, br":  "brotli",
		"gzip":               "gzip",
		"br;q=0, gzip;q=0.5": "gzip",
		"br; q=0":            "plain",
		"identity":           "plain",
	} {
		resp := get(t, built(), "/assets/app-abc123.js", "Accept-Encoding", accept)
		if got := body(t, resp); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", accept, got, want)
		}
		if got := resp.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("Cache-Control %q", got)
		}
		if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/javascript") {
			t.Errorf("Content-Type %q", got)
		}
		if resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Error("a compressed file needs Vary")
		}
	}
	if resp := get(t, built(), "/assets/app-abc123.js.gz"); resp.StatusCode != 404 {
		t.Errorf("a variant's own name: status %d, want 404", resp.StatusCode)
	}
}

func TestOtherFilesAreRevalidated(t *testing.T) {
	first := get(t, built(), "/theme.js")
	etag := first.Header.Get("ETag")
	if etag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("headers: %v", first.Header)
	}
	if again := get(t, built(), "/theme.js", "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
		t.Errorf("same tag: status %d, want 304", again.StatusCode)
	}
}

func TestServes(t *testing.T) {
	for _, c := range []struct {
		method, path, accept string
		want                 bool
	}{
		{"GET", "/", "*/*", true},
		{"GET", "/c/chat_1", "text/html,application/xhtml+xml", true},
		{"GET", "/c/chat_1", "*/*", false},
		{"GET", "/v1/unknown", "text/html", false},
		{"GET", "/api", "text/html", false},
		{"POST", "/c/chat_1", "text/html", false},
		{"GET", "/chat/completions", "*/*", false},
		{"GET", "/theme.js", "*/*", true},
		{"GET", "/assets/app-abc123.js", "*/*", true},
		{"GET", "/v1/x.js", "*/*", false},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Accept", c.accept)
		if got := Serves(r); got != c.want {
			t.Errorf("Serves(%s %s, Accept %s) = %v, want %v", c.method, c.path, c.accept, got, c.want)
		}
	}
}

func TestWithoutTheAppAPageSaysHowToBuildIt(t *testing.T) {
	resp := get(t, http.HandlerFunc(serveMissing), "/")
	if got := body(t, resp); !strings.Contains(got, "make build") {
		t.Errorf("page %q does not say how to build the app", got)
	}
}

// TestHandler is true of both kinds of binary: run it with and without -tags web.
func TestHandler(t *testing.T) {
	_, has := FS()
	got := body(t, get(t, Handler(), "/"))
	if has != strings.Contains(got, `id="root"`) {
		t.Errorf("FS says app=%v, but the page is %.80q", has, got)
	}
}
