package limits

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestTiers: org-a has spent 60 dollars in ten days, org-b 2,000 today.
func TestTiers(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		hints := bus.NewLocal()
		s := open(t, db, hints)
		for _, tier := range []struct {
			name  string
			spend float64
			age   int
			limit int64
		}{{"1", 5, 0, 100}, {"2", 50, 7, 200}, {"3", 100, 7, 300}, {"4", 250.5, 14, 400}} {
			if _, err := s.SetTier(t.Context(), who, tier.name, tier.spend, tier.age); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Set(t.Context(), who, Rule{Subject: Tier, SubjectID: tier.name, Values: Values{RequestsPerMinute: &tier.limit}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range []Rule{
			{Subject: Organization, Values: Values{RequestsPerMinute: number(50)}},
			{Subject: Tier, SubjectID: "2", Model: "gpt-4", Values: Values{RequestsPerMinute: number(20)}},
			{Org: "org-b", Subject: Organization, Model: "gpt-4", Values: Values{RequestsPerMinute: number(7)}},
		} {
			if _, err := s.Set(t.Context(), who, r); err != nil {
				t.Fatal(err)
			}
		}
		check := func(s *Service, want string) {
			t.Helper()
			var got []string
			for _, org := range []string{"org-a", "org-b", "org-c"} {
				got = append(got, fmt.Sprint(s.Standing(org).Tier, " ", limit(s, org, Organization, "", "m"), " ", limit(s, org, Organization, "", "gpt-4")))
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
			}
		}
		check(s, "2 200 20, 1 100 7,  50 50")
		check(open(t, db, hints), "2 200 20, 1 100 7,  50 50") // a server that starts later
		s.o.Spending.(spending)["org-a"] = 100e9
		check(s, "2 200 20, 1 100 7,  50 50")
		if err := s.Review(t.Context()); err != nil {
			t.Fatal(err)
		}
		check(s, "3 300 300, 1 100 7,  50 50")
		d, err := s.o.Limiter.Admit(t.Context(), who, Request{Model: "m"})
		if err != nil || d.Headers[0][1] != "300" {
			t.Errorf("%v %v", d.Headers, err)
		}
		if _, err := s.SetTier(t.Context(), who, "3", 100, 11); err != nil {
			t.Fatal(err)
		}
		check(s, "2 200 20, 1 100 7,  50 50")
		if err := s.DeleteTier(t.Context(), who, "2"); err != nil {
			t.Fatal(err)
		}
		check(s, "1 100 100, 1 100 7,  50 50")
		for _, r := range s.List("") {
			if r.SubjectID == "2" {
				t.Errorf("a limit of the tier is left: %+v", r)
			}
		}
	})
}

func TestBadTiersAreRefused(t *testing.T) {
	s := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	for _, tt := range []struct {
		name  string
		spend float64
		age   int
		param string
	}{{"", 1, 1, "tier"}, {"a/b", 1, 1, "tier"}, {"x", -1, 1, "min_spend"}, {"x", math.NaN(), 1, "min_spend"}, {"x", 1e10, 1, "min_spend"}, {"x", 1, -1, "min_age_days"}} {
		if _, err := s.SetTier(t.Context(), who, tt.name, tt.spend, tt.age); fault.KindOf(err) != fault.Invalid || fault.As(err).Param != tt.param {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if err := s.DeleteTier(t.Context(), who, "x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a tier that is not there: %v", err)
	}
	some := Values{RequestsPerMinute: number(1)}
	if _, err := s.Set(t.Context(), who, Rule{Subject: Tier, SubjectID: "x", Values: some}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a limit of a tier that is not there: %v", err)
	}
	if _, err := s.Set(t.Context(), who, Rule{Org: "org-a", Subject: Tier, SubjectID: "x", Values: some}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an organization's limit of a tier: %v", err)
	}
}

func TestTierRoutes(t *testing.T) {
	s := open(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), bus.NewLocal())
	tier := `{"object":"usage_tier","tier":"2","min_spend":50.25,"min_age_days":7,"updated_at":1700000000}`
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/limits/tier", "", 200, `{"object":"usage_standing","tier":null,"spend":0,"age_days":0,"next":null}`},
		{"PUT", "/admin/tiers/2", `{"min_spend": 50.25, "min_age_days": 7}`, 200, tier},
		{"GET", "/admin/tiers", "", 200, `{"object":"list","data":[` + tier + `],"first_id":"2","last_id":"2","has_more":false}`},
		{"GET", "/api/limits/tier", "", 200, `{"object":"usage_standing","tier":"2","spend":60,"age_days":10,"next":null}`},
		{"PUT", "/admin/tiers/3", `{"min_spend": 100}`, 200, `{"object":"usage_tier","tier":"3","min_spend":100,"min_age_days":0,"updated_at":1700000000}`},
		{"GET", "/api/limits/tier", "", 200, `{"object":"usage_standing","tier":"2","spend":60,"age_days":10,"next":{"tier":"3","min_spend":100,"min_age_days":0}}`},
		{"PUT", "/admin/tiers/2", `{"spend": 1}`, 400, "spend"},
		{"DELETE", "/admin/tiers/2", "", 200, `{"id":"2","object":"usage_tier.deleted","deleted":true}`},
		{"DELETE", "/admin/tiers/2", "", 404, "There is no usage tier 2."},
	} {
		status, body := call(t, s, tt.method, tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, tt.want) || status == 200 && body != tt.want {
			t.Errorf("%s %s %s: %d %s\nwant %d %s", tt.method, tt.path, tt.body, status, body, tt.status, tt.want)
		}
	}
}
