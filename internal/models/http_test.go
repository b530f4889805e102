package models

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

func TestRoutes(t *testing.T) {
	r := open(t, func(o *Options) {
		o.Settings.Remotes = []Remote{{Name: "up", URL: "http://127.0.0.1:9/v1", Models: []RemoteModel{{Name: "org/m"}}}}
	})
	mux := http.NewServeMux()
	var failed error
	for _, route := range (&API{Registry: r}).Routes() {
		mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, req *http.Request) { failed = route.Handle(w, req) })
	}
	get := func(path string) string {
		t.Helper()
		failed = nil
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Body.String()
	}
	var page Page
	if err := json.Unmarshal([]byte(get("/v1/models")), &page); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	if page.Object != "list" || len(page.Data) < 10 || page.Data[0].ID != "gpt-3.5-turbo" || page.Data[0].Served != "up/org/m" {
		t.Errorf("%+v", page)
	}
	want := `{"id":"up/org/m","object":"model","created":0,"owned_by":"up","served_by":"up/org/m","kind":"chat","alias":false}`
	for _, path := range []string{"/v1/models/up/org/m", "/v1/models/up%2Forg%2Fm"} {
		if got := strings.TrimSpace(get(path)); got != want || failed != nil {
			t.Errorf("%s: %s, %v", path, got, failed)
		}
	}
	var engines EnginePage
	if err := json.Unmarshal([]byte(get("/v1/engines")), &engines); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	if engines.Object != "list" || len(engines.Data) != len(page.Data) || engines.Data[0].ID != page.Data[0].ID {
		t.Errorf("%+v", engines)
	}
	want = `{"id":"up/org/m","object":"engine","created":null,"owner":"up","permissions":null,"ready":true}`
	for _, path := range []string{"/v1/engines/up/org/m", "/v1/engines/up%2Forg%2Fm"} {
		if got := strings.TrimSpace(get(path)); got != want || failed != nil {
			t.Errorf("%s: %s, %v", path, got, failed)
		}
	}
	for _, path := range []string{"/v1/models/foo", "/v1/engines/foo"} {
		get(path)
		if f := fault.As(failed); f == nil || f.Code != "model_not_found" {
			t.Errorf("%s: %v", path, failed)
		}
	}
	empty := open(t, nil)
	w := httptest.NewRecorder()
	if err := (&API{Registry: empty}).list(w, httptest.NewRequest(http.MethodGet, "/v1/models", nil)); err != nil || strings.TrimSpace(w.Body.String()) != `{"object":"list","data":[]}` {
		t.Errorf("an empty home: %s, %v", w.Body, err)
	}
}
