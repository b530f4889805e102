package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

type chunk struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

func streamRoute(run func(s *Stream, r *http.Request) error) Route {
	return Route{Method: "POST", Path: "/v1/stream", Op: "stream", Stream: chunk{}, Handle: func(w http.ResponseWriter, r *http.Request) error {
		return run(NewStream(w, r), r)
	}}
}

// TestStreamGoldens are the bytes of whole streams: tests of the web app read the same files.
func TestStreamGoldens(t *testing.T) {
	send := func(s *Stream) error {
		return errors.Join(s.Send(chunk{0, "Hé\n\"llo\" <b>"}), s.Send(chunk{1, "\u2028"}))
	}
	for name, run := range map[string]func(*Stream, *http.Request) error{
		"plain": func(s *Stream, _ *http.Request) error { return errors.Join(send(s), s.Done()) },
		"named": func(s *Stream, _ *http.Request) error {
			return errors.Join(s.Event("created", chunk{0, "a"}), s.Event("delta", chunk{1, "b"}))
		},
		"named_end": func(s *Stream, _ *http.Request) error {
			return errors.Join(s.Event("created", chunk{0, "a"}), s.DoneEvent("done"))
		},
		"broken": func(s *Stream, _ *http.Request) error { return errors.Join(send(s), errors.New("secret text")) },
		"broken_kind": func(s *Stream, _ *http.Request) error {
			return errors.Join(send(s), fault.New(fault.Unavailable, "The engine died.").WithCode("engine_died"))
		},
		"broken_name": func(s *Stream, _ *http.Request) error {
			return errors.Join(s.Event("created", chunk{0, "a"}), fault.New(fault.Overloaded, "Full."))
		},
		"panic": func(s *Stream, _ *http.Request) error { _ = send(s); panic("secret text") },
	} {
		w := ask(newAPI(t, Options{}, streamRoute(run)), "POST", "/v1/stream", "{}")
		if ct := w.Header().Get("Content-Type"); ct != "text/event-stream" || w.Code != 200 {
			t.Errorf("%s: %d %q", name, w.Code, ct)
		}
		golden(t, name+".sse", strings.ReplaceAll(w.Body.String(), w.Header().Get("X-Request-Id"), "req_ID"))
	}
}

func TestStreamErrorBeforeTheFirstEvent(t *testing.T) {
	w := ask(newAPI(t, Options{}, streamRoute(func(*Stream, *http.Request) error {
		return fault.New(fault.Overloaded, "The engine is currently overloaded, please try again later")
	})), "POST", "/v1/stream", "{}")
	if w.Code != 429 || w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Body.String(), `{"error":`) {
		t.Errorf("%d %q %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
}

// TestStreamGoesOutAtOnce: an event arrives while the handler is still working on the next.
func TestStreamGoesOutAtOnce(t *testing.T) {
	next := make(chan struct{})
	api := newAPI(t, Options{}, streamRoute(func(s *Stream, _ *http.Request) error {
		for n := range 3 {
			if err := s.Send(chunk{n, "x"}); err != nil {
				return err
			}
			<-next
		}
		return s.Done()
	}))
	srv := httptest.NewServer(api)
	defer srv.Close()
	resp := post(t, srv.URL+"/v1/stream")
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for n := range 3 {
		if want := fmt.Sprintf(`data: {"n":%d,"text":"x"}`, n); !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
		lines.Scan() // the empty line
		next <- struct{}{}
	}
	if !lines.Scan() || lines.Text() != "data: [DONE]" {
		t.Errorf("the stream ends with %q", lines.Text())
	}
}

func post(t *testing.T, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequest("POST", url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer all")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// TestStreamCoalesces: what is sent while the connection is busy goes out in one piece, in order.
func TestStreamCoalesces(t *testing.T) {
	const events = 10_000
	api := newAPI(t, Options{}, streamRoute(func(s *Stream, _ *http.Request) error {
		for n := range events {
			if err := s.Send(chunk{n, "some words"}); err != nil {
				return err
			}
		}
		return s.Done()
	}))
	w := &slowWriter{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("POST", "/v1/stream", nil)
	r.Header.Set("Authorization", "Bearer all")
	api.ServeHTTP(w, r)
	got := strings.Split(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n")
	if len(got) != events+1 || got[events] != "data: [DONE]" || !strings.HasPrefix(got[events-1], fmt.Sprintf(`data: {"n":%d,`, events-1)) {
		t.Errorf("%d events, the last is %q", len(got), got[len(got)-1])
	}
	if w.writes > events/10 {
		t.Errorf("%d writes for %d events: they did not travel together", w.writes, events)
	}
	if w.largest > maxPending+4096 {
		t.Errorf("a piece of %d bytes: the queue is not bounded", w.largest)
	}
}

type slowWriter struct {
	*httptest.ResponseRecorder
	writes, largest int
}

func (w *slowWriter) Write(b []byte) (int, error) {
	w.writes++
	w.largest = max(w.largest, len(b))
	time.Sleep(time.Millisecond)
	return w.ResponseRecorder.Write(b)
}

// TestStalledClientIsDropped: a client that keeps its connection and reads nothing costs no goroutine for ever.
func TestStalledClientIsDropped(t *testing.T) {
	ended := make(chan error, 1)
	api := newAPI(t, Options{WriteTimeout: 500 * time.Millisecond}, streamRoute(func(s *Stream, _ *http.Request) error {
		text := strings.Repeat("x", 64<<10)
		for {
			if err := s.Send(chunk{1, text}); err != nil {
				ended <- err
				return err
			}
		}
	}))
	srv := httptest.NewServer(api)
	defer srv.Close()
	conn := rawPost(t, srv, "{}")
	defer conn.Close()
	select {
	case err := <-ended:
		if fault.KindOf(err) != fault.Canceled {
			t.Errorf("the handler was told %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the handler still writes to a client that does not read")
	}
}

// TestStalledReaderOfJSON: the same for an answer that is no stream.
func TestStalledReaderOfJSON(t *testing.T) {
	ended := make(chan error, 1)
	api := newAPI(t, Options{WriteTimeout: 500 * time.Millisecond}, Route{Method: "POST", Path: "/v1/stream", Op: "x", Handle: func(w http.ResponseWriter, _ *http.Request) error {
		err := JSON(w, 200, strings.Repeat("x", 64<<20))
		ended <- err
		return err
	}})
	srv := httptest.NewServer(api)
	defer srv.Close()
	conn := rawPost(t, srv, "{}")
	defer conn.Close()
	select {
	case err := <-ended:
		if fault.KindOf(err) != fault.Canceled {
			t.Errorf("JSON says %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the handler still writes to a client that does not read")
	}
}

// TestKeptConnection: what one request leaves of its deadlines does no harm to the next.
func TestKeptConnection(t *testing.T) {
	api := newAPI(t, Options{WriteTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond}, Route{Method: "POST", Path: "/v1/stream", Op: "x", Handle: func(w http.ResponseWriter, r *http.Request) error {
		v, err := Decode[chunk](w, r)
		if err != nil {
			return err
		}
		time.Sleep(120 * time.Millisecond)
		if err := r.Context().Err(); err != nil {
			return err
		}
		return JSON(w, 200, v)
	}})
	srv := httptest.NewServer(api)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range 3 {
		fmt.Fprintf(conn, "POST /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n")
		if line, err := answers.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("%q %v", line, err)
		}
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, `{"n":7}`)
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b := readAll(t, resp.Body); resp.StatusCode != 200 || !strings.Contains(b, `"n":7`) {
			t.Fatalf("%d %s", resp.StatusCode, b)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestVanishedClient: the handler hears of it through its context, and Send says the same.
func TestVanishedClient(t *testing.T) {
	ended := make(chan error, 1)
	begun := make(chan struct{})
	api := newAPI(t, Options{}, streamRoute(func(s *Stream, r *http.Request) error {
		if err := s.Send(chunk{1, "x"}); err != nil {
			return err
		}
		close(begun)
		<-r.Context().Done()
		err := s.Send(chunk{2, "y"})
		ended <- err
		return err
	}))
	srv := httptest.NewServer(api)
	defer srv.Close()
	conn := rawPost(t, srv, "{}")
	<-begun
	conn.Close()
	select {
	case err := <-ended:
		if fault.KindOf(err) != fault.Canceled {
			t.Errorf("Send says %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the handler was not told that the client left")
	}
}

func rawPost(t *testing.T, srv *httptest.Server, body string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return conn
}

func TestHeartbeat(t *testing.T) {
	api := newAPI(t, Options{Heartbeat: 10 * time.Millisecond}, streamRoute(func(s *Stream, r *http.Request) error {
		if err := s.Send(chunk{1, "x"}); err != nil {
			return err
		}
		<-r.Context().Done()
		return nil
	}))
	srv := httptest.NewServer(api)
	defer srv.Close()
	resp := post(t, srv.URL+"/v1/stream")
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), ": ") {
			resp.Body.Close()
			return
		}
	}
	t.Error("no comment came in a silent stream")
}

// TestSlowBody: a body that stops coming is given up; one that trickles is not.
func TestSlowBody(t *testing.T) {
	api := newAPI(t, Options{ReadTimeout: time.Second}, Route{Method: "POST", Path: "/v1/stream", Op: "x", Handle: func(w http.ResponseWriter, r *http.Request) error {
		v, err := Decode[chunk](w, r)
		if err != nil {
			return err
		}
		return JSON(w, 200, v)
	}})
	srv := httptest.NewServer(api)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nContent-Length: 100\r\n\r\n{")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b := readAll(t, resp.Body); resp.StatusCode != 400 || !strings.Contains(b, "body_timeout") {
		t.Errorf("stopped body: %d %s", resp.StatusCode, b)
	}
	refused, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	fmt.Fprintf(refused, "POST /v1/none HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	if resp, err = http.ReadResponse(bufio.NewReader(refused), nil); err != nil || resp.StatusCode != 404 {
		t.Errorf("a body that nobody reads: %v %v", resp, err)
	}
	pr, pw := io.Pipe()
	go func() {
		for _, c := range `{"n":7}` {
			time.Sleep(200 * time.Millisecond)
			fmt.Fprintf(pw, "%c", c)
		}
		pw.Close()
	}()
	req, _ := http.NewRequestWithContext(context.Background(), "POST", srv.URL+"/v1/stream", pr)
	req.Header.Set("Authorization", "Bearer all")
	trickled, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer trickled.Body.Close()
	if b := readAll(t, trickled.Body); trickled.StatusCode != 200 || !strings.Contains(b, `"n":7`) {
		t.Errorf("trickling body: %d %s", trickled.StatusCode, b)
	}
}

func BenchmarkStream(b *testing.B) {
	api := newAPI(b, Options{}, streamRoute(func(s *Stream, r *http.Request) error {
		for b.Loop() {
			if err := s.Send(chunk{1, " word"}); err != nil {
				return err
			}
		}
		return s.Done()
	}))
	srv := httptest.NewServer(api)
	defer srv.Close()
	req, _ := http.NewRequest("POST", srv.URL+"/v1/stream", strings.NewReader("{}"))
	req.Header.Set("Authorization", "Bearer all")
	b.ReportAllocs()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
}

// TestTextEvents: an event that was encoded once is what Send makes of each text.
func TestTextEvents(t *testing.T) {
	type piece struct {
		ID   string  `json:"id"`
		Text string  `json:"text"`
		End  *string `json:"end"`
	}
	e, err := NewTextEvent(piece{ID: "x", Text: "<here>"}, "<here>")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "a", `"\`, "\n\t\x00\x7f", "<&>", "한국어 🙂", "\u2028", "broken \xff utf-8"} {
		var a, b bytes.Buffer
		for i, out := range []*bytes.Buffer{&a, &b} {
			w := httptest.NewRecorder()
			s := NewStream(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			if i == 0 {
				err = s.Send(piece{ID: "x", Text: text})
			} else {
				err = s.SendText(e, text)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Done(); err != nil {
				t.Fatal(err)
			}
			out.Write(w.Body.Bytes())
		}
		if a.String() != b.String() {
			t.Errorf("%q: %q, Send makes %q", text, b.String(), a.String())
		}
	}
	for _, v := range []piece{{}, {ID: "<here>", Text: "<here>"}} {
		if _, err := NewTextEvent(v, "<here>"); err == nil {
			t.Errorf("%+v was taken", v)
		}
	}
}
