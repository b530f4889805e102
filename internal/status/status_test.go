package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	noon     = time.Date(2024, 1, 25, 12, 0, 0, 0, time.UTC)
	operator = actor.Actor{Org: "org-operator", User: "user-1", Operator: true}
)

// world is a service whose probes say what the test sets.
type world struct {
	*Service
	t     *testing.T
	clock *clock.Fake
	found map[string]Finding
}

func open(t *testing.T, db *store.DB, clk *clock.Fake) *world {
	t.Helper()
	w := &world{t: t, clock: clk, found: map[string]Finding{}}
	o := Options{DB: db, Clock: clk, Logger: slog.New(slog.DiscardHandler), Meter: &Meter{}, Title: "Parley status", URL: func() string { return "http://parley.test" }, Probes: map[string]Probe{}}
	for _, c := range []string{API, Models, Database} {
		w.found[c] = Finding{State: Operational}
		o.Probes[c] = func(context.Context) Finding { return w.found[c] }
	}
	o.Meter.Measure([]httpapi.Route{{Path: "/v1/chat/completions", Op: "chat"}, {Path: "/api/chats", Op: "chats"}, {Path: "/status", Op: "page"}})
	w.Service = New(o)
	return w
}

// minutes lets the service look once in each of some minutes.
func (w *world) minutes(n int) {
	for range n {
		w.look(w.t.Context())
		w.clock.Advance(time.Minute)
	}
	w.again()
}

// again has the next view read from the database.
func (w *world) again() {
	w.mu.Lock()
	w.readAt = time.Time{}
	w.mu.Unlock()
}

// days are a component's, as texts.
func (w *world) days(component string) string {
	w.t.Helper()
	w.again()
	var out []string
	for _, c := range w.view(w.t.Context()).components {
		if c.ID == component {
			for _, d := range c.Days {
				out = append(out, fmt.Sprintf("%s %d/%d/%d/%d", d.Date[5:], d.Operational, d.Degraded, d.Down, d.Absent))
			}
		}
	}
	return strings.Join(out, ", ")
}

func (w *world) incidents() []Incident {
	w.t.Helper()
	list, _, err := w.List(w.t.Context(), store.Paging{})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func each(t *testing.T, f func(t *testing.T, db *store.DB, clk *clock.Fake)) {
	storetest.Run(t, func(t *testing.T, db *store.DB) { f(t, db, clock.NewFake(noon)) })
}

// TestMinutesAreCounted by day, once, with the worst that was found, over midnight.
func TestMinutesAreCounted(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clk *clock.Fake) {
		w := open(t, db, clk)
		w.minutes(5)
		if got := w.days(API); got != "01-25 5/0/0/0" {
			t.Errorf("%s", got)
		}
		w.look(t.Context())
		w.look(t.Context())
		w.found[Models] = Finding{Degraded, "slow"}
		w.look(t.Context())
		w.found[Models] = Finding{Operational, ""}
		w.look(t.Context())
		if got := w.days(Models); got != "01-25 5/1/0/0" {
			t.Errorf("the worst of a minute counts: %s", got)
		}
		clk.Advance(11*time.Hour + 54*time.Minute) // 23:59
		w.minutes(2)
		if got := w.days(API); got != "01-25 7/0/0/713, 01-26 1/0/0/0" {
			t.Errorf("%s", got)
		}
	})
}

// TestTwoServersCountAMinuteOnce, and the worse of what they found.
func TestTwoServersCountAMinuteOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clk *clock.Fake) {
		a, b := open(t, db, clk), open(t, db, clk)
		b.found[Models] = Finding{Down, "its disk is full"}
		for range 4 {
			a.look(t.Context())
			b.look(t.Context())
			a.look(t.Context())
			clk.Advance(time.Minute)
		}
		if got := a.days(Models); got != "01-25 0/0/4/0" {
			t.Errorf("%s", got)
		}
		if got := a.days(API); got != "01-25 4/0/0/0" {
			t.Errorf("%s", got)
		}
		clk.Advance(-time.Minute)
		a.again()
		for _, c := range a.view(t.Context()).components {
			if c.ID == Models && c.State != Down {
				t.Errorf("what the other server found: %+v", c)
			}
		}
		if in := a.incidents(); len(in) != 1 {
			t.Errorf("%d incidents for one fault", len(in))
		}
	})
}

// TestTimeWithoutAServer is no uptime, and an incident when it is longer than a restart.
func TestTimeWithoutAServer(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clk *clock.Fake) {
		open(t, db, clk).minutes(2)
		clk.Advance(time.Minute) // a restart
		w := open(t, db, clk)
		w.minutes(1)
		if got := w.days(API); got != "01-25 3/0/0/1" || len(w.incidents()) != 0 {
			t.Errorf("a restart: %s, %v", got, w.incidents())
		}
		clk.Advance(36 * time.Hour)
		w = open(t, db, clk)
		w.minutes(1)
		if got := w.days(API); got != "01-25 3/0/0/717, 01-26 0/0/0/1440, 01-27 1/0/0/4" {
			t.Errorf("%s", got)
		}
		in := w.incidents()
		if len(in) != 1 || in[0].Name != "The server did not run" || in[0].Status != Resolved || in[0].Resolved.Sub(in[0].Started) != 36*time.Hour || !in[0].Automatic ||
			!strings.Contains(in[0].Updates[0].Body, "1 day 12 hours") {
			t.Errorf("%+v", in)
		}
		up := w.view(t.Context()).components[0].Up
		if up == nil || *up > 0.01 {
			t.Errorf("uptime %v", up)
		}
	})
}

// TestIncidentsOpenAndCloseByThemselves after three minutes, and when the component is back.
func TestIncidentsOpenAndCloseByThemselves(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clk *clock.Fake) {
		w := open(t, db, clk)
		w.minutes(1)
		w.found[Models] = Finding{Down, "secret words of an engine"}
		w.minutes(3)
		if n := len(w.incidents()); n != 0 {
			t.Errorf("%d incidents before the third minute was over", n)
		}
		w.minutes(1)
		in := w.incidents()
		if len(in) != 1 || in[0].Status != Investigating || in[0].Impact != ImpactMajor || strings.Join(in[0].Components, " ") != Models || !in[0].Started.Equal(noon.Add(time.Minute)) ||
			strings.Contains(in[0].Updates[0].Body, "secret") {
			t.Fatalf("%+v", in)
		}
		if o := w.view(t.Context()).overall(); o != Major {
			t.Errorf("overall %s", o)
		}
		w.minutes(10)
		if n := len(w.incidents()); n != 1 {
			t.Errorf("%d incidents for one fault", n)
		}
		w.found[Models] = Finding{Operational, ""}
		w.minutes(2)
		in = w.incidents()
		if len(in) != 1 || in[0].Status != Resolved || in[0].Resolved == nil || len(in[0].Updates) != 2 || in[0].Updates[0].Status != Resolved {
			t.Errorf("%+v", in)
		}
		// One that an operator closed stays as it is, and is not opened again while the same goes on.
		w.found[Models] = Finding{Down, ""}
		w.minutes(5)
		id := w.incidents()[0].ID
		if _, err := w.Write(t.Context(), operator, id, NewUpdate{Body: "We know.", Status: Resolved}); err != nil {
			t.Fatal(err)
		}
		w.minutes(5)
		w.found[Models] = Finding{Operational, ""}
		w.minutes(2)
		if in := w.incidents(); len(in) != 2 || len(in[0].Updates) != 2 {
			t.Errorf("%+v", in)
		}
		// Nor is one that an operator deleted.
		w.found[Models] = Finding{Down, ""}
		w.minutes(5)
		if err := w.Delete(t.Context(), operator, w.incidents()[0].ID); err != nil {
			t.Fatal(err)
		}
		w.minutes(5)
		w.found[Models] = Finding{Operational, ""}
		w.minutes(2)
		if in := w.incidents(); len(in) != 2 {
			t.Errorf("%+v", in)
		}
	})
}

// TestMinutesWaitForTheDatabase and are written when it is back.
func TestMinutesWaitForTheDatabase(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clk *clock.Fake) {
		w := open(t, db, clk)
		w.minutes(2)
		w.view(t.Context())
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 3 { // a database that does not answer is one whose context has ended
			w.mu.Lock()
			w.note(clk.Now().Unix()/60, map[string]Finding{API: {Degraded, ""}, Models: {Operational, ""}, Database: {Down, ""}})
			w.mu.Unlock()
			if err := w.flush(gone); err == nil {
				t.Fatal("it was written")
			}
			clk.Advance(time.Minute)
		}
		w.again()
		if v := w.view(gone); len(v.components) != 3 || len(v.components[0].Days) != 1 {
			t.Errorf("what was read before is shown: %+v", v.components)
		}
		w.minutes(1)
		if got := w.days(API) + "; " + w.days(Database); got != "01-25 3/3/0/0; 01-25 3/0/3/0" {
			t.Errorf("%s", got)
		}
	})
}

func TestOldDaysAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clk *clock.Fake) {
		w := open(t, db, clk)
		w.minutes(10)
		clk.Advance(time.Hour)
		w.minutes(1)
		if len(w.incidents()) != 1 {
			t.Fatal("an hour without a server is one")
		}
		for range 5 {
			clk.Advance(100 * 24 * time.Hour)
			w.minutes(1)
		}
		var first string
		var rows int
		if err := db.Read().QueryRow(t.Context(), `SELECT min(day), count(*) FROM status_days WHERE component = 'api'`).Scan(&first, &rows); err != nil {
			t.Fatal(err)
		}
		if first <= "2024-01-25" || rows > keepDays+1 {
			t.Errorf("from %s on, %d rows", first, rows)
		}
		for _, in := range w.incidents() {
			if clk.Now().Sub(in.Started) > (keepDays+101)*24*time.Hour {
				t.Errorf("%+v is still there", in)
			}
		}
	})
}

func TestShareOfFailedRequests(t *testing.T) {
	w := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.NewFake(noon))
	send := func(n, status int) {
		for range n {
			w.o.Meter.RequestDone("chat", status)
		}
	}
	state := func() State { return w.probe(t.Context())[API].State }
	send(2, 500)
	if s := state(); s != Operational {
		t.Errorf("two failures say nothing: %s", s)
	}
	send(1, 503)
	if s := state(); s != Down {
		t.Errorf("three of three: %s", s)
	}
	send(50, 200)
	if s := state(); s != Degraded {
		t.Errorf("3 of 53: %s", s)
	}
	send(50, 429)
	w.o.Meter.RequestDone("page", 500)
	if s := state(); s != Operational {
		t.Errorf("3 of 103, and what is no API: %s", s)
	}
	send(200, 500)
	for range slots {
		w.o.Meter.turn()
	}
	if s := state(); s != Operational {
		t.Errorf("five minutes later: %s", s)
	}
}

// TestAProbeThatHangsIsDown, and does not keep others from being told.
func TestAProbeThatHangsIsDown(t *testing.T) {
	w := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.NewFake(noon))
	w.o.Probes[Models] = func(ctx context.Context) Finding { <-ctx.Done(); select {} }
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	got := w.probe(ctx)
	if got[Models].State != Down || got[API].State != Operational {
		t.Errorf("%+v", got)
	}
}

func TestIncidentsByHand(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clk *clock.Fake) {
		w := open(t, db, clk)
		w.minutes(1)
		in, err := w.Create(t.Context(), operator, NewIncident{Name: " Slow answers ", Body: "We look.", Components: []string{API}})
		if err != nil || in.Name != "Slow answers" || in.Status != Investigating || in.Impact != ImpactMinor {
			t.Fatalf("%+v %v", in, err)
		}
		if o := w.view(t.Context()).overall(); o != Minor {
			t.Errorf("the page shows it at once: %s", o)
		}
		clk.Advance(time.Minute)
		if in, err = w.Write(t.Context(), operator, in.ID, NewUpdate{Body: "A disk.", Status: Identified}); err != nil || in.Status != Identified || len(in.Updates) != 2 || in.Updates[0].Body != "A disk." {
			t.Errorf("%+v %v", in, err)
		}
		if in, err = w.Rewrite(t.Context(), operator, in.ID, in.Updates[0].ID, "A full disk."); err != nil || in.Updates[0].Body != "A full disk." {
			t.Errorf("%+v %v", in, err)
		}
		impact := ImpactCritical
		if in, err = w.Edit(t.Context(), operator, in.ID, Edit{Impact: &impact}); err != nil || in.Impact != ImpactCritical || in.Name != "Slow answers" {
			t.Errorf("%+v %v", in, err)
		}
		clk.Advance(time.Minute)
		if in, err = w.Write(t.Context(), operator, in.ID, NewUpdate{Body: "Mended.", Status: Resolved}); err != nil || in.Resolved == nil {
			t.Errorf("%+v %v", in, err)
		}
		clk.Advance(time.Minute)
		if in, err = w.Write(t.Context(), operator, in.ID, NewUpdate{Body: "Not yet.", Status: Monitoring}); err != nil || in.Resolved != nil {
			t.Errorf("%+v %v", in, err)
		}
		if err := w.Delete(t.Context(), operator, in.ID); err != nil {
			t.Fatal(err)
		}
		logged := map[string]int{}
		if err := audit.New(db, clk).Export(t.Context(), operator, audit.Filter{Objects: []string{in.ID}}, func(l audit.Line) error {
			logged[l.Type]++
			return nil
		}); err != nil || logged["incident.created"] != 1 || logged["incident.updated"] != 5 || logged["incident.deleted"] != 1 {
			t.Errorf("%v %v", logged, err)
		}
		_, get := w.Get(t.Context(), in.ID)
		_, write := w.Write(t.Context(), operator, in.ID, NewUpdate{Body: "x"})
		for what, err := range map[string]error{"get": get, "write": write, "delete": w.Delete(t.Context(), operator, in.ID)} {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s of none: %v", what, err)
			}
		}
	})
}

func TestBadIncidents(t *testing.T) {
	w := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.NewFake(noon))
	in, err := w.Create(t.Context(), operator, NewIncident{Name: "x", Body: "y"})
	if err != nil {
		t.Fatal(err)
	}
	param := func(err error) string {
		if f := fault.As(err); f != nil && f.Kind == fault.Invalid {
			return f.Param
		}
		return fmt.Sprint(err)
	}
	for want, n := range map[string]NewIncident{
		"name": {Body: "y"}, "body": {Name: "x"}, "status": {Name: "x", Body: "y", Status: "open"}, "impact": {Name: "x", Body: "y", Impact: "huge"},
		"components": {Name: "x", Body: "y", Components: []string{"coffee"}},
	} {
		if _, err := w.Create(t.Context(), operator, n); param(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := w.Create(t.Context(), operator, NewIncident{Name: "two\nlines", Body: "y"}); param(err) != "name" {
		t.Errorf("a name of two lines: %v", err)
	}
	name := "a\tb"
	if _, err := w.Edit(t.Context(), operator, in.ID, Edit{Name: &name}); param(err) != "name" {
		t.Errorf("a name with a tabulator: %v", err)
	}
	long := strings.Repeat("ü", maxBody+1)
	_, tooLong := w.Write(t.Context(), operator, in.ID, NewUpdate{Body: long})
	_, nul := w.Write(t.Context(), operator, in.ID, NewUpdate{Body: "a\x00"})
	_, empty := w.Rewrite(t.Context(), operator, in.ID, in.Updates[0].ID, " ")
	for what, err := range map[string]error{"long": tooLong, "nul": nul, "empty": empty} {
		if param(err) != "body" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := w.Rewrite(t.Context(), operator, in.ID, "update_x", "text"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another's update: %v", err)
	}
}

// TestRunEndsWithItsContext and has looked at once.
func TestRunEndsWithItsContext(t *testing.T) {
	w := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.NewFake(noon))
	ctx, stop := context.WithCancelCause(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	<-w.first
	for w.days(API) == "" {
		time.Sleep(time.Millisecond)
	}
	stop(errors.New("the end of the test"))
	<-done
}

// TestADatabaseThatHangs: neither the page nor the probing wait for a database that takes connections and answers nothing.
func TestADatabaseThatHangs(t *testing.T) {
	db := storetest.Open(t, storetest.Postgres(t), store.Options{})
	w := open(t, db, clock.NewFake(noon))
	w.minutes(1)
	if got := w.days(API); got != "01-25 1/0/0/0" {
		t.Fatal(got)
	}
	held, let := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- db.Tx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `LOCK TABLE status_days, status_marks IN ACCESS EXCLUSIVE MODE`)
			close(held)
			<-let
			return err
		})
	}()
	<-held
	w.found[API] = Finding{Down, "away"}
	w.again()
	looked := make(chan string)
	go func() {
		w.look(t.Context())
		looked <- fmt.Sprint(w.view(t.Context()).components[0].State)
	}()
	select {
	case got := <-looked:
		if got != "down" {
			t.Errorf("the API is %s", got)
		}
	case <-time.After(40 * time.Second):
		t.Error("it waits for the database")
	}
	close(let)
	if err := <-done; err != nil {
		t.Error(err)
	}
	w.clock.Advance(time.Minute)
	w.look(t.Context())
	if got := w.days(API); got != "01-25 1/0/2/0" {
		t.Errorf("with the minute that waited: %s", got)
	}
}
