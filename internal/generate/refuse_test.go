package generate

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

func TestFailedRequestsCount(t *testing.T) {
	wrong := fault.Param("n", "wrong")
	for _, tt := range []struct {
		name, model string
		err         error
		counted     bool
	}{
		{"wrong", "gpt-4", wrong, true},
		{"not for this model", "gpt-4", notAllowed("sample from", "it gives embeddings"), true},
		{"a name that nothing answers to", "nope", wrong, false},
		{"no name", "", wrong, false},
		{"unknown model", "gpt-4", fault.New(fault.NotFound, "no"), false},
		{"the server's own mistake", "gpt-4", errors.New("no"), false},
		{"the limits' own", "gpt-4", fault.New(fault.RateLimited, "no"), false},
	} {
		w, s := newWorld(func(w *fakeWorld) { w.left = [][2]string{{"x-ratelimit-remaining-tokens", "9"}} })
		got := s.Refuse(t.Context(), who, "chat", tt.model, tt.err)
		if !errors.Is(got, tt.err) || len(w.admitted) > 0 != tt.counted {
			t.Errorf("%s: %v, counted %+v", tt.name, got, w.admitted)
		}
		var told interface{ ErrorHeaders() map[string]string }
		if errors.As(got, &told) != tt.counted || tt.counted && told.ErrorHeaders()["x-ratelimit-remaining-tokens"] != "9" {
			t.Errorf("%s: headers of %#v", tt.name, got)
		}
	}
	full := fault.New(fault.RateLimited, "full")
	_, s := newWorld(func(w *fakeWorld) { w.refuse = full })
	if got := s.Refuse(t.Context(), who, "chat", "gpt-4", wrong); got != full {
		t.Errorf("beyond the limit: %v", got)
	}
}

// TestRefusedPromptsCount: what is found wrong only when the prompt was read counts as well, once.
func TestRefusedPromptsCount(t *testing.T) {
	w, s := newWorld()
	for _, err := range s.Run(t.Context(), who, Request{Model: "gpt-4", Class: "chat"}, FromText(strings.Repeat("x", 101))) {
		if fault.As(err) == nil || fault.As(err).Code != "context_length_exceeded" {
			t.Errorf("%v", err)
		}
	}
	if len(w.admitted) != 1 || w.admitted[0] != (Demand{Class: "chat", Model: "gpt-4"}) {
		t.Errorf("demands %+v", w.admitted)
	}
	if _, err := s.Embed(t.Context(), who, EmbedRequest{Model: "gpt-4", Param: "input", Texts: []string{strings.Repeat("x", 101)}}); err == nil || len(w.admitted) != 2 {
		t.Errorf("embeddings: %v, demands %+v", err, w.admitted)
	}
}
