package llama

import (
	"fmt"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/jsonschema"
)

// BenchmarkGrammar measures a token of one sequence alone, free and under grammars of schemas.
func BenchmarkGrammar(b *testing.B) {
	backend := openTest(b, nil)
	prompt := backend.tokens(b, chatPrompt("Describe a cat as a JSON object with name, color, age and a long story."))
	for _, c := range []struct{ name, schema string }{
		{"free", ""},
		{"object", jsonschema.AnyObject},
		{"schema", `{"type":"object","properties":{"name":{"type":"string"},"color":{"enum":["black","white","red"]},"age":{"type":"integer","minimum":0,"maximum":30},"born":{"type":"string","format":"date"},"story":{"type":"string","minLength":600}},"required":["name","color","age","born","story"],"additionalProperties":false}`},
		{"list", `{"type":"array","minItems":40,"items":{"type":"object","properties":{"n":{"type":"integer"},"ok":{"type":"boolean"},"id":{"type":"string","format":"uuid"}},"required":["n","ok","id"]}}`},
	} {
		for _, temperature := range []float32{0, 1} {
			b.Run(fmt.Sprintf("%s/temperature=%v", c.name, temperature), func(b *testing.B) {
				req := engine.GenerateRequest{Tokens: prompt, MaxTokens: 128, IgnoreEOS: c.schema == "", Sampling: engine.Sampling{Temperature: temperature, TopP: 1, Seed: 1}}
				if c.schema != "" {
					g, err := jsonschema.Compile([]byte(c.schema), jsonschema.Options{})
					if err != nil {
						b.Fatal(err)
					}
					req.Sampling.Grammar = &engine.Grammar{GBNF: g.GBNF, Root: jsonschema.Root}
				}
				tokens := 0
				for b.Loop() {
					r := collect(b.Context(), backend, req)
					if r.err != nil {
						b.Fatal(r.err)
					}
					tokens += r.done.CompletionTokens
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(tokens), "ms/token")
				b.ReportMetric(float64(tokens)/float64(b.N), "tokens")
			})
		}
	}
}
