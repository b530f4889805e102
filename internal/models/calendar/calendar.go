package calendar

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// topic is that of the hints.
const topic = "calendar"

// lookAgain is after how long a lost hint does no more harm.
const lookAgain = 10 * time.Second

// Bounds of a change.
const (
	maxName       = 200 // bytes
	maxMoves      = 100
	maxDimensions = 12288 // as POST /v1/embeddings
	maxPrice      = 1_000 // US dollars: what a request costs has to fit into 64 bits of billionths
)

// Options are what New needs.
type Options struct {
	DB     *store.DB
	Bus    bus.Bus
	Clock  clock.Clock
	Logger *slog.Logger
	Models *models.Registry
}

// Service changes the calendar.
type Service struct {
	o     Options
	audit *audit.Log
	mu    sync.Mutex // one load at a time, and the next one
	in    map[string][]models.Alias
}

// New returns the service and gives the registry what the database holds.
func New(ctx context.Context, o Options) (*Service, error) {
	s := &Service{o: o, audit: audit.New(o.DB, o.Clock)}
	return s, s.Load(ctx)
}

// Load gives the registry what the database holds.
func (s *Service) Load(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "calendar.Load")
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, err := read(ctx, s.o.DB.Read())
	if err != nil {
		return err
	}
	if reflect.DeepEqual(rows, s.in) {
		return nil
	}
	if err := s.o.Models.SetCalendar(rows); err != nil {
		return err
	}
	s.in = rows
	return nil
}

// Run takes over what other servers change, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	bus.Follow(ctx, s.o.Bus, topic, lookAgain, func([]string) {
		if err := s.Load(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("the calendar of models cannot be read; it stays as it was", "error", err)
		}
	})
}

// Set changes a name's entry for an organization; for all when org is empty. The change replaces the
// earlier one at the same place.
func (s *Service) Set(ctx context.Context, who actor.Actor, org string, entry models.Alias) (err error) {
	defer fault.Wrap(&err, "calendar.Set(%s)", entry.Name)
	if err := s.check(org, entry); err != nil {
		return err
	}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		before, _, err := remove(ctx, tx, org, entry.Name)
		if err != nil {
			return err
		}
		if err := write(ctx, tx, org, entry, s.o.Clock.Now()); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "calendar_entry.updated", Object: entry.Name, Before: before, After: entry})
	})
	if err != nil {
		return err
	}
	return s.changed(ctx, entry.Name)
}

// Reset takes a change back. A name without one is not found.
func (s *Service) Reset(ctx context.Context, who actor.Actor, org, name string) (err error) {
	defer fault.Wrap(&err, "calendar.Reset(%s)", name)
	found := false
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		var before *models.Alias
		if before, found, err = remove(ctx, tx, org, name); err != nil || !found {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "calendar_entry.deleted", Object: name, Before: before})
	})
	if err != nil {
		return err
	}
	if !found {
		return fault.New(fault.NotFound, "The calendar's entry of `%s` was not changed here, so there is nothing to take back.", clip(name)).WithCode("calendar_entry_not_found")
	}
	return s.changed(ctx, name)
}

func (s *Service) changed(ctx context.Context, name string) error {
	err := s.Load(ctx)
	s.o.Bus.Publish(topic, name)
	return err
}

// List returns the calendar as an organization sees it.
func (s *Service) List(who actor.Actor) []models.Entry { return s.o.Models.Calendar(who) }

// Get returns one name's entry as an organization sees it.
func (s *Service) Get(who actor.Actor, name string) (models.Entry, error) {
	for _, e := range s.List(who) {
		if e.Name == name {
			return e, nil
		}
	}
	return models.Entry{}, fault.New(fault.NotFound, "The calendar has no entry for `%s`.", clip(name)).WithCode("calendar_entry_not_found")
}

// check refuses what would do nothing or something else than it says.
func (s *Service) check(org string, a models.Alias) error {
	if a.Name == "" || len(a.Name) > maxName || strings.TrimSpace(a.Name) != a.Name || strings.ContainsFunc(a.Name, func(r rune) bool { return r < ' ' }) {
		return fault.Param("name", "A name has 1 to %d bytes, no control characters and no spaces around it.", maxName)
	}
	for _, d := range []struct {
		param string
		day   models.Day
	}{{"announced", a.Announced}, {"shutdown", a.Shutdown}} {
		if !d.day.Valid() {
			return badDay(d.param, d.day)
		}
	}
	if err := s.checkMoves(org, a); err != nil {
		return err
	}
	switch {
	case a.Kind != "" && !slices.Contains([]models.Use{models.UseChat, models.UseCompletion, models.UseEdit, models.UseEmbedding}, a.Kind):
		return fault.Param("kind", "Invalid value: '%s'. Supported values are: 'chat', 'completion', 'edit', and 'embedding'.", clip(string(a.Kind))).WithCode("invalid_value")
	case a.Serves != "" && !slices.Contains([]catalog.Kind{catalog.Chat, catalog.Code, catalog.Embeddings}, a.Serves):
		return fault.Param("serves", "Invalid value: '%s'. Supported values are: 'chat', 'code', and 'embeddings'.", clip(string(a.Serves))).WithCode("invalid_value")
	case a.After != "" && a.After != models.Keep && a.After != models.Fail:
		return fault.Param("after", "Invalid value: '%s'. Supported values are: 'keep' and 'fail'.", clip(string(a.After))).WithCode("invalid_value")
	case a.Encoding != "" && a.Encoding != models.Native && !slices.Contains(bpe.Names(), a.Encoding):
		return fault.Param("encoding", "Invalid value: '%s'. Supported values are: '%s' and '%s'.", clip(a.Encoding), strings.Join(bpe.Names(), "', '"), models.Native).WithCode("invalid_value")
	case a.Count != "" && a.Count != models.CountNative && a.Count != models.CountEncoding:
		return fault.Param("count", "Invalid value: '%s'. Supported values are: 'native' and 'encoding'.", clip(string(a.Count))).WithCode("invalid_value")
	case a.Count == models.CountEncoding && a.Encoding == models.Native:
		return fault.Param("count", "Invalid 'count': an entry whose encoding is native has the served model's tokens only; count with native, or name an encoding.").WithCode("invalid_value")
	case a.Window < 0:
		return fault.Param("window", "Invalid 'window': a number of tokens is not negative.")
	case a.Dimensions < 0 || a.Dimensions > maxDimensions:
		return fault.Param("dimensions", "Invalid 'dimensions': expected 1 to %d.", maxDimensions)
	case a.Created < 0:
		return fault.Param("created", "Invalid 'created': seconds since 1970 are not negative.")
	}
	for _, p := range []struct {
		param string
		price *float64
		unit  string
	}{
		{"input_price", a.InputPrice, "1,000 tokens"}, {"cached_price", a.CachedPrice, "1,000 tokens"}, {"output_price", a.OutputPrice, "1,000 tokens"},
		{"image_price", a.ImagePrice, "an image"}, {"minute_price", a.MinutePrice, "a minute"}, {"speech_price", a.SpeechPrice, "1,000 characters"},
	} {
		if badPrice(p.price) {
			return fault.Param(p.param, "Invalid '%s': US dollars for %s are a number from 0 to %d.", p.param, p.unit, maxPrice).WithCode("invalid_value")
		}
	}
	for _, f := range [][2]string{{"served", a.Served}, {"replacement", a.Replacement}, {"owned_by", a.OwnedBy}} {
		if len(f[1]) > maxName {
			return fault.Param(f[0], "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", f[0], maxName, len(f[1])).WithCode("string_above_max_length")
		}
	}
	return nil
}

func (s *Service) checkMoves(org string, a models.Alias) error {
	if len(a.Moves) > maxMoves {
		return fault.Param("moves", "Invalid 'moves': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxMoves, len(a.Moves)).WithCode("array_above_max_length")
	}
	for i, m := range a.Moves {
		param := fmt.Sprintf("moves[%d]", i)
		if m.From.Time().IsZero() {
			return badDay(param+".from", m.From)
		}
		if m.To == a.Name {
			return fault.Param(param+".to", "`%s` cannot stand for itself.", a.Name)
		}
		if _, err := s.Get(actor.Actor{Org: org}, m.To); err != nil {
			return fault.Param(param+".to", "The calendar has no entry for `%s` that `%s` could stand for: make one first.", clip(m.To), a.Name)
		}
	}
	return nil
}

func badDay(param string, d models.Day) error {
	return fault.Param(param, "Invalid '%s': '%s' is no day like '2024-01-04'.", param, clip(string(d))).WithCode("invalid_value")
}

func badPrice(p *float64) bool { return p != nil && (!(*p >= 0 && *p <= maxPrice)) }

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }
