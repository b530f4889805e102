package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
)

// completeWith lets the shell complete a command's arguments with the names of models. It reads files
// only: a shell must not wait for a server.
func completeWith(a *app, names func(*models.Registry) []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		_, reg, err := a.models()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names(reg), cobra.ShellCompDirectiveDefault
	}
}

// catalogNames are the models that can be pulled.
func catalogNames(reg *models.Registry) []string {
	var out []string
	for _, e := range reg.Catalog().Entries {
		if e.Kind != catalog.Library {
			out = append(out, cobra.CompletionWithDesc(e.Name, e.Title))
		}
	}
	return out
}

func installedNames(reg *models.Registry) []string {
	var out []string
	for _, in := range reg.Installed() {
		if in.Kind != catalog.Library {
			out = append(out, in.Name)
		}
	}
	return out
}

// chatNames are the names that chats can ask for.
func chatNames(reg *models.Registry) []string {
	list, err := reg.List(context.Background(), actor.Actor{})
	if err != nil {
		return nil
	}
	var out []string
	for _, m := range list {
		if m.Kind == catalog.Chat || m.Kind == catalog.Code {
			out = append(out, m.ID)
		}
	}
	return out
}
