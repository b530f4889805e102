package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

func serve(t *testing.T, h http.HandlerFunc) Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Client{HTTP: s.Client(), Endpoint: s.URL + "/", Token: "hf_x"}
}

func TestStatFollowsRenamesInsideTheHub(t *testing.T) {
	sha := strings.Repeat("a", 64)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/old/") {
			http.Redirect(w, r, strings.Replace(r.URL.Path, "/old/", "/new/", 1), http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("X-Linked-Size", "42")
		w.Header().Set("X-Linked-Etag", `"`+sha+`"`)
		http.Redirect(w, r, "https://cdn.invalid/blob", http.StatusFound)
	})
	f, err := c.Stat(context.Background(), "old/m", "", "a dir/f.gguf")
	if err != nil || f.Size != 42 || f.SHA256 != sha || !strings.HasSuffix(f.URL, "/old/m/resolve/main/a%20dir/f.gguf") {
		t.Errorf("%+v %v", f, err)
	}
}

func TestStatOfASmallFileHasNoHash(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", `W/"0123456789012345678901234567890123456789"`) // git's own, of 40 digits
		w.Header().Set("Content-Length", "7")
	})
	f, err := c.Stat(context.Background(), "me/m", "v1", "config.json")
	if err != nil || f.SHA256 != "" || f.Size != 7 || f.Commit != "" || !strings.Contains(f.URL, "/resolve/v1/") {
		t.Errorf("%+v %v", f, err)
	}
}

func TestListReadsAllPages(t *testing.T) {
	var c Client
	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hf_x" {
			t.Error("no token")
		}
		if r.URL.Query().Get("cursor") == "" {
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=2>; rel="next"`, c.Base(), r.URL.Path))
			fmt.Fprint(w, `[{"type":"file","path":"a","size":1}]`)
			return
		}
		fmt.Fprint(w, `[{"type":"directory","path":"d"},{"type":"file","path":"d/b","size":2}]`)
	})
	files, err := c.List(context.Background(), "me/m", "")
	if err != nil || len(files) != 2 || files[1].Path != "d/b" || files[1].Size != 2 {
		t.Errorf("%+v %v", files, err)
	}
}

func TestRefusals(t *testing.T) {
	for status, want := range map[int]struct {
		kind fault.Kind
		text string
	}{
		401: {fault.Unauthorized, "does not exist, or is private or gated"},
		403: {fault.Forbidden, "accept its terms"},
		404: {fault.NotFound, "does not exist"},
		429: {fault.RateLimited, "slow down"},
		500: {fault.Unavailable, "answered 500"},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		for _, ask := range []func() error{
			func() error { _, err := c.Stat(context.Background(), "me/m", "", "f"); return err },
			func() error { _, err := c.List(context.Background(), "me/m", ""); return err },
		} {
			if err := ask(); fault.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.text) || strings.Contains(err.Error(), "hf_x") {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
}

func TestTheTokenStaysWithTheHub(t *testing.T) {
	c := Client{Endpoint: "https://hub.example", Token: "hf_x"}
	for target, want := range map[string]string{
		"https://hub.example/me/m": "Bearer hf_x", "https://hub.example.evil/me/m": "", "https://cdn.example/": "", "http://hub.example/me/m": "",
	} {
		if got := c.Header(target).Get("Authorization"); got != want {
			t.Errorf("%s: %q", target, got)
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Setenv("HF_ENDPOINT", "https://mirror.example/")
	if got := (Client{}).Base(); got != "https://mirror.example" {
		t.Error(got)
	}
	t.Setenv("HF_ENDPOINT", "")
	if got := (Client{}).Base(); got != DefaultEndpoint {
		t.Error(got)
	}
}

func TestReachable(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) {})
	if !c.Reachable(context.Background()) {
		t.Error("a hub that answers is not reachable")
	}
	c.Endpoint = "http://127.0.0.1:1"
	if c.Reachable(context.Background()) {
		t.Error("nobody is reachable")
	}
}
