package status

import (
	"strings"
	"sync/atomic"

	"github.com/parley-ai/parley/internal/httpapi"
)

// slots is how many minutes of requests are looked at, the present one among them.
const slots = 5

// Meter counts answers, to tell what share of them failed. Its zero value counts nothing.
type Meter struct {
	of    map[string]int // operation → index of measured; set before requests come
	slots [slots]slot
	cur   atomic.Int32
}

// measured are the components whose requests are counted.
var measured = [...]string{API, Chat}

type slot [len(measured)]struct{ all, failed atomic.Int64 }

// Measure says which operations belong to which component. Call it before requests come.
func (m *Meter) Measure(routes []httpapi.Route) {
	m.of = map[string]int{}
	for _, rt := range routes {
		switch {
		case strings.HasPrefix(rt.Path, "/v1/"):
			m.of[rt.Op] = 0
		case strings.HasPrefix(rt.Path, "/api/chats"):
			m.of[rt.Op] = 1
		}
	}
}

// RequestDone counts an answer by its status.
func (m *Meter) RequestDone(op string, status int) {
	i, ok := m.of[op]
	if !ok {
		return
	}
	s := &m.slots[m.cur.Load()][i]
	s.all.Add(1)
	if status >= 500 {
		s.failed.Add(1)
	}
}

// turn begins a minute, and forgets the oldest.
func (m *Meter) turn() {
	next := (m.cur.Load() + 1) % slots
	for i := range measured {
		s := &m.slots[next][i]
		s.all.Store(0)
		s.failed.Store(0)
	}
	m.cur.Store(next)
}

// Shares of answers that failed.
const (
	leastFailed   = 3 // fewer say nothing
	degradedShare = 0.05
	downShare     = 0.5
)

// judge says what the failed answers make of a component, and how many of how many failed.
func (m *Meter) judge(component string) (state State, failed, all int64) {
	for i, name := range measured {
		if name != component {
			continue
		}
		for j := range m.slots {
			all += m.slots[j][i].all.Load()
			failed += m.slots[j][i].failed.Load()
		}
	}
	switch share := float64(failed); {
	case failed < leastFailed || share < degradedShare*float64(all):
		return Operational, failed, all
	case share < downShare*float64(all):
		return Degraded, failed, all
	}
	return Down, failed, all
}
