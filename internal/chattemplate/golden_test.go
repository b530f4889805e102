package chattemplate

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// now is the time that gen.py renders at.
var now = time.Date(2024, 7, 6, 9, 5, 3, 0, time.UTC)

// testCase is one conversation of testdata/cases.json.
type testCase struct {
	Name                string                     `json:"name"`
	Messages            []json.RawMessage          `json:"messages"`
	Tools               []json.RawMessage          `json:"tools"`
	Documents           []json.RawMessage          `json:"documents"`
	AddGenerationPrompt bool                       `json:"add_generation_prompt"`
	BOS                 json.RawMessage            `json:"bos_token"`
	Extra               map[string]json.RawMessage `json:"extra"`
}

func (c testCase) input() Input {
	in := Input{Messages: c.Messages, Tools: c.Tools, Documents: c.Documents, AddGenerationPrompt: c.AddGenerationPrompt, Now: now, Extra: map[string]any{}}
	if c.BOS == nil { // absent; null takes the tokens away
		in.BOS, in.EOS = "<s>", "</s>"
	}
	for k, v := range c.Extra {
		in.Extra[k] = v
	}
	return in
}

// golden is what Python made of one template and case: one of the fields is set.
type golden struct{ Out, Raised, Error *string }

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func cases(t testing.TB) []testCase {
	var out []testCase
	readJSON(t, "testdata/cases.json", &out)
	return out
}

func readTemplate(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/templates", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestGoldens renders every template with every conversation and compares with Python's result, byte for byte. Where the template
// raised, the message must be the same; where jinja2 failed, we must fail.
func TestGoldens(t *testing.T) {
	f, err := os.Open("testdata/golden.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var goldens map[string]map[string]golden
	if err := json.NewDecoder(z).Decode(&goldens); err != nil {
		t.Fatal(err)
	}
	all := cases(t)
	if files, _ := filepath.Glob("testdata/templates/*.jinja"); len(files) == 0 || len(files) != len(goldens) {
		t.Fatalf("%d goldens for %d templates: run gen.py", len(goldens), len(files))
	}
	var rendered, raised, failed, sameMessage, templates int
	for name, results := range goldens {
		templates++
		t.Run(name, func(t *testing.T) {
			tmpl, err := Parse(readTemplate(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if len(results) != len(all) {
				t.Errorf("%d goldens for %d cases: run gen.py", len(results), len(all))
			}
			for _, c := range all {
				out, err := tmpl.Render(c.input())
				want := results[c.Name]
				var refusal *Refusal
				switch {
				case want.Out != nil:
					if err != nil || out != *want.Out {
						t.Errorf("%s: %s", c.Name, difference(out, *want.Out, err))
						continue
					}
					rendered++
				case want.Raised != nil:
					if !errors.As(err, &refusal) || refusal.Reason != *want.Raised {
						t.Errorf("%s: got %q, %v; want refusal %q", c.Name, out, err, *want.Raised)
						continue
					}
					raised++
				default:
					if err == nil || errors.As(err, &refusal) {
						t.Errorf("%s: got %q, %v; Python fails with %s", c.Name, out, err, *want.Error)
						continue
					}
					failed++
					if strings.HasSuffix(err.Error(), ": "+*want.Error) {
						sameMessage++
					} else if testing.Verbose() {
						t.Logf("%s: %v; Python: %s", c.Name, err, *want.Error)
					}
				}
			}
		})
	}
	t.Logf("%d templates, %d cases each: %d rendered equal, %d refused with the same message, %d fail as in Python (%d in the same words), of %d",
		templates, len(all), rendered, raised, failed, sameMessage, templates*len(all))
}

// difference shows where two texts part.
func difference(got, want string, err error) string {
	if err != nil {
		return "got error " + err.Error()
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(s string) string {
		b, _ := json.Marshal(s[max(0, i-40):min(len(s), i+80)])
		return string(b)
	}
	return "got " + show(got) + "\nwant " + show(want)
}
