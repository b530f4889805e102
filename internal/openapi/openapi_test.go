package openapi

import (
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

var update = flag.Bool("update", false, "write the goldens anew")

type common struct {
	User string `json:"user,omitzero" doc:"Who asks." max:"64"`
}

// text is a union that says what it looks like.
type text struct{}

func (text) OpenAPISchema() map[string]any {
	return map[string]any{"oneOf": []any{map[string]any{"type": "string"}, []piece(nil)}, "example": "Hello"}
}

type piece struct {
	Type string `json:"type" enum:"text,image_url"`
	Text string `json:"text,omitempty"`
}

type turn struct {
	Role    string `json:"role" doc:"Who speaks." example:"user"`
	Content text   `json:"content" doc:"What is said."`
}

type request struct {
	Model       string             `json:"model" doc:"The model." example:"gpt-4"`
	Turns       []turn             `json:"turns" doc:"The talk, it's so far." min:"1"`
	Temperature *float64           `json:"temperature,omitzero" doc:"Randomness." min:"0" max:"2" default:"1"`
	Bias        map[string]float64 `json:"bias,omitzero"`
	Tools       jsontext.Value     `json:"tools,omitzero" doc:"Not supported by this release."`
	common
	hidden string //lint:ignore U1000 an unexported field must not show up in the document
	Skip   string `json:"-"`
}

type answer struct {
	ID      string            `json:"id" example:"x-1"`
	Finish  *string           `json:"finish" enum:"stop,length"`
	Usage   *usage            `json:"usage" doc:"Tokens."`
	Parent  *answer           `json:"parent"`
	Created time.Time         `json:"created"`
	Raw     []byte            `json:"raw"`
	Scores  []*float64        `json:"scores"`
	Others  map[string]*usage `json:"others"`
	Extra   any               `json:"extra"`
	Detail  *detail           `json:"detail,omitzero"`
}

// detail embeds a type that has a name of its own: the method that it inherits is not about it.
type detail struct {
	usage
	More text `json:"more"`
}

type usage struct {
	Tokens int64 `json:"tokens"`
}

func (usage) OpenAPIName() string { return "TokenCount" }

func handle(http.ResponseWriter, *http.Request) error { return nil }

var table = []httpapi.Route{
	{Method: "POST", Path: "/v1/talk", Op: "createTalk", Tag: "Talk", Summary: "Talks.", Doc: "More <b>about</b> it.", In: request{}, Out: answer{}, Stream: piece{},
		Scope: actor.ChatWrite, LimitClass: "chat", Handle: handle},
	{Method: "GET", Path: "/v1/talk", Op: "listTalks", Tag: "Talk", Summary: "Lists talks.", Out: httpapi.List[answer]{}, Query: httpapi.PageQuery{}, Handle: handle},
	{Method: "DELETE", Path: "/v1/talk/{talk}/parts/{rest...}", Op: "deletePart", Tag: "Talk", Summary: "Deletes a part.", Handle: handle},
	{Method: "GET", Path: "/pic", Op: "getPicture", Tag: "System", Summary: "A picture.", Produces: "image/png", Auth: httpapi.AuthNone, Handle: handle},
}

func TestBuild(t *testing.T) {
	got, err := Build(table, Info{Title: "Parley", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Build(table, Info{Title: "Parley", Version: "1.2.3"})
	if err != nil || string(again) != string(got) {
		t.Error("the same table gives different bytes")
	}
	file := filepath.Join("testdata", "openapi.golden.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; go test -update writes it anew\n%s", file, got)
	}
	var doc map[string]any
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	for _, ref := range refs(doc) {
		if find(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")) == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	}
}

func refs(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		if r, ok := v["$ref"].(string); ok {
			out = append(out, r)
		}
		for _, e := range v {
			out = append(out, refs(e)...)
		}
	case []any:
		for _, e := range v {
			out = append(out, refs(e)...)
		}
	}
	return out
}

func find(v any, path []string) any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func TestBuildRefusesMistakes(t *testing.T) {
	type TokenCount struct{ B int }
	type clash struct {
		A answer
		B TokenCount
	}
	type badTag struct {
		N int `json:"n" min:"few"`
	}
	type badType struct {
		F func() `json:"f"`
	}
	for name, v := range map[string]any{"tag": badTag{}, "type": badType{}, "generic": generic[int]{}, "name": clash{}} {
		if _, err := Build([]httpapi.Route{{Method: "GET", Path: "/x", Op: "x", Out: v}}, Info{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type generic[T any] struct{ V T }

func TestDocs(t *testing.T) {
	own, err := Routes(table, Info{Title: "Parley", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(httpapi.Options{Routes: append(table, own...), Auth: nobody{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
	page := ask("/docs")
	body := page.Body.String()
	if page.Code != 200 || page.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", page.Code, page.Header())
	}
	for _, want := range []string{
		`id="createTalk"`, "More &lt;b&gt;about&lt;/b&gt; it.", "required", "default 1", "<code>asc</code>, <code>desc</code>", "no key needed", "scope chat.write",
		"/v1/talk/{talk}/parts/{rest}", "-X DELETE", `&#34;model&#34;: &#34;gpt-4&#34;`, `&#34;content&#34;: &#34;Hello&#34;`, "can stream", "turns[].content", "string or list of Piece",
		"One more parameter is refused", `<b class="DELETE">DELETE</b><code><wbr>/v1<wbr>/talk<wbr>/{talk}<wbr>/parts<wbr>/{rest}</code>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"http://", "https://", "src=", "<link"} {
		if strings.Contains(body, not) {
			t.Errorf("the page loads something from elsewhere: %q", not)
		}
	}
	doc := ask("/openapi.json")
	if doc.Code != 200 || doc.Header().Get("Content-Type") != "application/json" || !strings.Contains(doc.Body.String(), `"getDocs"`) {
		t.Errorf("document: %d %v", doc.Code, doc.Header())
	}
	if again := ask("/openapi.json", "If-None-Match", doc.Header().Get("ETag")); again.Code != 304 || again.Body.Len() != 0 {
		t.Errorf("again: %d", again.Code)
	}
}

type nobody struct{}

func (nobody) Authenticate(*http.Request) (actor.Actor, error) {
	return actor.Actor{}, fault.New(fault.Unauthorized, "no")
}

func TestAMemberHidesTheEmbeddedOneOfItsName(t *testing.T) {
	type body struct {
		Model string `json:"model"`
		Size  int    `json:"size"`
	}
	type named struct {
		Model *bool `json:"model,omitzero"`
		body
	}
	s := newSchemas()
	o := s.structure(reflect.TypeFor[named]())
	got, err := json.Marshal(o)
	if want := `{"type":"object","properties":{"model":{"type":"boolean"},"size":{"type":"integer"}},"required":["size"]}`; err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}
