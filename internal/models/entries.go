package models

import (
	"slices"

	"github.com/parley-ai/parley/internal/actor"
)

// State says where a name is in its life.
type State string

// The states.
const (
	StateCurrent    State = "current"
	StateDeprecated State = "deprecated" // its end was announced
	StateShutDown   State = "shut_down"  // and is answered nevertheless
	StateFailing    State = "failing"    // shut down, and programs are told so
)

// Layer says who changed an entry last.
type Layer string

// The layers, of which each lies over the one before.
const (
	LayerBuiltIn      Layer = "built_in" // the table of the program, and the configuration
	LayerInstallation Layer = "installation"
	LayerOrganization Layer = "organization"
)

// Entry is one name of the calendar with what follows from it today.
type Entry struct {
	Alias
	Today   Today  `json:"today" doc:"What follows from it today."`
	Layer   Layer  `json:"layer" doc:"Who changed it last." enum:"built_in,installation,organization"`
	Changes *Alias `json:"changes,omitzero" doc:"What was changed there; a later change replaces it."`
}

// Today is what follows from an entry now.
type Today struct {
	State    State    `json:"state" doc:"Where it is in its life." enum:"current,deprecated,shut_down,failing"`
	Snapshot string   `json:"snapshot,omitzero" doc:"The snapshot that it stands for."`
	Served   string   `json:"served_by,omitzero" doc:"The model that answers; none when it is not installed."`
	Window   int      `json:"context_window,omitzero" doc:"Tokens: the smaller of the name's and the served model's."`
	Encoding string   `json:"encoding,omitzero" doc:"tiktoken's name of its vocabulary, of the snapshot where the name says none; none when it is the served model's own."`
	Input    *float64 `json:"input_price,omitzero" doc:"US dollars for 1,000 tokens of prompt, of the snapshot where the name says none."`
	Output   *float64 `json:"output_price,omitzero" doc:"US dollars for 1,000 tokens of answer."`
	Cached   *float64 `json:"cached_price,omitzero" doc:"US dollars for 1,000 tokens of prompt that were computed for an earlier request."`
	Image    *float64 `json:"image_price,omitzero" doc:"US dollars for an image that is made."`
	Minute   *float64 `json:"minute_price,omitzero" doc:"US dollars for a minute of audio that is heard."`
	Speech   *float64 `json:"speech_price,omitzero" doc:"US dollars for 1,000 characters that are spoken."`
}

// SetCalendar replaces what was changed while running, by organization; "" is for all.
func (r *Registry) SetCalendar(edits map[string][]Alias) error {
	r.mu.Lock()
	r.edits = edits
	r.mu.Unlock()
	return r.Reload()
}

// Calendar returns every name as the actor's organization sees it, in the order of the table.
func (r *Registry) Calendar(who actor.Actor) []Entry {
	r.mu.Lock()
	base, all, own := r.aliases, r.edits[""], r.edits[who.Org]
	r.mu.Unlock()
	if who.Org == "" {
		own = nil
	}
	s, now := r.current(), r.clock.Now()
	var out []Entry
	for _, a := range mergeAliases(mergeAliases(base, all), own) {
		e := Entry{Alias: a, Layer: LayerBuiltIn}
		for _, l := range []struct {
			layer Layer
			rows  []Alias
		}{{LayerInstallation, all}, {LayerOrganization, own}} {
			if i := slices.IndexFunc(l.rows, func(x Alias) bool { return x.Name == a.Name }); i >= 0 {
				e.Layer, e.Changes = l.layer, &l.rows[i]
			}
		}
		e.Today.State = StateCurrent
		if row := s.find(who.Org, a.Name); row != nil {
			e.Today.Served, e.Today.Window, e.Today.Encoding = row.resolved.Served, row.resolved.Window, row.resolved.Encoding
			p := row.resolved.Price
			e.Today.Input, e.Today.Cached, e.Today.Output, e.Today.Image, e.Today.Minute, e.Today.Speech = p.Input, p.Cached, p.Output, p.Image, p.Minute, p.Speech
			if row.resolved.Snapshot != a.Name {
				e.Today.Snapshot = row.resolved.Snapshot
			}
			switch {
			case row.gone != "":
				e.Today.State = StateFailing
			case !row.resolved.Sunset.IsZero() && !row.resolved.Sunset.After(now):
				e.Today.State = StateShutDown
			case !row.resolved.Deprecated.IsZero():
				e.Today.State = StateDeprecated
			}
		}
		out = append(out, e)
	}
	return out
}
