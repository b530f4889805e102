package generate

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
)

// Known reports by its error whether the caller may ask for a model by this name; the model is not loaded.
func (s *Service) Known(ctx context.Context, who actor.Actor, model string) error {
	_, err := s.Models.Resolve(ctx, who, model)
	return err
}

// Window is how many tokens prompt and answer of a model may have together; 0 is not known (remote). It loads the model.
func (s *Service) Window(ctx context.Context, who actor.Actor, model string) (int, error) {
	target, err := s.Models.Resolve(ctx, who, model)
	if err != nil {
		return 0, err
	}
	backend, release, err := s.Pool.Use(ctx, target.Spec)
	if err != nil {
		return 0, canceled(ctx, err)
	}
	defer release()
	info, err := backend.Info(ctx)
	if err != nil {
		return 0, canceled(ctx, err)
	}
	return window(target.Window, info.ContextWindow), nil
}
