package models

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
)

func day(t *testing.T, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// at opens a home whose clock shows a day, with one model that answers every chat name.
func at(t *testing.T, date string) (*Registry, *clock.Fake) {
	t.Helper()
	clk := clock.NewFake(day(t, date))
	return open(t, func(o *Options) {
		o.Clock = clk
		o.Settings.Remotes = []Remote{{Name: "up", URL: "http://127.0.0.1:9/v1", Models: []RemoteModel{{Name: "m"}, {Name: "other"}}}}
		o.Settings.Defaults = nil
	}), clk
}

// TestBuiltInCalendarHolds: every date is one, in order, and every snapshot exists.
func TestBuiltInCalendarHolds(t *testing.T) {
	rows, err := builtinAliases()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, a := range rows {
		if names[a.Name] {
			t.Errorf("%s is there twice", a.Name)
		}
		names[a.Name] = true
	}
	for _, a := range rows {
		if !a.Announced.Valid() || !a.Shutdown.Valid() || a.Announced.Time().After(a.Shutdown.Time()) || (a.Shutdown != "") != (a.Replacement != "") {
			t.Errorf("%s: announced %q, shut down %q, replacement %q", a.Name, a.Announced, a.Shutdown, a.Replacement)
		}
		last := time.Time{}
		for _, m := range a.Moves {
			if !names[m.To] || !m.From.Time().After(last) {
				t.Errorf("%s: move %+v after %v", a.Name, m, last)
			}
			last = m.From.Time()
		}
		if a.Encoding == "" {
			t.Errorf("%s says no encoding", a.Name)
		}
	}
}

// TestNamesMoveOnTheirDays is the history as it was.
func TestNamesMoveOnTheirDays(t *testing.T) {
	for _, tt := range []struct {
		name, date, snapshot string
		window               int
		input                float64
	}{
		{"gpt-3.5-turbo", "2023-06-26", "gpt-3.5-turbo-0301", 4096, 0.0015},
		{"gpt-3.5-turbo", "2023-06-27", "gpt-3.5-turbo-0613", 4096, 0.0015},
		{"gpt-3.5-turbo", "2023-12-12", "gpt-3.5-turbo-0613", 4096, 0.0015},
		{"gpt-3.5-turbo", "2024-02-16", "gpt-3.5-turbo-0125", 16385, 0.0005},
		{"gpt-4", "2023-06-26", "gpt-4-0314", 8192, 0.03},
		{"gpt-4", "2030-01-01", "gpt-4-0613", 8192, 0.03},
		{"davinci", "2024-01-03", "davinci", 2049, 0.02},
		{"davinci", "2024-01-04", "davinci-002", 2049, 0.02},
		{"ada", "2024-01-04", "babbage-002", 2049, 0.0004},
		{"gpt-4-turbo-preview", "2024-01-25", "gpt-4-0125-preview", 128000, 0.01},
		{"gpt-3.5-turbo-0301", "2024-01-25", "gpt-3.5-turbo-0301", 4096, 0.0015},
	} {
		r, _ := at(t, tt.date)
		got := r.resolve(t, tt.name)
		if got.Snapshot != tt.snapshot || got.Window != tt.window || got.Price.Input == nil || *got.Price.Input != tt.input {
			t.Errorf("%s on %s: %s, window %d, price %v", tt.name, tt.date, got.Snapshot, got.Window, got.Price.Input)
		}
		if strings.HasPrefix(tt.name, "gpt") && got.Encoding != "cl100k_base" || tt.name == "davinci" && got.Encoding != "r50k_base" {
			t.Errorf("%s on %s: encoding %q", tt.name, tt.date, got.Encoding)
		}
	}
}

// TestMidnightPassesWhileRunning: no restart, no reload.
func TestMidnightPassesWhileRunning(t *testing.T) {
	r, clk := at(t, "2023-06-26")
	if got := r.resolve(t, "gpt-3.5-turbo").Snapshot; got != "gpt-3.5-turbo-0301" {
		t.Fatal(got)
	}
	before := r.current()
	clk.Advance(23 * time.Hour)
	if r.current() != before {
		t.Error("a new snapshot was made though no date had come")
	}
	clk.Advance(time.Hour)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := r.Resolve(t.Context(), actor.Actor{}, "gpt-3.5-turbo"); err != nil || got.Snapshot != "gpt-3.5-turbo-0613" {
				t.Error(got.Snapshot, err)
			}
		})
	}
	wg.Wait()
	clk.Advance(-24 * time.Hour)
	if got := r.resolve(t, "gpt-3.5-turbo").Snapshot; got != "gpt-3.5-turbo-0301" {
		t.Errorf("a clock that was set back: %s", got)
	}
}

// TestShutdown: a name is kept, or fails as in the original, by its entry.
func TestShutdown(t *testing.T) {
	r, clk := at(t, "2023-07-05")
	who := actor.Actor{Org: "org-a"}
	if got := r.resolve(t, "text-davinci-003"); !got.Deprecated.IsZero() || !got.Sunset.IsZero() {
		t.Errorf("before the announcement: %+v", got)
	}
	clk.Advance(24 * time.Hour)
	if got := r.resolve(t, "text-davinci-003"); !got.Deprecated.Equal(day(t, "2023-07-06")) || !got.Sunset.Equal(day(t, "2024-01-04")) {
		t.Errorf("after it: %v %v", got.Deprecated, got.Sunset)
	}
	clk.Advance(day(t, "2024-01-04").Sub(day(t, "2023-07-06")))
	m, err := r.Get(t.Context(), who, "text-davinci-003")
	if err != nil || m.Shutdown != "2024-01-04" || m.Deprecated != "2023-07-06" || m.Replacement != "gpt-3.5-turbo-instruct" || m.Served != "up/m" {
		t.Errorf("kept: %+v, %v", m, err)
	}
	if err := r.SetCalendar(map[string][]Alias{"": {{Name: "text-davinci-003", After: Fail}}}); err != nil {
		t.Fatal(err)
	}
	want := "The model `text-davinci-003` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations (it was shut down on 2024-01-04; use `gpt-3.5-turbo-instruct` instead)"
	for _, err := range []error{second(r.Resolve(t.Context(), who, "text-davinci-003")), second(r.Get(t.Context(), who, "text-davinci-003"))} {
		if f := fault.As(err); f == nil || f.Kind != fault.NotFound || f.Code != "model_not_found" || f.Param != "" || f.Message != want {
			t.Errorf("failing: %#v", err)
		}
	}
	for _, m := range must(r.List(t.Context(), who)) {
		if m.ID == "text-davinci-003" {
			t.Error("a failing name is listed")
		}
	}
	clk.Advance(-24 * time.Hour)
	if got := r.resolve(t, "text-davinci-003"); got.Served != "up/m" {
		t.Errorf("it fails before its day: %+v", got)
	}
}

func second[T any](_ T, err error) error { return err }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestPrices: each price of a name can be changed for all or for one organization; what an organization leaves out is what the layers below
// say, and what a stable name leaves out is its snapshot's.
func TestPrices(t *testing.T) {
	r, _ := at(t, "2024-01-25")
	p := func(v float64) *float64 { return &v }
	err := r.SetCalendar(map[string][]Alias{
		"":      {{Name: "gpt-4-0613", ImagePrice: p(0.04), MinutePrice: p(0.006), SpeechPrice: p(0.015), CachedPrice: p(0.01)}},
		"org-a": {{Name: "gpt-4-0613", ImagePrice: p(0.02), OutputPrice: p(0)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for org, want := range map[string]string{"org-a": "0.03 0.01 0 0.02 0.006 0.015", "org-b": "0.03 0.01 0.06 0.04 0.006 0.015"} {
		for _, name := range []string{"gpt-4-0613", "gpt-4"} {
			got := must(r.Resolve(t.Context(), actor.Actor{Org: org}, name)).Price
			if text := fmt.Sprint(*got.Input, *got.Cached, *got.Output, *got.Image, *got.Minute, *got.Speech); text != want {
				t.Errorf("%s, %s: %s, want %s", org, name, text, want)
			}
		}
		for _, e := range r.Calendar(actor.Actor{Org: org}) {
			if e.Name != "gpt-4" {
				continue
			}
			d := e.Today
			if text := fmt.Sprint(*d.Input, *d.Cached, *d.Output, *d.Image, *d.Minute, *d.Speech); text != want {
				t.Errorf("%s, shown: %s, want %s", org, text, want)
			}
		}
	}
}

// TestLayers: what an organization says lies over what the installation says, and only it sees that.
func TestLayers(t *testing.T) {
	r, _ := at(t, "2024-01-25")
	price := 1.5
	err := r.SetCalendar(map[string][]Alias{
		"":      {{Name: "gpt-4", Shutdown: "2024-01-01", Announced: "2023-12-01", Replacement: "mine"}, {Name: "mine", Served: "other", Kind: UseChat, Window: 100}},
		"org-a": {{Name: "gpt-4", After: Fail}, {Name: "gpt-3.5-turbo-0613", Served: "other"}, {Name: "only-a", Served: "m", InputPrice: &price, Encoding: Native}},
		"org-b": {{Name: "gpt-4", Shutdown: Never, Moves: []Move{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	resolve := func(org, name string) Resolved {
		t.Helper()
		return must(r.Resolve(t.Context(), actor.Actor{Org: org}, name))
	}
	if got := resolve("org-c", "gpt-4"); got.Sunset.IsZero() || got.Served != "up/m" || got.Snapshot != "gpt-4-0613" {
		t.Errorf("another organization's gpt-4: %+v", got)
	}
	if _, err := r.Resolve(t.Context(), actor.Actor{Org: "org-a"}, "gpt-4"); fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "use `mine` instead") {
		t.Errorf("org-a's gpt-4: %v", err)
	}
	if got := resolve("org-b", "gpt-4"); !got.Sunset.IsZero() || got.Snapshot != "gpt-4" {
		t.Errorf("org-b's gpt-4: %+v", got)
	}
	// The stable name follows what answers for its snapshot.
	if a, c := resolve("org-a", "gpt-3.5-turbo"), resolve("org-c", "gpt-3.5-turbo"); a.Served != "other" || c.Served != "up/m" {
		t.Errorf("org-a's gpt-3.5-turbo is answered by %s, others' by %s", a.Served, c.Served)
	}
	if got := resolve("org-c", "mine"); got.Served != "other" || got.Window != 100 {
		t.Errorf("mine: %+v", got)
	}
	if got := resolve("org-a", "only-a"); got.Served != "m" || got.Encoding != "" || *got.Price.Input != 1.5 {
		t.Errorf("only-a: %+v", got)
	}
	if _, err := r.Resolve(t.Context(), actor.Actor{Org: "org-c"}, "only-a"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another organization resolves only-a: %v", err)
	}
	entries := map[string]Entry{}
	for _, e := range r.Calendar(actor.Actor{Org: "org-a"}) {
		entries[e.Name] = e
	}
	for name, want := range map[string][2]string{"gpt-4": {"organization", "failing"}, "mine": {"installation", "current"}, "text-davinci-003": {"built_in", "shut_down"},
		"gpt-4-0314": {"built_in", "deprecated"}, "only-a": {"organization", "current"}} {
		if e := entries[name]; string(e.Layer) != want[0] || string(e.Today.State) != want[1] || (e.Changes != nil) != (want[0] != "built_in") {
			t.Errorf("%s: %s, %s, changes %+v", name, e.Layer, e.Today.State, e.Changes)
		}
	}
}
