package httpapi

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

func startServer(t *testing.T, api *API) (*Server, string) {
	t.Helper()
	srv, err := Listen("127.0.0.1:0", api)
	if err != nil {
		t.Fatal(err)
	}
	served := srv.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx) // tests that shut down themselves have looked at its error
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return srv, "http://" + srv.Addr().String()
}

func TestAddressInUse(t *testing.T) {
	api := newAPI(t, Options{})
	srv, _ := startServer(t, api)
	_, err := Listen(srv.Addr().String(), api)
	if err == nil || !strings.Contains(err.Error(), "is in use") || !strings.Contains(err.Error(), "--addr") {
		t.Errorf("the second listener: %v", err)
	}
	if _, err := Listen("nonsense", api); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
		t.Errorf("no address: %v", err)
	}
}

// TestShutdownLetsStreamsFinish: while a stream runs, new requests are refused and probes say why; the
// stream gets its end.
func TestShutdownLetsStreamsFinish(t *testing.T) {
	finish := make(chan struct{})
	routes := append(SystemRoutes([]Check{{Name: "database", Run: func(context.Context) error { return nil }}}, nil),
		streamRoute(func(s *Stream, _ *http.Request) error {
			if err := s.Send(chunk{1, "x"}); err != nil {
				return err
			}
			<-finish
			return s.Done()
		}),
		Route{Method: "GET", Path: "/v1/x", Op: "x", Handle: ok})
	api := newAPI(t, Options{}, routes...)
	srv, url := startServer(t, api)
	if code, body := get(t, url+"/readyz"); code != 200 || !strings.Contains(body, `"database":"ok"`) {
		t.Errorf("ready: %d %s", code, body)
	}
	resp := post(t, url+"/v1/stream")
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		done <- srv.Shutdown(ctx)
	}()
	for !api.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	if code, body := get(t, url+"/v1/x"); code != 503 || !strings.Contains(body, "shutting down") {
		t.Errorf("a new request while draining: %d %s", code, body)
	}
	if code, _ := get(t, url+"/healthz"); code != 200 {
		t.Errorf("health while draining: %d", code)
	}
	if code, body := get(t, url+"/readyz"); code != 503 || !strings.Contains(body, "shutting down") {
		t.Errorf("readiness while draining: %d %s", code, body)
	}
	close(finish)
	if rest := readAll(t, lines); !strings.HasSuffix(rest, "data: [DONE]\n\n") {
		t.Errorf("the stream was cut: %q", rest)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestShutdownEndsWhatDoesNot: after the grace period a stream gets an error event that says why.
func TestShutdownEndsWhatDoesNot(t *testing.T) {
	api := newAPI(t, Options{}, streamRoute(func(s *Stream, r *http.Request) error {
		if err := s.Send(chunk{1, "x"}); err != nil {
			return err
		}
		<-r.Context().Done()
		return r.Context().Err()
	}))
	srv, url := startServer(t, api)
	resp := post(t, url+"/v1/stream")
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := srv.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "1 requests were cut short") {
		t.Errorf("Shutdown: %v", err)
	}
	if rest := readAll(t, lines); !strings.Contains(rest, `data: {"error":{"message":"The server is shutting down.`) {
		t.Errorf("the stream ended with %q", rest)
	}
}

// TestRequestTimeout: a request that takes too long is 504, or an error event when it streams.
func TestRequestTimeout(t *testing.T) {
	wait := func(r *http.Request) error {
		<-r.Context().Done()
		return fault.New(fault.Canceled, "gone").WithCause(r.Context().Err())
	}
	api := newAPI(t, Options{RequestTimeout: 20 * time.Millisecond},
		streamRoute(func(s *Stream, r *http.Request) error {
			if err := s.Send(chunk{1, "x"}); err != nil {
				return err
			}
			return wait(r)
		}),
		Route{Method: "GET", Path: "/v1/x", Op: "x", Handle: func(_ http.ResponseWriter, r *http.Request) error { return wait(r) }})
	if w := ask(api, "GET", "/v1/x", ""); w.Code != 504 || !strings.Contains(w.Body.String(), "request_timeout") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(api, "POST", "/v1/stream", "{}"); !strings.Contains(w.Body.String(), `"code":"request_timeout"`) {
		t.Errorf("stream: %s", w.Body)
	}
}

func TestReadyNamesWhatIsMissing(t *testing.T) {
	api := newAPI(t, Options{}, SystemRoutes([]Check{
		{Name: "database", Run: func(context.Context) error { return nil }},
		{Name: "engine", Run: func(context.Context) error { return errors.New("library not found") }},
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) }))...)
	if w := ask(api, "GET", "/readyz", "", "Authorization", ""); w.Code != 503 ||
		strings.TrimSpace(w.Body.String()) != `{"status":"unavailable","checks":{"database":"ok","engine":"library not found"}}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(api, "GET", "/metrics", "", "Authorization", ""); w.Code != 200 || w.Body.String() != "up 1\n" {
		t.Errorf("metrics: %d %s", w.Code, w.Body)
	}
	if w := ask(api, "GET", "/healthz", "", "Authorization", ""); strings.TrimSpace(w.Body.String()) != `{"status":"ok"}` {
		t.Errorf("health: %s", w.Body)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer all")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, readAll(t, resp.Body)
}

func TestDescribeContextErrors(t *testing.T) {
	for err, want := range map[error]int{context.DeadlineExceeded: 504, context.Canceled: 499, errors.New("x"): 500, fault.New(fault.Conflict, "x"): 409} {
		if got, _ := Describe(err, "req_1"); got != want {
			t.Errorf("%v: got %d, want %d", err, got, want)
		}
	}
}

// BenchmarkRequest is the whole way of a small request through the adapter, without a network.
func BenchmarkRequest(b *testing.B) {
	api := newAPI(b, Options{}, Route{Method: "POST", Path: "/v1/x", Op: "x", Handle: func(w http.ResponseWriter, r *http.Request) error {
		v, err := Decode[chunk](w, r)
		if err != nil {
			return err
		}
		return JSON(w, 200, v)
	}})
	b.ReportAllocs()
	for b.Loop() {
		ask(api, "POST", "/v1/x", `{"n":1,"text":"x"}`)
	}
}
