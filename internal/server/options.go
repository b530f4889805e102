package server

import (
	"log/slog"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/models"
)

// Options are what New needs. Config, Log and Openers are required.
type Options struct {
	Config  *config.Config
	Log     *slog.Logger
	Version string
	Clock   clock.Clock              // nil: the system's
	Openers map[string]engine.Opener // by driver: "llama", "remote"
}

// ModelOptions opens the models that the configuration describes.
func ModelOptions(cfg *config.Config, log *slog.Logger) models.Options {
	return models.Options{
		Home: cfg.Home, Cache: cfg.Cache, HTTP: egress.Client(egress.Operator), Log: log,
		Memory: int64(cfg.Engine.MemoryBudget), Settings: models.FromConfig(cfg),
	}
}
