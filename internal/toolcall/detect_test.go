package toolcall

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/chattemplate"
)

var update = flag.Bool("update", false, "write testdata/forms.json anew")

const templates = "../chattemplate/testdata/templates/"

// form is what the golden file says of a template.
type form struct {
	Generic  string   `json:"generic,omitempty"`  // the reason
	Call     string   `json:"call,omitempty"`     // two calls, names and arguments as NAME and ARGUMENTS
	Argument string   `json:"argument,omitempty"` // a string and a value of another type, where that is not JSON
	Single   bool     `json:"single,omitempty"`
	Special  []string `json:"special,omitempty"`
	Lead     string   `json:"lead,omitempty"`
	Describe bool     `json:"describe,omitempty"`
	ShortIDs bool     `json:"short_ids,omitempty"`
}

func formOf(s *Syntax) form {
	if !s.Native() {
		return form{Generic: s.reason}
	}
	if s.channels {
		return form{Call: s.head + "NAME" + s.mid + "ARGUMENTS", Single: true, Special: s.ShowSpecial(), Describe: s.describe}
	}
	call := s.head + "NAME" + s.mid + "ARGUMENTS" + s.tail
	f := form{Call: s.open + call + s.close, Single: s.single, Special: s.ShowSpecial(), Lead: s.lead, Describe: s.describe, ShortIDs: s.letter != ""}
	if p := s.notation.Parameters; p != nil {
		f.Argument = p.Before + "KEY" + p.Text + "STRING" + p.After + p.Before + "KEY" + p.Other + "OTHER" + p.After
	} else if q := s.notation.Quote; q != "" {
		f.Argument = "KEY:" + q + "STRING" + q + ",KEY:OTHER"
	}
	if !s.single {
		f.Call = s.open + call + s.between + call + s.close
	}
	f.Call = strings.NewReplacer(string(idSlot), "ID", string(indexSlot), "NUMBER").Replace(f.Call)
	return f
}

func allTemplates(t testing.TB) map[string]*chattemplate.Template {
	t.Helper()
	paths, err := filepath.Glob(templates + "*.jinja")
	if err != nil || len(paths) == 0 {
		t.Fatal("no templates: ", err)
	}
	out := map[string]*chattemplate.Template{}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if out[filepath.Base(path)], err = chattemplate.Parse(string(source)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestForms compares what is found out about each template with what was found, and read in the templates, before.
func TestForms(t *testing.T) {
	const golden = "testdata/forms.json"
	got := map[string]form{}
	for name, tmpl := range allTemplates(t) {
		got[name] = formOf(Detect(tmpl))
	}
	encode := func(v any) string {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		e := json.NewEncoder(f)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(encode(got)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]form
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d templates and %d goldens", len(got), len(want))
	}
	for name := range got {
		if g, w := encode(got[name]), encode(want[name]); g != w {
			t.Errorf("%s:\n got %s\nwant %s", name, g, w)
		}
	}
}
