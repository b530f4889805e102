package signin

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// Prove refuses who cannot show again that the account is theirs, see Proof: for what other packages do with accounts.
func (s *Service) Prove(ctx context.Context, who actor.Actor, password string) (err error) {
	defer fault.Wrap(&err, "signin.Prove")
	return s.prove(ctx, who, Proof{Password: password})
}
