package billing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
)

// none is a limit that is not set.
const none = -1

// Meter knows what limited organizations have spent this month, and refuses what is over. Others cost it one look into a map. Safe for
// concurrent use. Make it with NewMeter; a Service tells it what is limited.
type Meter struct {
	clock clock.Clock
	tabs  atomic.Pointer[map[string]*tab] // by organization; replaced, never changed
}

// tab is what an organization has spent.
type tab struct {
	org string

	mu       sync.Mutex
	terms    terms
	month    time.Time        // of spent
	spent    int64            // of the organization, in month
	projects map[string]int64 // of its projects, in month; they come to spent
	local    map[string]int64 // by project, in month: all that this server has spent since the tab was opened, or since the month began
	dirty    bool             // this server has spent since the last look into the books
	due      time.Time        // when the books are to be looked at even so
}

// terms are what an organization may spend in a month.
type terms struct {
	hard     int64            // billionths of a US dollar; none: no limit
	projects map[string]int64 // hard limits of projects
	ceiling  int64            // until where credit pays; none: not prepaid
}

// NewMeter returns a meter that limits nobody yet.
func NewMeter(clk clock.Clock) *Meter {
	m := &Meter{clock: clk}
	m.tabs.Store(&map[string]*tab{})
	return m
}

// quota is OpenAI's refusal.
func quota() error {
	return fault.New(fault.Quota, "You exceeded your current quota, please check your plan and billing details.")
}

// Check refuses a request of one who may spend nothing more, with a Quota fault.
func (m *Meter) Check(_ context.Context, who actor.Actor) error {
	t := (*m.tabs.Load())[who.Org]
	if t == nil {
		return nil
	}
	now := m.clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	hard, ok := t.terms.projects[who.Project]
	switch {
	case t.terms.hard != none && t.spent >= t.terms.hard,
		t.terms.ceiling != none && t.spent >= t.terms.ceiling,
		ok && t.projects[who.Project] >= hard:
		return quota()
	}
	return nil
}

// Spent notes what an answer of this server has cost, in billionths of a US dollar. It is usage's to call.
func (m *Meter) Spent(who actor.Actor, at time.Time, cost int64) {
	t := (*m.tabs.Load())[who.Org]
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(at)
	t.dirty = true
	if !monthOf(at).Equal(t.month) {
		return // it ended as the month did: the books have it
	}
	t.spent += cost
	t.projects[who.Project] += cost
	t.local[who.Project] += cost
}

// turn begins a new month. t.mu is held.
func (t *tab) turn(now time.Time) {
	month := monthOf(now)
	if !month.After(t.month) {
		return
	}
	if t.terms.ceiling != none {
		t.terms.ceiling = max(0, t.terms.ceiling-t.spent) // what was left of the credit; the books will tell what of it has expired
	}
	t.month, t.spent, t.projects, t.local = month, 0, map[string]int64{}, map[string]int64{}
	t.due = time.Time{}
}

// follow makes these organizations, and no others, those that have tabs. One at a time may call it.
func (m *Meter) follow(orgs []string) {
	old := *m.tabs.Load()
	tabs := make(map[string]*tab, len(orgs))
	for _, org := range orgs {
		t := old[org]
		if t == nil {
			t = &tab{org: org, terms: terms{hard: none, ceiling: none}, month: monthOf(m.clock.Now()), projects: map[string]int64{}, local: map[string]int64{}}
		}
		tabs[org] = t
	}
	m.tabs.Store(&tabs)
}

// tab returns an organization's tab; nil when it is not limited.
func (m *Meter) tab(org string) *tab { return (*m.tabs.Load())[org] }

// wanting returns the organizations of which the books are to be looked at now.
func (m *Meter) wanting(now time.Time) (out []string) {
	for org, t := range *m.tabs.Load() {
		t.mu.Lock()
		if t.dirty || !now.Before(t.due) {
			out = append(out, org)
		}
		t.mu.Unlock()
	}
	return out
}

// mark begins a look into the books: what this server spends after it is added to what they will say. news is whether it has spent since the
// last one.
func (t *tab) mark(now time.Time) (month time.Time, local map[string]int64, news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	news, t.dirty = t.dirty, false
	local = make(map[string]int64, len(t.local))
	for k, v := range t.local {
		local[k] = v
	}
	return t.month, local, news
}

// set ends the look that began with mark: books is what projects have spent in that month. What this server has spent since is on top,
// even if the books had some of it already: until the next look an organization may seem to have spent too much, never too little.
func (t *tab) set(month time.Time, marked, books map[string]int64, terms terms, due time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.terms, t.due = terms, due
	if !t.month.Equal(month) { // it ended meanwhile
		if terms.ceiling != none {
			t.terms.ceiling = max(0, terms.ceiling-total(books)) // as turn does
		}
		t.due = time.Time{}
		return
	}
	t.spent, t.projects = 0, make(map[string]int64, len(books))
	for project, spent := range books {
		t.projects[project] = spent
	}
	for project, spent := range t.local {
		t.projects[project] += spent - marked[project]
	}
	for _, spent := range t.projects {
		t.spent += spent
	}
}

// again makes a look that failed be repeated.
func (t *tab) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due = time.Time{}
}

// monthOf is the first moment of a time's month in UTC.
func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// monthName is how months stand in the database.
func monthName(month time.Time) string { return month.Format("2006-01") }
