package jinja_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/chattemplate/jinja"
)

// feature is one short template of testdata/features.json and what Python makes of it: one of the last three is set.
type feature struct {
	Name, Source       string
	Context            json.RawMessage
	Out, Raised, Error *string
}

func features(t testing.TB) []feature {
	t.Helper()
	data, err := os.ReadFile("../testdata/features.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []feature
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func render(t testing.TB, source string, context json.RawMessage) (string, error) {
	t.Helper()
	vars, err := jinja.DecodeJSON(context)
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := jinja.Parse(source)
	if err != nil {
		return "", err
	}
	return tmpl.Render(vars.(*jinja.Dict), jinja.Options{Now: time.Date(2024, 7, 6, 9, 5, 3, 0, time.UTC)})
}

func TestFeatures(t *testing.T) {
	for _, f := range features(t) {
		t.Run(f.Name, func(t *testing.T) {
			out, err := render(t, f.Source, f.Context)
			var e *jinja.Error
			errors.As(err, &e)
			switch {
			case f.Out != nil:
				if err != nil || out != *f.Out {
					t.Errorf("%s\n got %q, %v\nwant %q", f.Source, out, err, *f.Out)
				}
			case f.Raised != nil:
				if e == nil || !e.Raised() || e.Message != *f.Raised {
					t.Errorf("%s\n got %q, %v\nwant refusal %q", f.Source, out, err, *f.Raised)
				}
			case e == nil || e.Raised():
				t.Errorf("%s\n got %q, %v\nPython fails with %s", f.Source, out, err, *f.Error)
			case e.Kind != strings.SplitN(*f.Error, ":", 2)[0]:
				t.Logf("%s: got %v; Python: %s", f.Source, err, *f.Error)
			}
		})
	}
}
