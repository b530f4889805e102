package limits

import (
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
)

// BenchmarkAdmit is what the limits add to a request: one limit of an organization, headers and correction.
func BenchmarkAdmit(b *testing.B) {
	l := New(clock.System, Settings{RequestsPerMinute: 1e9, TokensPerMinute: 1e9})
	who := actor.Actor{Org: "org-AbCdEfGhIjKlMnOpQrStUvWx", Project: "proj_AbCdEfGhIjKlMnOpQrStUvWx", User: "user-AbCdEfGhIjKlMnOpQrStUvWx", Key: "key_AbCdEfGhIjKlMnOp"}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		d, err := l.Admit(ctx, who, Request{Class: "chat", Model: "gpt-3.5-turbo", Tokens: 100})
		if err != nil {
			b.Fatal(err)
		}
		d.Correct(80)
	}
}
