package chattemplate

import (
	"encoding/json"
	"fmt"
	"testing"
)

func conversation(messages int) []json.RawMessage {
	out := raw(`{"role": "system", "content": "You are a helpful assistant."}`)
	for i := range messages - 1 {
		role := []string{"user", "assistant"}[i%2]
		out = append(out, json.RawMessage(fmt.Sprintf(`{"role": %q, "content": "Message %d, of a usual length: some forty words would be more, but the time goes into the template."}`, role, i)))
	}
	return out
}

func BenchmarkRender(b *testing.B) {
	var tools []json.RawMessage
	for _, c := range cases(b) {
		if c.Name == "tools_many" {
			tools = c.Tools
		}
	}
	for name, source := range map[string]string{
		"chatml":   chatML,
		"qwen3":    readTemplate(b, "Qwen-Qwen3-0.6B.jinja"),
		"llama3.1": readTemplate(b, "meta-llama-Llama-3.1-8B-Instruct.jinja"),
		"gpt-oss":  readTemplate(b, "openai-gpt-oss-120b.jinja"),
	} {
		tmpl := mustParse(b, source)
		for suffix, in := range map[string]Input{
			"20 messages":           {Messages: conversation(20)},
			"20 messages and tools": {Messages: conversation(20), Tools: tools},
		} {
			in.AddGenerationPrompt, in.BOS, in.EOS, in.Now = true, "<s>", "</s>", now
			b.Run(name+"/"+suffix, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := tmpl.RenderAdapted(in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	source := readTemplate(b, "openai-gpt-oss-120b.jinja")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(source); err != nil {
			b.Fatal(err)
		}
	}
}
