package status

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// mark is where the counting of a component stands.
type mark struct {
	minute   int64
	state    State
	downFrom *int64
	incident *string
}

// day is a day's minutes of a component.
type day struct {
	operational, degraded, down, absent int64
}

func (d *day) add(s State, n int64) {
	switch s {
	case Operational:
		d.operational += n
	case Degraded:
		d.degraded += n
	default:
		d.down += n
	}
}

func dayOf(minute int64) string { return time.Unix(minute*60, 0).UTC().Format(time.DateOnly) }

// count adds a minute to the days, with the minutes since the last one in which no server ran, and opens and closes
// incidents by what the minute before turned out to be.
func (s *Service) count(ctx context.Context, m minute) error {
	return s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		for _, c := range s.shown() {
			if state, ok := m.states[c]; ok {
				if err := s.countOne(ctx, tx, c, m.at, state); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (s *Service) countOne(ctx context.Context, tx *store.Tx, component string, at int64, state State) error {
	was, isNew, err := lockMark(ctx, tx, component, at, state)
	if err != nil {
		return err
	}
	days := map[string]*day{}
	of := func(minute int64) *day {
		name := dayOf(minute)
		if days[name] == nil {
			days[name] = &day{}
		}
		return days[name]
	}
	switch {
	case isNew:
		of(at).add(state, 1)
	case at < was.minute: // another server counted on; or the clock was set back
		return nil
	case at == was.minute:
		bad := worse(was.state, state)
		if bad == was.state {
			return nil
		}
		of(at).add(was.state, -1)
		of(at).add(bad, 1)
		was.state = bad
	default:
		gap := at - was.minute - 1
		for i := max(was.minute+1, at-keepDays*24*60); i < at; {
			end := min((i/(24*60)+1)*24*60, at) // of the day, or of the gap
			of(i).absent += end - i
			i = end
		}
		if err := s.turn(ctx, tx, component, &was, gap); err != nil {
			return err
		}
		of(at).add(state, 1)
		if dayOf(at) != dayOf(was.minute) {
			if err := prune(ctx, tx, at-keepDays*24*60); err != nil {
				return err
			}
		}
		was.minute, was.state = at, state
	}
	for name, d := range days {
		if err := addDay(ctx, tx, component, name, *d); err != nil {
			return err
		}
	}
	return writeMark(ctx, tx, component, was)
}

// turn looks at a minute that is over, and at those after it in which no server ran.
func (s *Service) turn(ctx context.Context, tx *store.Tx, component string, m *mark, gap int64) error {
	if m.state == Down {
		if m.downFrom == nil {
			from := m.minute
			m.downFrom = &from
		}
		if long := m.minute - *m.downFrom + 1; long >= downFor && m.incident == nil {
			id, err := s.open(ctx, tx, component, *m.downFrom)
			if err != nil {
				return err
			}
			m.incident = &id
		}
	} else {
		if m.incident != nil {
			if err := s.close(ctx, tx, component, *m.incident, m.minute); err != nil {
				return err
			}
		}
		m.downFrom, m.incident = nil, nil
	}
	// One incident for all components is enough: the first one tells.
	if gap >= downFor && component == s.shown()[0] && m.downFrom == nil {
		return s.gap(ctx, tx, m.minute+1, m.minute+gap)
	}
	return nil
}

// names are what components are called in texts that the server writes itself.
var names = map[string]string{API: "API", Chat: "Chat", Models: "Models", Database: "Database", Jobs: "Background jobs"}

func at(minute int64) time.Time { return time.Unix(minute*60, 0).UTC() }

// open opens an incident for a component that has been down since a minute.
func (s *Service) open(ctx context.Context, tx *store.Tx, component string, from int64) (string, error) {
	impact := ImpactMajor
	if component == API || component == Database {
		impact = ImpactCritical
	}
	in := Incident{
		ID: ids.New("incident_"), Name: names[component] + " not available", Status: Investigating, Impact: impact, Components: []string{component}, Automatic: true,
		Started: at(from), Created: s.o.Clock.Now(), Updates: []Update{{
			ID: ids.New("update_"), Status: Investigating, Created: s.o.Clock.Now(),
			Body: fmt.Sprintf("%s has not answered since %s UTC. The server noticed this by itself.", names[component], at(from).Format("15:04")),
		}},
	}
	return in.ID, insertIncident(ctx, tx, in)
}

// close closes an incident that the server opened, unless an operator did.
func (s *Service) close(ctx context.Context, tx *store.Tx, component, id string, minute int64) error {
	in, err := lockIncident(ctx, tx, id)
	if err != nil || in == nil || in.Status == Resolved {
		return err // an operator removed or closed it
	}
	now := s.o.Clock.Now()
	in.Status, in.Resolved = Resolved, &now
	if err := saveIncident(ctx, tx, *in, now); err != nil {
		return err
	}
	return insertUpdate(ctx, tx, id, Update{
		ID: ids.New("update_"), Status: Resolved, Created: now,
		Body: fmt.Sprintf("%s answers again since %s UTC.", names[component], at(minute).Format("15:04")),
	})
}

// gap writes down that no server ran from a minute to another.
func (s *Service) gap(ctx context.Context, tx *store.Tx, from, to int64) error {
	now, end := s.o.Clock.Now(), at(to+1)
	return insertIncident(ctx, tx, Incident{
		ID: ids.New("incident_"), Name: "The server did not run", Status: Resolved, Impact: ImpactCritical, Components: s.shown(), Automatic: true,
		Started: at(from), Resolved: &end, Created: now, Updates: []Update{{
			ID: ids.New("update_"), Status: Resolved, Created: now,
			Body: fmt.Sprintf("No server ran from %s to %s UTC (%s). It was ended, or it stopped.", at(from).Format("2 January 15:04"), end.Format("2 January 15:04"), lasted(end.Sub(at(from)))),
		}},
	})
}

// lasted writes a duration in words.
func lasted(d time.Duration) string {
	unit := func(n int64, one string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %ss", n, one)
	}
	minutes := int64(d.Round(time.Minute) / time.Minute)
	var out []string
	for _, u := range []struct {
		name string
		of   int64
	}{{"day", 24 * 60}, {"hour", 60}, {"minute", 1}} {
		if n := minutes / u.of; n > 0 {
			out = append(out, unit(n, u.name))
			minutes %= u.of
		}
	}
	if len(out) == 0 {
		return "less than a minute"
	}
	return strings.Join(out[:min(2, len(out))], " ")
}
