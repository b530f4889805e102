package presets

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Limits of what is kept.
const (
	maxName     = 100       // characters
	maxSettings = 512 << 10 // bytes of JSON
	maxPresets  = 500       // of one user
)

// Modes of the playground.
var modes = []string{"chat", "complete", "edit"}

// Preset is what somebody keeps of the playground.
type Preset struct {
	ID       string
	Owner    string // id of a user, or of a service account
	Name     string
	Mode     string
	Settings jsontext.Value // an object; empty in lists
	Shared   bool           // the organization sees it
	Created  time.Time
	Updated  time.Time
}

// Service runs the operations. All fields are required.
type Service struct {
	DB    *store.DB
	Clock clock.Clock
}

// Change is a new preset, or what changes of one: fields that are nil stay.
type Change struct {
	Name     *string
	Mode     *string
	Settings jsontext.Value
	Shared   *bool
}

// owner is who an actor keeps presets as.
func owner(who actor.Actor) string {
	if who.User != "" {
		return who.User
	}
	return who.Service
}

// List returns the actor's presets and those that others of the organization share, the newest first, without
// their settings, and whether there are more.
func (s *Service) List(ctx context.Context, who actor.Actor, p store.Paging) (_ []Preset, more bool, err error) {
	list, more, err := s.list(ctx, who, p)
	if cursor, ok := errors.AsType[*store.CursorError](err); ok {
		return nil, false, notFound(cursor.Param, cursor.ID)
	}
	return list, more, err
}

// Get returns a preset of the actor's or one that is shared.
func (s *Service) Get(ctx context.Context, who actor.Actor, id string) (Preset, error) {
	return s.preset(ctx, s.DB.Read(), who, id)
}

// Create keeps a new preset; name, mode and settings are required.
func (s *Service) Create(ctx context.Context, who actor.Actor, c Change) (p Preset, err error) {
	if err := httpapi.First(
		httpapi.Required("name", c.Name != nil), httpapi.Required("mode", c.Mode != nil), httpapi.Required("settings", c.Settings != nil),
	); err != nil {
		return Preset{}, err
	}
	now := s.now()
	p = Preset{ID: ids.New("preset_"), Owner: owner(who), Created: now}
	if err := p.apply(c, now); err != nil {
		return Preset{}, err
	}
	return p, s.DB.Tx(ctx, func(tx *store.Tx) error {
		n, err := s.count(ctx, tx, who)
		switch {
		case err != nil:
			return err
		case n >= maxPresets:
			return fault.New(fault.Invalid, "You have %d presets, which is the most that are kept. Delete one first.", n)
		}
		return s.insert(ctx, tx, who, p)
	})
}

// Update changes a preset of the actor's.
func (s *Service) Update(ctx context.Context, who actor.Actor, id string, c Change) (p Preset, err error) {
	err = s.DB.Tx(ctx, func(tx *store.Tx) error {
		if err := s.lock(ctx, tx, who, id); err != nil {
			return err
		}
		if p, err = s.preset(ctx, tx, who, id); err != nil {
			return err
		}
		if p.Owner != owner(who) {
			return fault.New(fault.Forbidden, "The preset '%s' is shared with you by somebody else. Save a copy of your own to change it.", p.Name)
		}
		if err := p.apply(c, s.now()); err != nil {
			return err
		}
		return s.update(ctx, tx, p)
	})
	return p, err
}

// Delete removes a preset of the actor's; owners and admins of the organization remove any shared one.
func (s *Service) Delete(ctx context.Context, who actor.Actor, id string) error {
	return s.DB.Tx(ctx, func(tx *store.Tx) error {
		p, err := s.preset(ctx, tx, who, id)
		switch {
		case err != nil:
			return err
		case p.Owner != owner(who) && who.Role != actor.Owner && who.Role != actor.Admin:
			return fault.New(fault.Forbidden, "The preset '%s' is shared with you by somebody else. Its owner can delete it, or an owner of the organization.", p.Name)
		}
		return s.delete(ctx, tx, id)
	})
}

// apply checks a change and makes it.
func (p *Preset) apply(c Change, now time.Time) error {
	if c.Name != nil {
		name := strings.Join(strings.Fields(strings.ReplaceAll(*c.Name, "\x00", " ")), " ")
		switch n := utf8.RuneCountInString(name); {
		case n == 0:
			return fault.Param("name", "The name is empty. Give the preset a name.")
		case n > maxName:
			return fault.Param("name", "The name has %d characters, more than %d. Choose a shorter one.", n, maxName)
		}
		p.Name = name
	}
	if c.Mode != nil {
		if err := httpapi.OneOf("mode", *c.Mode, modes...); err != nil {
			return err
		}
		p.Mode = *c.Mode
	}
	if c.Settings != nil {
		if c.Settings.Kind() != '{' {
			return fault.Param("settings", "Invalid type for 'settings': expected an object.").WithCode("invalid_type")
		}
		if len(c.Settings) > maxSettings {
			return fault.Param("settings", "The settings have %d bytes, more than %d. Shorten the texts.", len(c.Settings), maxSettings)
		}
		p.Settings = c.Settings
	}
	if c.Shared != nil {
		p.Shared = *c.Shared
	}
	p.Updated = now
	return nil
}

func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// notFound is the answer to what does not exist and to what is somebody else's.
func notFound(param, id string) error {
	e := fault.New(fault.NotFound, "No preset found with id '%.80s'.", id)
	e.Param = param
	return e
}
