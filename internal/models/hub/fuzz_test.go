package hub

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

// answers is a transport that answers everything alike.
type answers struct {
	body   string
	header http.Header
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}, nil
}

// FuzzAnswers feeds anything as a hub's answers: what is taken over has its form, and a list ends.
func FuzzAnswers(f *testing.F) {
	sha := strings.Repeat("a", 64)
	f.Add(`[{"type":"file","path":"m-Q4_K_M.gguf","size":1,"lfs":{"oid":"`+sha+`","size":5}}]`, `<https://h/next>; rel="next"`, `"`+sha+`"`, "42")
	f.Add(`[{"type":"file","path":"../../x.gguf","size":-1}]`, `<://>; rel="next"`, `W/"x"`, "-42")
	f.Add(`[{"type":"file","path":"x-00001-of-00002.gguf","lfs":{"oid":"x","size":-5}}]`, `<>; rel="next"`, "", "9e9")
	f.Add(`{"error":"x"}`, "", "", "")
	f.Fuzz(func(t *testing.T, body, link, etag, size string) {
		c := Client{
			HTTP:     &http.Client{Transport: answers{body, http.Header{"Link": {link}, "X-Linked-Etag": {etag}, "X-Linked-Size": {size}, "X-Repo-Commit": {etag}}}},
			Endpoint: "https://h", Token: "hf_x",
		}
		files, err := c.List(context.Background(), "me/m", "")
		if err == nil {
			if got, err := Choose("me/m", files); err == nil {
				files = append(files, got)
			} else if fault.KindOf(err) != fault.Invalid {
				t.Error(err)
			}
		}
		if got, err := c.Stat(context.Background(), "me/m", "", "f.gguf"); err == nil {
			files = append(files, got)
		}
		for _, f := range files {
			if f.Size < 0 || f.SHA256 != "" && !sha256RE.MatchString(f.SHA256) || f.Commit != "" && !commitRE.MatchString(f.Commit) || !strings.HasPrefix(f.URL, "https://h/me/m/resolve/") {
				t.Fatalf("%+v", f)
			}
		}
	})
}
