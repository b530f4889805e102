package llama

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

func TestPrepare(t *testing.T) {
	spec := assets(t)
	text := strings.Repeat("In the beginning the city was small, and its people knew each other by name. ", 6)
	before, err := Preparer{}.Score(t.Context(), engine.ScoreRequest{Spec: spec, Text: text}, nil)
	if err != nil || before.Tokens < 60 || before.LogLikelihood >= 0 {
		t.Fatalf("score %+v, %v", before, err)
	}
	target := filepath.Join(t.TempDir(), "lossless.gguf")
	done := 0.0
	req := engine.QuantizeRequest{Library: spec.Library, Source: spec.Path, Target: target, Layout: "lossless", Threads: 1}
	if err := (Preparer{}).Quantize(t.Context(), req, func(f float64) { done = f }); err != nil || done != 1 {
		t.Fatalf("quantize: %v, progress %v", err, done)
	}
	spec.Path = target
	after, err := Preparer{}.Score(t.Context(), engine.ScoreRequest{Spec: spec, Text: text}, nil)
	if err != nil || after.Tokens != before.Tokens {
		t.Fatalf("score %+v, %v", after, err)
	}
	if d := (after.LogLikelihood - before.LogLikelihood) / float64(before.Tokens); d < -0.02 || d > 0.02 {
		t.Errorf("lossless changed the log-likelihood per token by %v", d)
	}
	if err := (Preparer{}).Quantize(t.Context(), req, nil); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("an existing target: %v", err)
	}
	req.Layout, req.Target = "tiny", target+"2"
	if err := (Preparer{}).Quantize(t.Context(), req, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown layout: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	spec := assets(t)
	whole, err := os.ReadFile(spec.Path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.gguf")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*engine.Spec)
		want   []string
	}{
		{"a file cut short", func(s *engine.Spec) { s.Path, s.SHA256 = cut, "abc" }, []string{cut, "expected abc", "found "}},
		{"no file", func(s *engine.Spec) { s.Path = cut + "x" }, []string{cut + "x"}},
		{"no model", func(s *engine.Spec) { s.Path = os.Args[0] }, []string{"expected unknown"}},
		{"other libraries", func(s *engine.Spec) { s.Library = t.TempDir() }, []string{"this process has loaded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "other libraries" {
				openTest(t, nil)
			}
			s := spec
			c.change(&s)
			b, err := Open(t.Context(), s, nil)
			if err == nil || b != nil {
				t.Fatalf("opened %v, %v", b, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not say %q", err, want)
				}
			}
		})
	}
}
