package models

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// snapshot is everything that Resolve and List need between two dates of the calendar, never changed
// after it was made.
type snapshot struct {
	names     map[string]*row
	list      []Model
	orgs      map[string]*overlay // organizations with rows of their own
	installed []Installed
	serving   []served // what can answer under its own name
	defaults  map[catalog.Kind]string
	declined  []string
	manifest  manifest // of which it was made
	stamp     stamp    // of its file
	// The calendar says the same from ≤ now < until, seconds since 1970.
	from, until int64
}

// overlay is what an organization's own rows change.
type overlay struct {
	names map[string]*row
	list  []Model
}

// row is what one name resolves to.
type row struct {
	resolved Resolved
	model    Model
	alias    Alias  // with what all layers say; zero for a served model's own name
	window   int    // the served model's, tokens
	missing  string // why nothing answers; empty when something does
	gone     string // the name was shut down, and programs are told so
}

// Resolved is what answers a name.
type Resolved struct {
	Name     string       // as asked for
	Snapshot string       // the dated name that it stands for today; Name where it has none
	Served   string       // model that answers
	Use      Use          // which endpoints the name is for; empty is any
	Kind     catalog.Kind // what the served model is
	Window   int          // tokens of prompt and answer together: the smaller of the alias's and the served model's; 0 is not known (remote)
	Spec     engine.Spec
	// What an alias says of the original model; zero for a served model's own name.
	Encoding   string // tiktoken's name of its vocabulary; empty is the served model's own, or not known
	Native     bool   // token ids that programs send are the served model's own: of its own name, and of an alias that says so
	Counts     bool   // usage, limits, the window and max_tokens are counted in tokens of Encoding
	Limit      int    // tokens that an input for embedding may have, even if the served model's window is shorter
	Dimensions int    // of its vectors
	Price      Price
	Deprecated time.Time // when its end was announced; zero: it was not, or not yet
	Sunset     time.Time // when it is or was shut down; zero: not known
}

// Price is what things cost, in US dollars; nil is not known. Input, Cached and Output are for 1,000 tokens; Cached is for those
// of the prompt that were computed for an earlier request, nil is as the others. Image is for one, Minute for a minute of audio,
// Speech for 1,000 characters.
type Price struct{ Input, Cached, Output, Image, Minute, Speech *float64 }

// Model is a row of GET /v1/models.
type Model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // seconds since 1970
	OwnedBy string `json:"owned_by"`
	// What follows is Parley's own.
	Served      string       `json:"served_by"`                                                                                 // which model answers
	Kind        catalog.Kind `json:"kind"`                                                                                      // what that model is
	Window      int          `json:"context_window,omitzero"`                                                                   // tokens; 0 is not known (remote)
	Alias       bool         `json:"alias"`                                                                                     // a name for a served model, not a model's own
	Snapshot    string       `json:"snapshot,omitzero" doc:"The dated name that this one stands for today."`                    // empty: itself
	Deprecated  Day          `json:"deprecation_date,omitzero" doc:"When its end was announced." example:"2023-07-06"`          // empty: not announced yet
	Shutdown    Day          `json:"shutdown_date,omitzero" doc:"When it is or was shut down." example:"2024-01-04"`            // empty: not known
	Replacement string       `json:"replacement,omitzero" doc:"What was recommended instead." example:"gpt-3.5-turbo-instruct"` // empty: nothing
}

// Resolve finds what answers a name, for the actor's organization and today. After its shutdown a name
// whose entry says "fail" is model_not_found, in the original's words, with the replacement; so is one that
// the actor's key may not ask for. A key that may ask for a snapshot may do it by the names that stand for it.
func (r *Registry) Resolve(_ context.Context, who actor.Actor, name string) (Resolved, error) {
	row := r.current().find(who.Org, name)
	if row == nil {
		return Resolved{}, notFound(name)
	}
	if row.gone != "" {
		return Resolved{}, goneError(row.gone)
	}
	if !who.MayUse(name, row.resolved.Snapshot) {
		return Resolved{}, &fault.Error{Kind: fault.Forbidden, Code: "model_not_found", Message: fmt.Sprintf("Project `%s` does not have access to model `%s`", who.Project, name)}
	}
	if row.missing != "" {
		return Resolved{}, &fault.Error{Kind: fault.Unavailable, Param: "model", Message: row.missing}
	}
	return row.resolved, nil
}

// List returns the names that something answers for the actor, aliases first, as GET /v1/models shows them: also those
// that were shut down, unless they fail.
func (r *Registry) List(_ context.Context, who actor.Actor) ([]Model, error) {
	s := r.current()
	list := s.list
	if o := s.orgs[who.Org]; o != nil {
		list = o.list
	}
	return slices.DeleteFunc(slices.Clone(list), func(m Model) bool { return !who.MayUse(m.ID, cmp.Or(m.Snapshot, m.ID)) }), nil
}

// Get returns one name.
func (r *Registry) Get(_ context.Context, who actor.Actor, name string) (Model, error) {
	row := r.current().find(who.Org, name)
	switch {
	case row == nil:
		return Model{}, notFound(name)
	case row.gone != "":
		return Model{}, goneError(row.gone)
	case row.missing != "" || !who.MayUse(name, row.resolved.Snapshot):
		return Model{}, notFound(name)
	}
	return row.model, nil
}

func (s *snapshot) find(org, name string) *row {
	if o := s.orgs[org]; o != nil {
		if row := o.names[name]; row != nil {
			return row
		}
	}
	return s.names[name]
}

func notFound(name string) error {
	return &fault.Error{Kind: fault.NotFound, Code: "model_not_found", Param: "model", Message: fmt.Sprintf("The model `%s` does not exist or you do not have access to it. GET /v1/models lists those that you can use.", name)}
}

// goneError has no param, as in the original.
func goneError(text string) error {
	return &fault.Error{Kind: fault.NotFound, Code: "model_not_found", Message: text}
}

// current returns the snapshot of today. Only the first request after a date of the calendar makes a new one.
func (r *Registry) current() *snapshot {
	now := r.clock.Now().Unix()
	if s := r.snap.Load(); s.holds(now) {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.snap.Load()
	if !s.holds(now) {
		s = r.build(s.manifest, s.stamp, now)
		r.snap.Store(s)
	}
	return s
}

func (s *snapshot) holds(now int64) bool { return s.from <= now && now < s.until }

// builder makes a snapshot.
type builder struct {
	r        *Registry
	now      int64
	byName   map[string]*served
	defaults map[catalog.Kind]string
	snap     *snapshot
}

// build makes the snapshot of a moment. r.mu is held.
func (r *Registry) build(m manifest, st stamp, now int64) *snapshot {
	s := &snapshot{orgs: map[string]*overlay{}, installed: m.Models, defaults: map[catalog.Kind]string{}, declined: m.Declined,
		manifest: m, stamp: st, from: math.MinInt64, until: math.MaxInt64}
	models := r.serving(m)
	byName := make(map[string]*served, len(models))
	for i := range models {
		if _, taken := byName[models[i].name]; !taken {
			byName[models[i].name] = &models[i]
		}
	}
	for _, kind := range []catalog.Kind{catalog.Chat, catalog.Code, catalog.Embeddings, catalog.Reranker} {
		s.defaults[kind] = chooseDefault(kind, models, byName, r.settings.Defaults[kind], m.Defaults[kind])
	}
	// A code model chats, and a chat model writes code, when there is nothing better.
	s.defaults[catalog.Chat] = cmp.Or(s.defaults[catalog.Chat], s.defaults[catalog.Code])
	s.defaults[catalog.Code] = cmp.Or(s.defaults[catalog.Code], s.defaults[catalog.Chat])

	b := &builder{r: r, now: now, byName: byName, defaults: s.defaults, snap: s}
	base := mergeAliases(r.aliases, r.edits[""])
	var own []*row
	for i := range models {
		if v := &models[i]; byName[v.name] == v {
			own = append(own, v.row())
			s.serving = append(s.serving, *v)
		}
	}
	s.names, s.list = b.table(base, own)
	for org, rows := range r.edits {
		if org == "" {
			continue
		}
		names, list := b.table(mergeAliases(base, rows), own)
		s.orgs[org] = &overlay{names: names, list: list}
	}
	return s
}

// table makes the rows of a list of aliases and of the served models' own names, and what GET /v1/models
// shows of them.
func (b *builder) table(aliases []Alias, own []*row) (map[string]*row, []Model) {
	names := make(map[string]*row, len(aliases)+len(own))
	var order []*row
	for _, a := range aliases {
		if names[a.Name] == nil {
			names[a.Name] = b.alias(a)
			order = append(order, names[a.Name])
		}
	}
	for _, a := range aliases {
		if to := b.moved(a); to != "" {
			b.follow(names[a.Name], to, names[to])
		}
	}
	for _, row := range own {
		if name := row.resolved.Name; names[name] == nil {
			names[name] = row
			order = append(order, row)
		}
	}
	var list []Model
	for _, row := range order {
		if row.missing == "" && row.gone == "" {
			list = append(list, row.model)
		}
	}
	return names, list
}

func (v *served) row() *row {
	return &row{
		resolved: Resolved{Name: v.name, Snapshot: v.name, Served: v.name, Kind: v.kind, Window: v.window, Spec: v.spec, Native: true},
		model: Model{ID: v.name, Object: "model", Created: v.created, OwnedBy: v.owner, Served: v.name,
			Kind: v.kind, Window: v.window},
		window:  v.window,
		missing: v.broken,
	}
}

// alias makes the row of an alias, without its moves.
func (b *builder) alias(a Alias) *row {
	name := a.Served
	if name == "" && a.Kind == UseCompletion && b.byName[b.r.settings.Completion] != nil {
		name = b.r.settings.Completion
	}
	if name == "" {
		name = b.defaults[a.defaultOf()]
	}
	var out *row
	switch v := b.byName[name]; {
	case v != nil:
		out = v.row()
	case a.Served != "":
		out = &row{missing: fmt.Sprintf("The model `%s` is served by `%s`, which is not installed: run `parley pull %s`", a.Name, a.Served, a.Served)}
	default:
		out = &row{missing: fmt.Sprintf("No %s model is installed that could answer for `%s`: run `parley pull`, or configure a remote endpoint", a.defaultOf(), a.Name)}
	}
	out.alias = a
	out.resolved.Name, out.resolved.Snapshot, out.resolved.Use = a.Name, a.Name, a.Kind
	out.model.ID, out.model.Object, out.model.Alias = a.Name, "model", true
	out.model.Created = cmp.Or(a.Created, out.model.Created)
	out.model.OwnedBy = cmp.Or(a.OwnedBy, out.model.OwnedBy)
	out.describe(a)
	b.date(out)
	return out
}

// describe fills in what an alias, with what its snapshot says besides, says of the original model.
func (r *row) describe(a Alias) {
	r.resolved.Window = r.window
	if a.Window > 0 && (r.window == 0 || a.Window < r.window) {
		r.resolved.Window = a.Window
	}
	r.model.Window = r.resolved.Window
	r.resolved.Encoding, r.resolved.Native = a.Encoding, a.Encoding == Native || a.Name == r.resolved.Served
	if a.Encoding == Native {
		r.resolved.Encoding = ""
	}
	r.resolved.Counts = a.Count == CountEncoding && r.resolved.Encoding != ""
	if r.resolved.Use == UseEmbedding {
		r.resolved.Limit, r.resolved.Dimensions = a.Window, a.Dimensions
	}
	r.resolved.Price = Price{a.InputPrice, a.CachedPrice, a.OutputPrice, a.ImagePrice, a.MinutePrice, a.SpeechPrice}
}

// follow makes a row stand for a snapshot: what it does not say itself, the snapshot says.
func (b *builder) follow(r *row, to string, snapshot *row) {
	r.resolved.Snapshot, r.model.Snapshot = to, to
	if snapshot == nil {
		return
	}
	if r.alias.Served == "" && snapshot.missing == "" {
		r.resolved.Served, r.resolved.Kind, r.resolved.Spec = snapshot.resolved.Served, snapshot.resolved.Kind, snapshot.resolved.Spec
		r.model.Served, r.model.Kind = snapshot.model.Served, snapshot.model.Kind
		r.window, r.missing = snapshot.window, ""
	}
	a, s := r.alias, snapshot.alias
	a.Window, a.Dimensions = cmp.Or(a.Window, s.Window), cmp.Or(a.Dimensions, s.Dimensions)
	a.Encoding, a.Count = cmp.Or(a.Encoding, s.Encoding), cmp.Or(a.Count, s.Count)
	a.InputPrice, a.CachedPrice, a.OutputPrice = cmp.Or(a.InputPrice, s.InputPrice), cmp.Or(a.CachedPrice, s.CachedPrice), cmp.Or(a.OutputPrice, s.OutputPrice)
	a.ImagePrice, a.MinutePrice, a.SpeechPrice = cmp.Or(a.ImagePrice, s.ImagePrice), cmp.Or(a.MinutePrice, s.MinutePrice), cmp.Or(a.SpeechPrice, s.SpeechPrice)
	r.describe(a)
}

// moved returns the snapshot that an alias stands for now; empty when it stands for none.
func (b *builder) moved(a Alias) string {
	to, last := "", int64(math.MinInt64)
	for _, m := range a.Moves {
		at := m.From.Time().Unix()
		if b.passed(at) && at >= last {
			to, last = m.To, at
		}
	}
	return to
}

// date fills in how a name ends.
func (b *builder) date(r *row) {
	a := r.alias
	if t := a.Announced.Time(); !t.IsZero() && b.passed(t.Unix()) {
		r.resolved.Deprecated, r.model.Deprecated = t, a.Announced
		r.model.Replacement = a.Replacement
		if t := a.Shutdown.Time(); !t.IsZero() {
			r.resolved.Sunset, r.model.Shutdown = t, a.Shutdown
		}
	}
	if t := a.Shutdown.Time(); !t.IsZero() && b.passed(t.Unix()) {
		r.resolved.Sunset, r.model.Shutdown, r.model.Replacement = t, a.Shutdown, a.Replacement
		if a.After == Fail {
			r.gone = fmt.Sprintf("The model `%s` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations", a.Name)
			if a.Replacement != "" {
				r.gone += fmt.Sprintf(" (it was shut down on %s; use `%s` instead)", a.Shutdown, a.Replacement)
			}
		}
	}
}

// passed reports whether a moment is not in the future, and notes it as an end of the snapshot's time.
func (b *builder) passed(at int64) bool {
	if at <= b.now {
		b.snap.from = max(b.snap.from, at)
		return true
	}
	b.snap.until = min(b.snap.until, at)
	return false
}
