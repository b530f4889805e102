package limits

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestStandings: what is in force and used now, for each subject; looking takes nothing.
func TestStandings(t *testing.T) {
	s := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	for _, r := range []Rule{
		{Org: "org-a", Subject: Organization, Model: "gpt-4", Values: Values{RequestsPerMinute: number(60), RequestsPerDay: number(200)}},
		{Org: "org-a", Subject: Project, SubjectID: "proj_a", Values: Values{TokensPerDay: number(5000)}},
		{Org: "org-b", Subject: Organization, Model: "secret", Values: Values{RequestsPerDay: number(1)}},
	} {
		if _, err := s.Set(t.Context(), who, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, class := range []string{"chat", "chat", "completions"} {
		if _, err := s.o.Limiter.Admit(t.Context(), who, Request{Class: class, Model: "gpt-4", Tokens: 90}); err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	look := func(subject Subject, id string) string {
		t.Helper()
		rows, err := s.Standings(t.Context(), who, subject, id)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range rows {
			line := fmt.Sprint(r.Model, " ", *r.RequestsPerMinute, " ", *r.RequestsPerDay, " ", *r.TokensPerMinute, " ", *r.TokensPerDay)
			for _, c := range r.Classes {
				line += fmt.Sprintf(" %s %.3v", c.Class, c.Used)
			}
			out = append(out, line)
		}
		return strings.Join(out, "\n")
	}
	want := "ada 0 0 1000 0\ngpt-4 60 200 1000 0 chat [2 2 180 0] completions [1 1 90 0]\nour/model 0 0 1000 0"
	for range 2 {
		if got := look(Organization, ""); got != want {
			t.Errorf("organization:\n%s\nwant\n%s", got, want)
		}
	}
	if got, want := look(Project, "proj_a"), "ada 0 0 0 5000\ngpt-4 0 0 0 5000 chat [0 0 0 180] completions [0 0 0 90]\nour/model 0 0 0 5000"; got != want {
		t.Errorf("project:\n%s\nwant\n%s", got, want)
	}
	if got := look(EndUser, strings.Repeat("x", 300)); !strings.HasPrefix(got, "ada 0 0 0 0\n") {
		t.Errorf("end user:\n%s", got)
	}
	s.o.Limiter.clock.(*clock.Fake).Advance(day)
	if got := look(Organization, ""); strings.Contains(got, "chat") {
		t.Errorf("a day later:\n%s", got)
	}
	for _, tt := range []struct {
		subject Subject
		id      string
		kind    fault.Kind
	}{{Project, "proj_b", fault.NotFound}, {User, "user_b", fault.NotFound}, {Key, "", fault.Invalid}, {Organization, "org-b", fault.Invalid}, {Tier, "1", fault.Invalid}, {"x", "", fault.Invalid}} {
		if _, err := s.Standings(t.Context(), who, tt.subject, tt.id); fault.KindOf(err) != tt.kind {
			t.Errorf("%s %q: %v", tt.subject, tt.id, err)
		}
	}
	if status, body := call(t, s, "GET", "/api/limits/models", ""); status != 200 || !strings.Contains(body, `{"object":"limit.model","model":"ada","max_requests_per_1_minute":0,"max_tokens_per_1_minute":1000,`+
		`"max_requests_per_1_day":0,"max_tokens_per_1_day":0,"token_weight":0.005,"used":[]}`) {
		t.Errorf("%d %s", status, body)
	}
}

// TestOrganizationsDoNotRaiseThemselves: what an organization as a whole may ask for is the operator's to set.
func TestOrganizationsDoNotRaiseThemselves(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	s, untold := open(t, db, bus.NewLocal()), open(t, db, bus.NewLocal()) // two servers, of which one has not heard yet of what comes
	r, err := s.Set(t.Context(), who, Rule{Org: "org-a", Subject: Organization, Values: Values{RequestsPerMinute: number(5)}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.Set(t.Context(), who, Rule{Org: "org-a", Subject: Key, Values: Values{RequestsPerMinute: number(5)}})
	if err != nil {
		t.Fatal(err)
	}
	own := actor.Actor{Org: "org-a", Key: "key_a", Role: actor.Owner, Scopes: []string{actor.All}}
	try := func(want int, method, path, body string) {
		t.Helper()
		if status, text := callAs(t, s, own, method, path, body); status != want || want == 403 && !strings.Contains(text, "operator_only") {
			t.Errorf("%s %s %s: %d %s, want %d", method, path, body, status, text, want)
		}
	}
	try(200, "PUT", "/api/limits", `{"max_requests_per_1_minute": 6}`) // the operator's own organization
	s.o.Operator = func(context.Context) (string, error) { return "org-b", nil }
	try(403, "PUT", "/api/limits", `{"max_requests_per_1_minute": 7}`)
	try(403, "PUT", "/api/limits", `{"subject": "organization", "model": "gpt-4", "max_requests_per_1_minute": 7}`)
	try(403, "DELETE", "/api/limits/"+r.ID, "")
	untold.o.Operator = s.o.Operator
	if status, text := callAs(t, untold, own, "DELETE", "/api/limits/"+r.ID, ""); status != 403 {
		t.Errorf("by a server that does not know the limit yet: %d %s", status, text)
	}
	try(200, "PUT", "/api/limits", `{"subject": "key", "subject_id": "key_a", "max_requests_per_1_minute": 7}`)
	try(200, "DELETE", "/api/limits/"+key.ID, "")
	if got := limit(s, "org-a", Organization, "", "gpt-4"); got != 6 {
		t.Errorf("the limit is %v", got)
	}
	own.Operator = true
	try(200, "DELETE", "/api/limits/"+r.ID, "")
}
