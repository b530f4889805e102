package sso

import (
	"context"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/ids"
)

// Mapping is what a group of the provider may in an organization.
type Mapping struct {
	ID       string
	Org      string
	Group    string
	Role     string
	Projects []identity.ProjectRole // none: the default project
	Created  time.Time
}

func (m Mapping) audited() map[string]any {
	return map[string]any{"group": m.Group, "role": m.Role, "projects": m.Projects}
}

// Settings are an organization's.
type Settings struct {
	Required bool // sessions that began with a password may nothing in it
	Mappings []Mapping
}

// Settings returns the organization's.
func (s *Service) Settings(ctx context.Context, who actor.Actor) (_ Settings, err error) {
	defer fault.Wrap(&err, "sso.Settings")
	return s.settings(ctx, who.Org)
}

// Require closes the organization to sessions that began with a password, or opens it again. Who closes it has to
// have come through the provider: the way in is known to work then.
func (s *Service) Require(ctx context.Context, who actor.Actor, required bool) (err error) {
	defer fault.Wrap(&err, "sso.Require")
	if required && !s.Configured() {
		return notConfigured()
	}
	return s.setRequired(ctx, who, required)
}

// CreateMapping gives a group a role.
func (s *Service) CreateMapping(ctx context.Context, who actor.Actor, m Mapping) (_ Mapping, err error) {
	defer fault.Wrap(&err, "sso.CreateMapping")
	if m, err = check(m); err != nil {
		return m, err
	}
	m.ID, m.Org, m.Created = ids.New("ssomap_"), who.Org, s.now()
	return m, s.insertMapping(ctx, who, m)
}

// UpdateMapping changes what a group may.
func (s *Service) UpdateMapping(ctx context.Context, who actor.Actor, id string, m Mapping) (_ Mapping, err error) {
	defer fault.Wrap(&err, "sso.UpdateMapping(%s)", id)
	if m, err = check(m); err != nil {
		return m, err
	}
	return s.updateMapping(ctx, who, id, m)
}

// DeleteMapping ends it: who came by it alone loses their membership at their next sign-in.
func (s *Service) DeleteMapping(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "sso.DeleteMapping(%s)", id)
	return s.deleteMapping(ctx, who, id)
}

func check(m Mapping) (Mapping, error) {
	m.Group = strings.TrimSpace(m.Group)
	switch n := len([]rune(m.Group)); {
	case n == 0:
		return m, fault.Param("group", "Missing required parameter: 'group'.").WithCode("missing_required_parameter")
	case n > maxGroup:
		return m, fault.Param("group", "Invalid 'group': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", maxGroup, n).WithCode("string_above_max_length")
	case !identity.Storable(m.Group):
		return m, fault.Param("group", "Invalid 'group': a text has no NUL character.").WithCode("invalid_value")
	}
	return m, nil
}

// Identity is a way into a user's account.
type Identity struct {
	ID       string
	Issuer   string
	Email    string
	Created  time.Time
	LastUsed time.Time
}

// Identities lists the actor's own.
func (s *Service) Identities(ctx context.Context, who actor.Actor) (_ []Identity, err error) {
	defer fault.Wrap(&err, "sso.Identities")
	if err := identity.InBrowser(who); err != nil {
		return nil, err
	}
	return s.identities(ctx, who.User)
}

// StartLink begins a flow that links an identity to the actor's account. password confirms that it is theirs.
func (s *Service) StartLink(ctx context.Context, who actor.Actor, password, next string) (address, sealed string, err error) {
	defer fault.Wrap(&err, "sso.StartLink")
	if err := identity.InBrowser(who); err != nil {
		return "", "", err
	}
	if err := s.confirm(ctx, who, password); err != nil {
		return "", "", err
	}
	return s.Start(ctx, next, who)
}

// Unlink ends a way into the actor's account.
func (s *Service) Unlink(ctx context.Context, who actor.Actor, id, password string) (err error) {
	defer fault.Wrap(&err, "sso.Unlink(%s)", id)
	if err := identity.InBrowser(who); err != nil {
		return err
	}
	if err := s.confirm(ctx, who, password); err != nil {
		return err
	}
	return s.deleteIdentity(ctx, who, id)
}
