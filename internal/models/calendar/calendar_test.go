package calendar

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var begin = time.Date(2024, 1, 25, 12, 0, 0, 0, time.UTC)

// open makes a server's part: a registry of its own, whose names a remote model answers, on a shared
// database and bus.
func open(t *testing.T, db *store.DB, hints bus.Bus) (*Service, *models.Registry) {
	t.Helper()
	clk := clock.NewFake(begin)
	reg, err := models.Open(models.Options{Home: t.TempDir(), Cache: t.TempDir(), HTTP: http.DefaultClient, Clock: clk, Settings: models.Settings{
		Remotes: []models.Remote{{Name: "up", URL: "http://127.0.0.1:9/v1", Models: []models.RemoteModel{{Name: "m"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), Options{DB: db, Bus: hints, Clock: clk, Logger: slog.New(slog.DiscardHandler), Models: reg})
	if err != nil {
		t.Fatal(err)
	}
	return s, reg
}

func resolves(reg *models.Registry, org, name string) error {
	_, err := reg.Resolve(context.Background(), actor.Actor{Org: org}, name)
	return err
}

func TestChangesAreKeptAndSeen(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		hints := bus.NewLocal()
		s, reg := open(t, db, hints)
		if err := s.Set(t.Context(), operator, "", models.Alias{Name: "text-davinci-003", After: models.Fail}); err != nil {
			t.Fatal(err)
		}
		if err := s.Set(t.Context(), operator, "org-a", models.Alias{Name: "text-davinci-003", After: models.Keep}); err != nil {
			t.Fatal(err)
		}
		if err := s.Set(t.Context(), operator, "org-a", models.Alias{Name: "our/model", Served: "m", Moves: []models.Move{}}); err != nil {
			t.Fatal(err)
		}
		// A server that starts later, or again, sees the same.
		_, other := open(t, db, hints)
		for i, reg := range []*models.Registry{reg, other} {
			if err := resolves(reg, "org-b", "text-davinci-003"); fault.KindOf(err) != fault.NotFound {
				t.Errorf("server %d, org-b: %v", i, err)
			}
			if err := resolves(reg, "org-a", "text-davinci-003"); err != nil {
				t.Errorf("server %d, org-a: %v", i, err)
			}
			if err := resolves(reg, "org-a", "our/model"); err != nil {
				t.Errorf("server %d, org-a's own name: %v", i, err)
			}
		}
		e, err := s.Get(actor.Actor{Org: "org-a"}, "our/model")
		if err != nil || e.Changes == nil || e.Changes.Moves == nil || e.Layer != models.LayerOrganization {
			t.Errorf("%+v, %v: an empty list of moves is not none", e, err)
		}
		logged := ""
		if err := audit.New(db, s.o.Clock).Export(t.Context(), operator, audit.Filter{Objects: []string{"text-davinci-003"}}, func(l audit.Line) error {
			logged += fmt.Sprintf("%s by %s: %s → %s; ", l.Type, l.User, l.Before, l.After)
			return nil
		}); err != nil || !strings.Contains(logged, `calendar_entry.updated by user-1:  → {"name":"text-davinci-003","after":"fail"}; `) {
			t.Errorf("%v %s", err, logged)
		}
		if err := s.Reset(t.Context(), operator, "", "text-davinci-003"); err != nil {
			t.Fatal(err)
		}
		if err := resolves(reg, "org-b", "text-davinci-003"); err != nil {
			t.Errorf("after it was taken back: %v", err)
		}
		if err := s.Reset(t.Context(), operator, "org-b", "our/model"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization took it back: %v", err)
		}
	})
}

// TestAnotherServerIsToldAtOnce: by the bus, not by its look every ten seconds.
func TestAnotherServerIsToldAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		hints := bus.NewLocal()
		one, _ := open(t, db, hints)
		two, reg := open(t, db, hints)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { two.Run(ctx); close(done) }()
		deadline := time.Now().Add(lookAgain / 2)
		// The hint may come before the other one listens: then it is given again.
		for n := 1; resolves(reg, "org-a", "gpt-4") == nil; n++ {
			if time.Now().After(deadline) {
				t.Fatal("the other server was not told")
			}
			if err := one.Set(ctx, operator, "", models.Alias{Name: "gpt-4", Announced: "2023-01-01", Shutdown: "2023-01-02", After: models.Fail, Window: n}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
		stop()
		<-done
	})
}

// organizationOf is a fake of identity's: there are two.
func organizationOf(r *http.Request) (string, error) {
	org := r.URL.Query().Get("organization")
	if org == "" || org == "org-a" || org == "org-b" {
		return org, nil
	}
	return "", fault.New(fault.NotFound, "No such organization.")
}

// TestTheOperatorNamesOrganizationsThatExist: a change for an id that was mistyped would be in force for nobody.
func TestTheOperatorNamesOrganizationsThatExist(t *testing.T) {
	s, reg := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	mux := http.NewServeMux()
	var failed error
	for _, route := range s.AdminRoutes(organizationOf) {
		mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, r *http.Request) { failed = route.Handle(w, r) })
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		for _, tt := range []struct {
			org   string
			known bool
		}{{"", true}, {"org-b", true}, {"org-nope", false}} {
			path := "/admin/calendar"
			if method != http.MethodGet {
				path += "/text-davinci-003"
			}
			r := httptest.NewRequest(method, path+"?organization="+tt.org, strings.NewReader(`{"after": "fail"}`))
			r.Header.Set("Content-Type", "application/json")
			failed = nil
			mux.ServeHTTP(httptest.NewRecorder(), r)
			if tt.known && failed != nil || !tt.known && fault.KindOf(failed) != fault.NotFound {
				t.Errorf("%s for %q: %v", method, tt.org, failed)
			}
		}
		if method == http.MethodPut && (resolves(reg, "org-b", "text-davinci-003") == nil || resolves(reg, "org-nope", "text-davinci-003") == nil) {
			t.Error("the changes of all are not in force")
		}
	}
}

func TestBadChangesAreRefused(t *testing.T) {
	s, reg := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	negative, infinite := -1.0, math.Inf(1)
	for _, tt := range []struct {
		name  string
		entry models.Alias
		param string
	}{
		{"no name", models.Alias{}, "name"},
		{"blank", models.Alias{Name: " x"}, "name"},
		{"control", models.Alias{Name: "x\x00"}, "name"},
		{"long name", models.Alias{Name: strings.Repeat("x", 201)}, "name"},
		{"day", models.Alias{Name: "x", Shutdown: "4 January 2024"}, "shutdown"},
		{"no such day", models.Alias{Name: "x", Announced: "2024-02-30"}, "announced"},
		{"kind", models.Alias{Name: "x", Kind: "talk"}, "kind"},
		{"serves", models.Alias{Name: "x", Serves: "library"}, "serves"},
		{"after", models.Alias{Name: "x", After: "explode"}, "after"},
		{"encoding", models.Alias{Name: "x", Encoding: "utf-8"}, "encoding"},
		{"count", models.Alias{Name: "x", Count: "words"}, "count"},
		{"count without an encoding", models.Alias{Name: "x", Encoding: models.Native, Count: models.CountEncoding}, "count"},
		{"window", models.Alias{Name: "x", Window: -1}, "window"},
		{"dimensions", models.Alias{Name: "x", Dimensions: 12289}, "dimensions"},
		{"created", models.Alias{Name: "x", Created: -1}, "created"},
		{"price", models.Alias{Name: "x", InputPrice: &negative}, "input_price"},
		{"price of an image", models.Alias{Name: "x", ImagePrice: &negative}, "image_price"},
		{"price of a minute", models.Alias{Name: "x", MinutePrice: &negative}, "minute_price"},
		{"price of speech", models.Alias{Name: "x", SpeechPrice: &negative}, "speech_price"},
		{"price of what is cached", models.Alias{Name: "x", CachedPrice: &negative}, "cached_price"},
		{"endless price", models.Alias{Name: "x", OutputPrice: &infinite}, "output_price"},
		{"replacement", models.Alias{Name: "x", Replacement: strings.Repeat("x", 201)}, "replacement"},
		{"move's day", models.Alias{Name: "x", Moves: []models.Move{{From: models.Never, To: "gpt-4"}}}, "moves[0].from"},
		{"move to itself", models.Alias{Name: "gpt-4", Moves: []models.Move{{From: "2024-01-01", To: "gpt-4"}}}, "moves[0].to"},
		{"move to nothing", models.Alias{Name: "gpt-4", Moves: []models.Move{{From: "2024-01-01", To: "gpt-4-0613"}, {From: "2024-01-02", To: "gpt-9"}}}, "moves[1].to"},
		{"moves", models.Alias{Name: "x", Moves: make([]models.Move, 101)}, "moves"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if f := fault.As(s.Set(t.Context(), operator, "", tt.entry)); f == nil || f.Kind != fault.Invalid || f.Param != tt.param {
				t.Errorf("%+v", f)
			}
		})
	}
	for _, e := range reg.Calendar(actor.Actor{}) {
		if e.Changes != nil {
			t.Errorf("%s was changed", e.Name)
		}
	}
}

// operator is who makes the changes.
var operator = actor.Actor{Org: "org-operator", User: "user-1"}
