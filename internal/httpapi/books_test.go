package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

// heldBooks are books whose Enter waits.
type heldBooks struct {
	entered chan Line
	release chan struct{}
}

func (b *heldBooks) Enter(_ context.Context, l Line) {
	b.entered <- l
	<-b.release
}

// TestLastBytesWaitForTheBooks: what ends an answer is not sent before Enter returns; what comes before it is.
func TestLastBytesWaitForTheBooks(t *testing.T) {
	for name, tt := range map[string]struct {
		handle Handler
		early  string // what is out before the line is entered
		all    string
		status int
	}{
		"json": {func(w http.ResponseWriter, r *http.Request) error { return JSON(w, 200, "all") }, "", "\"all\"\n", 200},
		"error": {func(http.ResponseWriter, *http.Request) error { return fault.New(fault.Quota, "No more.") }, "",
			`{"error":{"message":"No more.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}` + "\n", 429},
		"stream": {func(w http.ResponseWriter, r *http.Request) error {
			s := NewStream(w, r)
			if err := s.Send("piece"); err != nil {
				return err
			}
			return s.Done()
		}, "data: \"piece\"\n\n", "data: \"piece\"\n\ndata: [DONE]\n\n", 200},
		"stream that fails": {func(w http.ResponseWriter, r *http.Request) error {
			s := NewStream(w, r)
			if err := s.Send("piece"); err != nil {
				return err
			}
			return fault.New(fault.Unavailable, "Gone.")
		}, "data: \"piece\"\n\n", "data: \"piece\"\n\n" + `data: {"error":{"message":"Gone.","type":"server_error","param":null,"code":null}}` + "\n\n", 503},
	} {
		t.Run(name, func(t *testing.T) {
			books := &heldBooks{entered: make(chan Line), release: make(chan struct{})}
			api := newAPI(t, Options{Books: books, Routes: []Route{{Method: "GET", Path: "/v1/x", Op: "x", LimitClass: "chat", Handle: func(w http.ResponseWriter, r *http.Request) error {
				if !Note(r.Context(), "note") {
					t.Error("no line to add to")
				}
				err := tt.handle(w, r)
				if tt.early == "" && err == nil && Note(r.Context(), "late") {
					t.Error("a note was taken after the line was entered")
				}
				return err
			}}}})
			rec := &recorder{ResponseRecorder: httptest.NewRecorder()}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				api.ServeHTTP(rec, authorized(httptest.NewRequest("GET", "/v1/x", nil)))
			}()
			line := <-books.entered
			if tt.early == "" && rec.text() != "" {
				t.Errorf("out before the line is entered: %q", rec.text())
			}
			if got := rec.text(); len(got) > len(tt.early) {
				t.Errorf("out before the line is entered: %q", got)
			}
			close(books.release)
			<-ended
			if rec.text() != tt.all {
				t.Errorf("answer %q, want %q", rec.text(), tt.all)
			}
			if line.Status != tt.status || line.Op != "x" || len(line.Notes) != 1 || line.RequestID != rec.Header().Get("X-Request-Id") {
				t.Errorf("line %+v", line)
			}
		})
	}
}

// TestNoLine: routes without a limit class, and requests of nobody, are not entered.
func TestNoLine(t *testing.T) {
	books := &heldBooks{entered: make(chan Line, 9), release: make(chan struct{})}
	close(books.release)
	handle := func(w http.ResponseWriter, r *http.Request) error {
		Note(r.Context(), "nothing")
		return JSON(w, 200, true)
	}
	api := newAPI(t, Options{Books: books, Routes: []Route{
		{Method: "GET", Path: "/v1/free", Op: "free", Handle: handle},
		{Method: "GET", Path: "/v1/x", Op: "x", LimitClass: "chat", Handle: handle},
	}})
	api.ServeHTTP(httptest.NewRecorder(), authorized(httptest.NewRequest("GET", "/v1/free", nil)))
	api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/x", nil)) // without a key
	api.ServeHTTP(httptest.NewRecorder(), authorized(httptest.NewRequest("GET", "/v1/nothing", nil)))
	if n := len(books.entered); n != 0 {
		t.Errorf("%d lines, the first %+v", n, <-books.entered)
	}
	if Note(context.Background(), "nobody") {
		t.Error("a note was taken outside of requests")
	}
}

// recorder is a ResponseRecorder that may be read while it is written.
type recorder struct {
	mu sync.Mutex
	*httptest.ResponseRecorder
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ResponseRecorder.Write(b)
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Body.String()
}

func authorized(r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer all")
	return r
}
