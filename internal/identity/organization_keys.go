package identity

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// ProjectKeys lists a project's keys: with access "active" those whose owner is in the project, with
// "inactive" the others.
func (s *Service) ProjectKeys(ctx context.Context, who actor.Actor, in, access string, p store.Paging) (_ []Key, more bool, err error) {
	defer fault.Wrap(&err, "identity.ProjectKeys(%s)", in)
	if err := inReach(who, in, actor.OrganizationRead); err != nil {
		return nil, false, err
	}
	if _, err := project(ctx, s.db.Read(), who, in); err != nil {
		return nil, false, err
	}
	if err := s.Flush(ctx); err != nil {
		return nil, false, err
	}
	return s.listKeys(ctx, who, keyFilter{project: in, access: access}, p)
}

// ProjectKey returns one key of a project.
func (s *Service) ProjectKey(ctx context.Context, who actor.Actor, in, id string) (k Key, err error) {
	defer fault.Wrap(&err, "identity.ProjectKey(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationRead); err != nil {
		return k, err
	}
	if _, err := project(ctx, s.db.Read(), who, in); err != nil {
		return k, err
	}
	return s.oneKey(ctx, who, keyFilter{project: in}, "api_key_id", id)
}

func (s *Service) oneKey(ctx context.Context, who actor.Actor, f keyFilter, param, id string) (k Key, err error) {
	if err := s.Flush(ctx); err != nil {
		return k, err
	}
	k, err = s.key(ctx, s.db.Read(), who, f, id)
	if errors.Is(err, store.ErrNoRows) {
		return k, notFound(param, "API key", id)
	}
	return k, err
}

// DeleteProjectKey revokes a user's key of a project. A service account's key ends with its account.
func (s *Service) DeleteProjectKey(ctx context.Context, who actor.Actor, in, id string) (err error) {
	defer fault.Wrap(&err, "identity.DeleteProjectKey(%s, %s)", in, id)
	if err := inReach(who, in, actor.OrganizationWrite); err != nil {
		return err
	}
	k, err := s.ProjectKey(ctx, who, in, id)
	if err != nil {
		return err
	}
	if k.Service != "" {
		return fault.Param("api_key_id", "This key belongs to the service account %s: delete the service account instead.", k.Service).WithCode("service_account_key")
	}
	return s.revoke(ctx, who, keyFilter{project: in}, "api_key_id", id)
}

// adminScopes are what a key of the organization may do, as far as its owner's role allows.
var adminScopes = []string{"organization.*", "audit.*", "usage.*", "limits.*", "billing.*"}

// AdminKeys lists the keys of the organization itself.
func (s *Service) AdminKeys(ctx context.Context, who actor.Actor, p store.Paging) (_ []Key, more bool, err error) {
	defer fault.Wrap(&err, "identity.AdminKeys")
	if err := s.Flush(ctx); err != nil {
		return nil, false, err
	}
	return s.listKeys(ctx, who, keyFilter{}, p)
}

// AdminKey returns one key of the organization itself.
func (s *Service) AdminKey(ctx context.Context, who actor.Actor, id string) (_ Key, err error) {
	defer fault.Wrap(&err, "identity.AdminKey(%s)", id)
	return s.oneKey(ctx, who, keyFilter{}, "key_id", id)
}

// CreateAdminKey makes a key of the organization, for its administration alone. lifetime 0 is for ever.
func (s *Service) CreateAdminKey(ctx context.Context, who actor.Actor, name string, lifetime time.Duration) (secret string, k Key, err error) {
	defer fault.Wrap(&err, "identity.CreateAdminKey")
	if name, err = nameOf("name", name); err != nil {
		return "", k, err
	}
	if who.User == "" {
		return "", k, fault.New(fault.Forbidden, "A key of an organization belongs to a user, and you act as none here.")
	}
	secret, k, d := s.newKey("sk-admin-", name, actor.Both(adminScopes, who.Scopes))
	k.User, k.Owner = who.User, KeyOwner{Email: who.Email, Role: who.Role}
	if lifetime > 0 {
		k.Expires = k.Created.Add(lifetime)
	}
	if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.insertKey(ctx, tx, who, k, d) }); err != nil {
		return "", k, err
	}
	k, err = s.oneKey(ctx, who, keyFilter{}, "key_id", k.ID)
	return secret, k, err
}

// DeleteAdminKey revokes a key of the organization.
func (s *Service) DeleteAdminKey(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "identity.DeleteAdminKey(%s)", id)
	return s.revoke(ctx, who, keyFilter{}, "key_id", id)
}
