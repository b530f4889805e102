package server

import (
	"log/slog"
	"strings"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/identity/sso"
	"github.com/parley-ai/parley/internal/models"
)

// Options are what New needs. Config, Log and Openers are required.
type Options struct {
	Config  *config.Config
	Log     *slog.Logger
	Version string
	Clock   clock.Clock              // nil: the system's
	Openers map[string]engine.Opener // by driver: "llama", "remote"
	// Preparer makes the weights of models that are pulled ready for this machine; nil leaves them as they are.
	Preparer engine.Preparer
}

// ModelOptions opens the models that the configuration describes.
func ModelOptions(cfg *config.Config, log *slog.Logger) models.Options {
	return models.Options{
		Home: cfg.Home, Cache: cfg.Cache, HTTP: egress.Client(egress.Operator), Public: egress.Downloads(), Log: log,
		Memory: int64(cfg.Engine.MemoryBudget), Settings: models.FromConfig(cfg),
	}
}

// ssoConfig is single sign-on's part of the configuration.
func ssoConfig(c config.SSO) sso.Config {
	return sso.Config{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Name: c.Name, Scopes: strings.Fields(c.Scopes), GroupsClaim: c.GroupsClaim,
		Domains: strings.FieldsFunc(c.Domains, func(r rune) bool { return r == ',' || r == ' ' }), Create: c.Create, Organization: c.Organization,
	}
}
