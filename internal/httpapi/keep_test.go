package httpapi

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// shelf is a keeper that takes the same number of bytes of everybody.
type shelf struct {
	most int
	mu   sync.Mutex
	all  []Exchange
}

func (s *shelf) Keeps(actor.Actor) int { return s.most }

func (s *shelf) Keep(x Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, x)
}

// TestKeep: what the keeper gets of an answer, a stream, a stream that breaks, a refused request and vectors.
func TestKeep(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) error {
		v, err := Decode[string](w, r)
		if err != nil {
			return err
		}
		switch v {
		case "refused":
			return fault.Param("x", "No.")
		case "broken":
			return fault.New(fault.Unavailable, "Broken.")
		case "stream", "cut":
			s := NewStream(w, r)
			if err := s.Send(v); err != nil {
				return err
			}
			if v == "cut" {
				return fault.New(fault.Unavailable, "Gone.")
			}
			return s.Done()
		}
		return JSON(w, http.StatusOK, v)
	}
	const gone = `data: {"error":{"message":"Gone.","type":"server_error","param":null,"code":null}}` + "\n\n"
	for name, tt := range map[string]struct {
		path, body string
		most       int
		want       *Exchange
	}{
		"answer":     {"/v1/both", `"hello"`, 100, &Exchange{Status: 200, Request: []byte(`"hello"`), RequestSize: 7, Response: []byte("\"hello\"\n"), ResponseSize: 8}},
		"long":       {"/v1/both", `"hello"`, 4, &Exchange{Status: 200, Request: []byte(`"hel`), RequestSize: 7, Response: []byte(`"hel`), ResponseSize: 8}},
		"stream":     {"/v1/both", `"stream"`, 100, &Exchange{Status: 200, Request: []byte(`"stream"`), RequestSize: 8, Response: []byte("data: \"stream\"\n\ndata: [DONE]\n\n"), ResponseSize: 30}},
		"cut stream": {"/v1/both", `"cut"`, 200, &Exchange{Status: 503, Request: []byte(`"cut"`), RequestSize: 5, Response: []byte("data: \"cut\"\n\n" + gone), ResponseSize: int64(13 + len(gone))}},
		"vectors":    {"/v1/request", `"hello"`, 100, &Exchange{Status: 200, Request: []byte(`"hello"`), RequestSize: 7}},
		"broken": {"/v1/both", `"broken"`, 3, &Exchange{Status: 503, Request: []byte(`"br`), RequestSize: 8, Response: []byte(`{"e`),
			ResponseSize: int64(len(`{"error":{"message":"Broken.","type":"server_error","param":null,"code":null}}` + "\n"))}},
		"refused":     {"/v1/both", `"refused"`, 100, nil},
		"not JSON":    {"/v1/both", `{`, 100, nil},
		"not kept":    {"/v1/none", `"hello"`, 100, nil},
		"not wanted":  {"/v1/both", `"hello"`, 0, nil},
		"empty":       {"/v1/both", ``, 100, nil},
		"unknown one": {"/v1/nothing", `"hello"`, 100, nil},
	} {
		t.Run(name, func(t *testing.T) {
			k := &shelf{most: tt.most}
			api := newAPI(t, Options{Keeper: k},
				Route{Method: "POST", Path: "/v1/both", Op: "both", Keep: KeepBoth, Handle: echo},
				Route{Method: "POST", Path: "/v1/request", Op: "request", Keep: KeepRequest, Handle: echo},
				Route{Method: "POST", Path: "/v1/none", Op: "none", Handle: echo})
			rec := ask(api, "POST", tt.path, tt.body)
			if tt.want == nil {
				if len(k.all) != 0 {
					t.Errorf("kept %+v", k.all)
				}
				return
			}
			if len(k.all) != 1 {
				t.Fatalf("kept %d", len(k.all))
			}
			x := k.all[0]
			if x.RequestID != rec.Header().Get("X-Request-Id") || x.Actor.Key != "key_1" || x.Op != strings.TrimPrefix(tt.path, "/v1/") || x.Started.IsZero() {
				t.Errorf("%+v", x)
			}
			if x.Status != tt.want.Status || string(x.Request) != string(tt.want.Request) || string(x.Response) != string(tt.want.Response) ||
				x.RequestSize != tt.want.RequestSize || x.ResponseSize != tt.want.ResponseSize {
				t.Errorf("kept %d %q of %d, %q of %d", x.Status, x.Request, x.RequestSize, x.Response, x.ResponseSize)
			}
		})
	}
}
