package generate

import (
	"testing"

	"github.com/parley-ai/parley/internal/engine"
)

func TestFormatGoesToWhoeverKeepsIt(t *testing.T) {
	f := &Format{Grammar: engine.Grammar{GBNF: `root ::= "a"`, Root: "root"}, Note: "Say a.", Remote: `{"type":"json_object"}`}
	var local, remote, free engine.GenerateRequest
	f.apply(&local, engine.Info{Input: engine.InputTokens})
	f.apply(&remote, engine.Info{Input: engine.InputMessages})
	(*Format)(nil).apply(&free, engine.Info{})
	if local.Sampling.Grammar == nil || local.Sampling.Grammar.GBNF != `root ::= "a"` || local.ResponseFormat != "" {
		t.Errorf("served here: %+v", local)
	}
	if remote.Sampling.Grammar != nil || remote.ResponseFormat != `{"type":"json_object"}` {
		t.Errorf("answered elsewhere: %+v", remote)
	}
	if free.Sampling.Grammar != nil || free.ResponseFormat != "" {
		t.Errorf("free text: %+v", free)
	}

	asked := []engine.Message{{Role: "system", Content: "Be kind."}, {Role: "user", Content: "Hi"}}
	if told := f.tell(asked); len(told) != 2 || told[0].Content != "Be kind.\n\nSay a." || asked[0].Content != "Be kind." {
		t.Errorf("told %+v, asked %+v", told, asked)
	}
	if told := f.tell(asked[1:]); len(told) != 2 || told[0].Role != "system" || told[0].Content != "Say a." || told[1].Content != "Hi" {
		t.Errorf("without a system message: %+v", told)
	}
}
