package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/testkit"
)

// described is what of the server's own document the tests read. It is made from the route table.
type described struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]struct{ Schema any }
		} `json:"requestBody"`
	}
	Components struct{ Schemas map[string]any }
}

// routes returns the operations below /v1 of a running server, "GET /models/{}", with their request schemas.
func routes(t *testing.T, s *testkit.Server) (map[string]any, *document) {
	t.Helper()
	resp, text := s.CallWith(nil, http.MethodGet, "/openapi.json", nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /openapi.json: %s %s", resp.Status, text)
	}
	var d described
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for path, methods := range d.Paths {
		below, ok := strings.CutPrefix(path, "/v1")
		if !ok {
			continue
		}
		for method, op := range methods {
			out[anonymous(strings.ToUpper(method)+" "+below)] = op.RequestBody.Content["application/json"].Schema
		}
	}
	return out, &document{Schemas: d.Components.Schemas}
}

// TestCoverage: every operation of the documents is served, or an exception with its reason.
func TestCoverage(t *testing.T) {
	served, _ := routes(t, testkit.Start(t, testkit.Options{}))
	var listed []struct {
		Reason     string   `yaml:"reason"`
		Operations []string `yaml:"operations"`
	}
	readYAML(t, "exceptions.yaml", &listed)
	exceptions := map[string]bool{}
	for _, group := range listed {
		if group.Reason == "" {
			t.Errorf("exceptions without a reason: %v", group.Operations)
		}
		for _, op := range group.Operations {
			name := anonymous(op)
			if exceptions[name] {
				t.Errorf("%s is listed twice", op)
			}
			exceptions[name] = true
			if _, ok := served[name]; ok {
				t.Errorf("%s is an exception and is served: take it off the list", op)
			}
		}
	}
	notes, err := os.ReadFile(filepath.Join("..", "docs", "API.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, d := range documents(t) {
		there, excepted := 0, 0
		for op := range d.Operations {
			name := anonymous(op)
			known[name] = true
			_, ok := served[name]
			switch {
			case ok:
				there++
			case exceptions[name]:
				excepted++
			default:
				t.Errorf("%s of %s is neither served nor an exception", op, d.Date)
			}
		}
		line := fmt.Sprintf("| %s | %d | %d | %d |", d.Date, len(d.Operations), there, excepted)
		if t.Log(line); !strings.Contains(string(notes), line) {
			t.Errorf("docs/API.md does not have the line %s", line)
		}
	}
	for name := range exceptions {
		if !known[name] {
			t.Errorf("%s is an exception and in no document: take it off the list", name)
		}
	}
	var ours []string
	for _, name := range sorted(served) {
		if !known[name] {
			ours = append(ours, name)
		}
	}
	t.Logf("served and in no document: %s", strings.Join(ours, ", "))
}
