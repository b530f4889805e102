package remote_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/remote"
)

// canned is a transport whose server answers in no time: what is left is the backend's own work.
type canned struct{ contentType, body string }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {c.contentType}}, Request: r,
		Body: io.NopCloser(strings.NewReader(c.body)), ContentLength: int64(len(c.body)),
	}, nil
}

// BenchmarkBackend measures one short answer, whole and streamed, without any network.
func BenchmarkBackend(b *testing.B) {
	for name, c := range map[string]canned{
		"Whole":  {"application/json", servers["openai"].whole},
		"Stream": {"text/event-stream", servers["openai"].stream},
	} {
		b.Run(name, func(b *testing.B) {
			backend, err := remote.Opener(remote.Options{Client: &http.Client{Transport: listThen{c}}})(b.Context(), engine.Spec{Name: "m", URL: "http://h/v1"}, nil)
			if err != nil {
				b.Fatal(err)
			}
			req := hello()
			req.Whole = name == "Whole"
			b.ReportAllocs()
			for b.Loop() {
				if got := generate(b.Context(), backend, req); got.err != nil || got.text != "Hi there" {
					b.Fatalf("%+v", got)
				}
			}
		})
	}
}

// listThen answers GET with an empty list of models.
type listThen struct{ canned }

func (l listThen) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		return canned{"application/json", `{"data":[]}`}.RoundTrip(r)
	}
	return l.canned.RoundTrip(r)
}
