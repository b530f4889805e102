package status

import (
	"context"
	"slices"
	"time"
)

// Live is a component as it is now.
type Live struct {
	ID    string
	State State
	Text  string   // why it is not operational, for the operator; never public
	Days  []Day    // the oldest first, today last; days before the first that was counted are not there
	Up    *float64 // share of the minutes of Days in which it was operational or degraded; nil: nothing was counted
}

// Day is a day of a component, in minutes.
type Day struct {
	Date        string // 2024-01-25, UTC
	Operational int64
	Degraded    int64
	Down        int64
	Absent      int64 // no server ran
}

func (d Day) total() int64 { return d.Operational + d.Degraded + d.Down + d.Absent }

// view is all that the page shows.
type view struct {
	components []Live
	incidents  []Incident // those that go on or ended within shownDays, the newest first
	marks      map[string]mark
	days       map[string][]Day
	checked    time.Time // when the components were probed last
}

// mostIncidents is how many the page and the feed have.
const mostIncidents = 100

// look returns what is to be shown: what is probed now with what was read from the database, lately or as long ago as it
// has not answered.
func (s *Service) view(ctx context.Context) view {
	if s.running.Load() { // in a process that serves nobody nothing is probed
		select {
		case <-s.first:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	fresh := !s.readAt.IsZero() && time.Since(s.readAt) < readAgain
	v, live, probed := s.read, s.live, s.probed
	s.mu.Unlock()
	if !fresh {
		read, cancel := context.WithTimeout(ctx, readTime)
		got, err := s.fetch(read)
		cancel()
		s.mu.Lock()
		switch {
		case err == nil:
			v, s.read, s.readAt = got, got, time.Now()
		case ctx.Err() == nil:
			s.readAt = time.Now() // those who look next do not wait as this one did
		}
		s.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			s.o.Logger.WarnContext(ctx, "the status page shows what was read before: the database does not answer", "error", err)
		}
	}
	v.checked = probed
	v.components = nil
	for _, c := range s.shown() {
		l := Live{ID: c, State: live[c].State, Text: live[c].Text, Days: v.days[c]}
		// Another server of the database may see what this one does not.
		if m, ok := v.marks[c]; ok && probed.Unix()/60-m.minute <= 1 && worse(l.State, m.state) != l.State {
			l.State, l.Text = m.state, "Another server found this."
		}
		up, all := int64(0), int64(0)
		for _, d := range l.Days {
			up += d.Operational + d.Degraded
			all += d.total()
		}
		if all > 0 {
			share := float64(up) / float64(all)
			l.Up = &share
		}
		v.components = append(v.components, l)
	}
	return v
}

// fetch reads from the database.
func (s *Service) fetch(ctx context.Context) (v view, err error) {
	now := s.o.Clock.Now().UTC()
	from := now.AddDate(0, 0, 1-shownDays)
	q := s.o.DB.Read()
	rows, err := readDays(ctx, q, from.Format(time.DateOnly))
	if err != nil {
		return v, err
	}
	v.days = map[string][]Day{}
	for _, r := range rows {
		v.days[r.component] = append(v.days[r.component], Day{r.day, r.sums.operational, r.sums.degraded, r.sums.down, r.sums.absent})
	}
	for _, days := range v.days {
		slices.SortFunc(days, func(a, b Day) int {
			if a.Date < b.Date {
				return -1
			}
			return 1
		})
	}
	if v.marks, err = readMarks(ctx, q); err != nil {
		return v, err
	}
	if v.incidents, err = recentIncidents(ctx, q, from, mostIncidents); err != nil {
		return v, err
	}
	return v, withUpdates(ctx, q, v.incidents)
}

// Overall says how the whole is, as Statuspage does.
type Overall string

// The indicators, from good to bad.
const (
	None     Overall = "none"
	Minor    Overall = "minor"
	Major    Overall = "major"
	Critical Overall = "critical"
)

// overall is the worst of the components and of the incidents that go on.
func (v view) overall() Overall {
	out := 0
	raise := func(o Overall) { out = max(out, slices.Index([]Overall{None, Minor, Major, Critical}, o)) }
	for _, c := range v.components {
		switch {
		case c.State == Degraded:
			raise(Minor)
		case c.State == Down && (c.ID == API || c.ID == Database):
			raise(Critical)
		case c.State == Down:
			raise(Major)
		}
	}
	for _, in := range v.incidents {
		if in.Status != Resolved {
			raise(Overall(in.Impact))
		}
	}
	return []Overall{None, Minor, Major, Critical}[out]
}

// Now returns the components as they are, with why, for the operator.
func (s *Service) Now(ctx context.Context) (components []Live, checked time.Time) {
	v := s.view(ctx)
	return v.components, v.checked
}
