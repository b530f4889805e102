package models

import (
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// FromConfig takes what concerns models out of the configuration.
func FromConfig(c *config.Config) Settings {
	s := Settings{
		Window: c.Engine.Context, Library: c.Engine.Library, Threads: c.Engine.Threads, Slots: c.Engine.Slots, Cells: c.Engine.Cells,
		PrefixMemory: int64(c.Engine.PrefixMemory),
		Defaults:     map[catalog.Kind]string{catalog.Chat: c.Defaults.Chat, catalog.Embeddings: c.Defaults.Embedding},
		Completion:   c.Defaults.Completion,
	}
	for name, served := range c.Aliases {
		s.Aliases = append(s.Aliases, Alias{Name: name, Served: served})
	}
	slices.SortFunc(s.Aliases, func(a, b Alias) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range c.Remotes {
		remote := Remote{Name: r.Name, URL: r.URL, APIKey: r.APIKey}
		for _, name := range r.Models {
			remote.Models = append(remote.Models, RemoteModel{Name: name})
		}
		s.Remotes = append(s.Remotes, remote)
	}
	return s
}
