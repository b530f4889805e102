package models

import (
	_ "embed"
	"fmt"

	"github.com/goccy/go-yaml"

	"github.com/parley-ai/parley/internal/models/catalog"
)

//go:embed aliases.yaml
var aliasesYAML []byte

// Use says which endpoints a name is for.
type Use string

// The uses.
const (
	UseChat       Use = "chat"
	UseCompletion Use = "completion"
	UseEdit       Use = "edit"
	UseEmbedding  Use = "embedding"
)

// Alias is a name that programs ask for. In the configuration, fields left empty keep what the
// built-in row of the same name says.
type Alias struct {
	Name    string       `yaml:"name" json:"name" koanf:"name"`
	Served  string       `yaml:"served,omitempty" json:"served,omitempty" koanf:"served"`       // served model; empty is the default of Serves
	Kind    Use          `yaml:"kind,omitempty" json:"kind,omitempty" koanf:"kind"`             // empty: what the served model is for
	Serves  catalog.Kind `yaml:"serves,omitempty" json:"serves,omitempty" koanf:"serves"`       // whose default: chat, code, embeddings; empty follows Kind
	Window  int          `yaml:"window,omitempty" json:"window,omitempty" koanf:"window"`       // tokens; 0 is the served model's
	Created int64        `yaml:"created,omitempty" json:"created,omitempty" koanf:"created"`    // seconds since 1970
	OwnedBy string       `yaml:"owned_by,omitempty" json:"owned_by,omitempty" koanf:"owned_by"` // as GET /v1/models says it
	// Encoding is tiktoken's name of the original's vocabulary; empty, or "native", is the served model's own.
	Encoding string `yaml:"encoding,omitempty" json:"encoding,omitempty" koanf:"encoding"`
	// Dimensions is how long the original's vectors were, which programs' tables expect; 0 is as the served model makes them.
	Dimensions int `yaml:"dimensions,omitempty" json:"dimensions,omitempty" koanf:"dimensions"`
}

// defaultOf is whose default answers for the alias.
func (a Alias) defaultOf() catalog.Kind {
	switch {
	case a.Serves != "":
		return a.Serves
	case a.Kind == UseEmbedding:
		return catalog.Embeddings
	}
	return catalog.Chat
}

func builtinAliases() ([]Alias, error) {
	var doc struct {
		Aliases []Alias `yaml:"aliases"`
	}
	if err := yaml.UnmarshalWithOptions(aliasesYAML, &doc, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("built-in aliases: %w", err)
	}
	return doc.Aliases, nil
}

// mergeAliases lays rows over the built-in ones.
func mergeAliases(base, over []Alias) ([]Alias, error) {
	out := append([]Alias(nil), base...)
	index := make(map[string]int, len(out))
	for i, a := range out {
		index[a.Name] = i
	}
	for _, a := range over {
		if a.Name == "" {
			return nil, fmt.Errorf("aliases: a row has no name")
		}
		i, known := index[a.Name]
		if !known {
			index[a.Name] = len(out)
			out = append(out, a)
			continue
		}
		row := &out[i]
		if a.Served != "" {
			row.Served = a.Served
		}
		if a.Kind != "" {
			row.Kind = a.Kind
		}
		if a.Serves != "" {
			row.Serves = a.Serves
		}
		if a.Window > 0 {
			row.Window = a.Window
		}
		if a.Created > 0 {
			row.Created = a.Created
		}
		if a.OwnedBy != "" {
			row.OwnedBy = a.OwnedBy
		}
		if a.Encoding != "" {
			row.Encoding = a.Encoding
		}
		if a.Dimensions > 0 {
			row.Dimensions = a.Dimensions
		}
	}
	return out, nil
}
