package identity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// KeyChange is what of a key is to be otherwise; what is nil stays.
type KeyChange struct {
	Name    *string
	Scopes  []string
	Models  **[]string // to nil: all
	Track   *bool
	Expires **time.Time // to nil: never
}

// APIKey returns one of the keys that ListKeys lists.
func (s *Service) APIKey(ctx context.Context, who actor.Actor, id string) (_ Key, err error) {
	defer fault.Wrap(&err, "identity.APIKey(%s)", id)
	return s.oneKey(ctx, who, keyFilter{project: who.Project, own: !who.Manages()}, "key", id)
}

// UpdateKey changes one of the keys that ListKeys lists: here at once, on other servers within a second. What it gives the key is
// at most what the actor may; what the key has already, somebody who may less than its owner may leave to it or take from it.
func (s *Service) UpdateKey(ctx context.Context, who actor.Actor, id string, change KeyChange) (k Key, err error) {
	defer fault.Wrap(&err, "identity.UpdateKey(%s)", id)
	if change.Name != nil {
		name, err := nameOf("name", *change.Name)
		if err != nil {
			return k, err
		}
		change.Name = &name
	}
	k, err = s.updateKey(ctx, who, keyFilter{project: who.Project, own: !who.Manages()}, id, func(k *Key) error { return s.apply(who, change, k) })
	if errors.Is(err, store.ErrNoRows) {
		return k, notFound("key", "API key", id)
	}
	if err == nil {
		s.drop(func(a actor.Actor) bool { return a.Key == id })
	}
	return k, err
}

// apply makes the change, or says why the actor may not.
func (s *Service) apply(who actor.Actor, change KeyChange, k *Key) (err error) {
	if change.Name != nil {
		k.Name = *change.Name
	}
	if change.Track != nil {
		k.Track = *change.Track
	}
	if change.Scopes != nil {
		if k.Scopes, err = regrant(who, *k, change.Scopes); err != nil {
			return err
		}
	}
	if change.Models != nil {
		var models []string
		if *change.Models != nil {
			models = append([]string{}, **change.Models...)
		}
		narrower := models != nil && k.Models != nil && !slices.ContainsFunc(models, func(name string) bool { return !slices.Contains(k.Models, name) })
		if !narrower {
			if models, err = modelsOf(who, models); err != nil {
				return err
			}
		}
		k.Models = models
	}
	if change.Expires != nil {
		if *change.Expires == nil {
			k.Expires = time.Time{}
			return nil
		}
		k.Expires = (*change.Expires).UTC().Truncate(time.Millisecond)
		if !k.Expires.After(s.now()) {
			return fault.Param("expires_at", "Invalid 'expires_at': the time has passed. To end the key now, revoke it.").WithCode("invalid_value")
		}
	}
	return nil
}

// regrant checks what a key is to be allowed from now on. In one's own hands that is what a new key could have. Another's key acts
// with its owner's role: it gets only what the actor holds themselves, or had before.
func regrant(who actor.Actor, k Key, scopes []string) ([]string, error) {
	if who.Key == "" && k.User == who.User && k.Service == "" {
		return grant(who, scopes)
	}
	var more []string
	for _, scope := range scopes {
		if !actor.Covers(k.Scopes, scope) && !actor.Covers(who.Scopes, scope) {
			more = append(more, scope)
		}
	}
	if len(more) == 0 {
		return scopes, nil
	}
	if _, err := grant(who, more[:1]); err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Forbidden, "You cannot give another's key the scope '%s', which you do not have yourself.", strings.Join(more, "', '")).WithCode("missing_scope")
}
