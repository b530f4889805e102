package server

import (
	"log/slog"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
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
	s := models.Settings{
		Defaults: map[catalog.Kind]string{},
		Window:   cfg.Engine.Context,
		Library:  cfg.Engine.Library,
		Threads:  cfg.Engine.Threads,
		Slots:    cfg.Engine.Slots,
	}
	if cfg.Defaults.Chat != "" {
		s.Defaults[catalog.Chat] = cfg.Defaults.Chat
	}
	if cfg.Defaults.Embedding != "" {
		s.Defaults[catalog.Embeddings] = cfg.Defaults.Embedding
	}
	for name, served := range cfg.Aliases {
		s.Aliases = append(s.Aliases, models.Alias{Name: name, Served: served})
	}
	for _, r := range cfg.Remotes {
		remote := models.Remote{Name: r.Name, URL: r.URL, APIKey: r.APIKey}
		for _, m := range r.Models {
			remote.Models = append(remote.Models, models.RemoteModel{Name: m})
		}
		s.Remotes = append(s.Remotes, remote)
	}
	return models.Options{
		Home: cfg.Home, Cache: cfg.Cache, HTTP: egress.Client(egress.Operator), Log: log,
		Memory: int64(cfg.Engine.MemoryBudget), Settings: s,
	}
}
