package models

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"time"

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

// After is what becomes of a name when it was shut down.
type After string

// The two ways.
const (
	Keep After = "keep" // it is answered as before: what Parley is for
	Fail After = "fail" // it is not found, as in the original
)

// Native as an alias's encoding is the served model's own vocabulary.
const Native = "native"

// Count says in whose tokens a name counts usage, limits, windows and max_tokens.
type Count string

// The two ways.
const (
	CountNative   Count = "native"   // the served model's, which logprobs speak of, too
	CountEncoding Count = "encoding" // those of the name's encoding, for programs that compare with tiktoken
)

// Day is a date, "2024-01-04", of which midnight UTC counts. Empty is not said; Never takes back what a
// layer below says.
type Day string

// Never is no day.
const Never Day = "never"

// Time returns the day's beginning; zero for Never, for none, and for what is no date.
func (d Day) Time() time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Valid reports whether it is a date, Never, or empty.
func (d Day) Valid() bool { return d == "" || d == Never || !d.Time().IsZero() }

// Move makes a name stand for a snapshot from a day on.
type Move struct {
	From Day    `yaml:"from" json:"from" doc:"The day of the move." example:"2023-06-27"`
	To   string `yaml:"to" json:"to" doc:"The snapshot." example:"gpt-3.5-turbo-0613"`
}

// Alias is a name that programs ask for: a row of the calendar. Rows lie in layers: the built-in table,
// the configuration, what was changed while running for everybody, and for one organization. Fields left
// empty keep what the layer below says.
type Alias struct {
	Name        string       `yaml:"name" json:"name,omitzero" doc:"The name that programs ask for."`
	Served      string       `yaml:"served,omitempty" json:"served,omitzero" doc:"The model that answers; empty is the default of its kind, or what answers for the snapshot that it stands for."`
	Kind        Use          `yaml:"kind,omitempty" json:"kind,omitzero" doc:"Which endpoints it is for; empty is what the served model is for." enum:"chat,completion,edit,embedding"`
	Serves      catalog.Kind `yaml:"serves,omitempty" json:"serves,omitzero" doc:"Whose default answers: chat, code, embeddings; empty follows kind."`
	Moves       []Move       `yaml:"moves,omitempty" json:"moves,omitzero" doc:"Which snapshot it stands for from when on; an empty list takes them back. What it does not say itself, the snapshot says."`
	Announced   Day          `yaml:"announced,omitempty" json:"announced,omitzero" doc:"When its end was announced; never takes it back." example:"2023-07-06"`
	Shutdown    Day          `yaml:"shutdown,omitempty" json:"shutdown,omitzero" doc:"When it is shut down; never takes it back." example:"2024-01-04"`
	Replacement string       `yaml:"replacement,omitempty" json:"replacement,omitzero" doc:"What to use instead."`
	After       After        `yaml:"after,omitempty" json:"after,omitzero" doc:"What happens after the shutdown: keep answers as before, fail says model_not_found." enum:"keep,fail" default:"keep"`
	Window      int          `yaml:"window,omitempty" json:"window,omitzero" doc:"Tokens of prompt and answer together; for embeddings, of one input."`
	InputPrice  *float64     `yaml:"input_price,omitempty" json:"input_price,omitzero" doc:"US dollars for 1,000 tokens of prompt."`
	CachedPrice *float64     `yaml:"cached_price,omitempty" json:"cached_price,omitzero" doc:"US dollars for 1,000 tokens of prompt that were computed for an earlier request; left out, as the others."`
	OutputPrice *float64     `yaml:"output_price,omitempty" json:"output_price,omitzero" doc:"US dollars for 1,000 tokens of answer."`
	ImagePrice  *float64     `yaml:"image_price,omitempty" json:"image_price,omitzero" doc:"US dollars for an image that is made."`
	MinutePrice *float64     `yaml:"minute_price,omitempty" json:"minute_price,omitzero" doc:"US dollars for a minute of audio that is heard."`
	SpeechPrice *float64     `yaml:"speech_price,omitempty" json:"speech_price,omitzero" doc:"US dollars for 1,000 characters that are spoken."`
	Created     int64        `yaml:"created,omitempty" json:"created,omitzero" doc:"Seconds since 1970, as GET /v1/models says it."`
	OwnedBy     string       `yaml:"owned_by,omitempty" json:"owned_by,omitzero" doc:"As GET /v1/models says it."`
	Encoding    string       `yaml:"encoding,omitempty" json:"encoding,omitzero" doc:"tiktoken's name of the vocabulary that programs use with it; native is the served model's own." example:"cl100k_base"`
	Count       Count        `yaml:"count,omitempty" json:"count,omitzero" doc:"Whose tokens usage, limits, the window and max_tokens are counted in: native is the served model's, encoding those of the encoding." enum:"native,encoding" default:"native"`
	Dimensions  int          `yaml:"dimensions,omitempty" json:"dimensions,omitzero" doc:"How long its vectors are to be."`
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

// mergeAliases lays rows over others by name, and adds those that are new.
func mergeAliases(base, over []Alias) []Alias {
	out := slices.Clone(base)
	index := make(map[string]int, len(out))
	for i, a := range out {
		index[a.Name] = i
	}
	for _, a := range over {
		if i, known := index[a.Name]; known {
			out[i] = out[i].under(a)
			continue
		}
		index[a.Name] = len(out)
		out = append(out, a)
	}
	return out
}

// under returns the row with what over says laid over it.
func (a Alias) under(over Alias) Alias {
	if over.Moves == nil {
		over.Moves = a.Moves
	}
	return Alias{
		Name: a.Name, Served: cmp.Or(over.Served, a.Served), Kind: cmp.Or(over.Kind, a.Kind), Serves: cmp.Or(over.Serves, a.Serves),
		Moves: over.Moves, Announced: cmp.Or(over.Announced, a.Announced), Shutdown: cmp.Or(over.Shutdown, a.Shutdown),
		Replacement: cmp.Or(over.Replacement, a.Replacement), After: cmp.Or(over.After, a.After), Window: cmp.Or(over.Window, a.Window),
		InputPrice: cmp.Or(over.InputPrice, a.InputPrice), CachedPrice: cmp.Or(over.CachedPrice, a.CachedPrice), OutputPrice: cmp.Or(over.OutputPrice, a.OutputPrice),
		ImagePrice: cmp.Or(over.ImagePrice, a.ImagePrice), MinutePrice: cmp.Or(over.MinutePrice, a.MinutePrice), SpeechPrice: cmp.Or(over.SpeechPrice, a.SpeechPrice),
		Created: cmp.Or(over.Created, a.Created), OwnedBy: cmp.Or(over.OwnedBy, a.OwnedBy), Encoding: cmp.Or(over.Encoding, a.Encoding),
		Count: cmp.Or(over.Count, a.Count), Dimensions: cmp.Or(over.Dimensions, a.Dimensions),
	}
}
