package contract

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/testkit"
)

// ordered are the seeds at which the fake engine fails as it was told.
var ordered = map[uint32]error{
	90: fault.New(fault.Unavailable, "The server is overloaded or not ready yet."),
	91: fault.New(fault.Overloaded, "The engine is currently overloaded, please try again later"),
	92: fault.New(fault.Quota, "You exceeded your current quota, please check your plan and billing details."),
	93: fault.New(fault.Timeout, "The request took longer than this server allows. Ask for less at once."),
	94: errors.New("the engine was told to fail"),
}

// situation is an entry of errors.yaml.
type situation struct {
	Situation    string
	Request      string
	Body         string
	Key          string
	Organization string
	ContentType  string `yaml:"content_type"`
	Limited      bool
	Second       bool
	Event        bool

	Status int
	Type   string
	Code   string
	Param  string
	Text   string
	Like   string

	Original []original
}

// original is what OpenAI answered.
type original struct {
	Date, Said, Code, Param, Source string

	Earlier bool // another text, which Like does not match any more
}

// TestErrors: every situation is answered as errors.yaml says, in words that are also OpenAI's, and
// docs/API.md has a line for it.
func TestErrors(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Echo: echo.Options{BeforeToken: func(_ context.Context, req engine.GenerateRequest, n int) error {
		if req.Sampling.Seed == 95 && n == 3 {
			return ordered[94]
		}
		return ordered[req.Sampling.Seed]
	}}})
	resp, text := s.Call("POST", "/api/keys", map[string]any{"name": "reader", "scopes": []string{"models.read"}})
	var reader struct{ Secret string }
	if err := json.Unmarshal([]byte(text), &reader); err != nil || reader.Secret == "" {
		t.Fatalf("making a key: %s %s", resp.Status, text)
	}
	notes, err := os.ReadFile(filepath.Join("..", "docs", "API.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []situation
	readYAML(t, "errors.yaml", &all)
	seen := map[string]bool{}
	for _, x := range all {
		t.Run(x.Situation, func(t *testing.T) {
			if seen[x.Situation] {
				t.Error("listed twice")
			}
			seen[x.Situation] = true
			x.ask(t, s, reader.Secret)
			x.compare(t)
			if line := x.line(); !strings.Contains(string(notes), line) {
				t.Errorf("docs/API.md does not have the line\n%s", line)
			}
		})
	}
	for line := range strings.Lines(string(notes)) {
		if f := strings.Split(line, " | "); len(f) == 7 && strings.HasPrefix(f[1], "4") && !seen[strings.TrimPrefix(f[0], "| ")] {
			t.Errorf("docs/API.md has a situation that errors.yaml has not: %s", f[0])
		}
	}
}

// ask sends the request and checks the answer.
func (x situation) ask(t *testing.T, s *testkit.Server, reader string) {
	t.Helper()
	if x.Limited {
		s = testkit.Start(t, testkit.Options{Config: map[string]any{"limits.requests_per_minute": 1, "limits.tokens_per_minute": 600}})
	}
	headers := map[string]string{"Authorization": "Bearer " + s.Key, "Content-Type": "application/json", "OpenAI-Organization": x.Organization}
	switch x.Key {
	case "":
	case "none":
		delete(headers, "Authorization")
	case "reader":
		headers["Authorization"] = "Bearer " + reader
	default:
		headers["Authorization"] = "Bearer " + x.Key
	}
	if x.ContentType != "" {
		headers["Content-Type"] = x.ContentType
	}
	method, path, _ := strings.Cut(x.Request, " ")
	var body any
	if x.Body != "" {
		body = x.Body
	}
	resp, text := s.CallWith(headers, method, "/v1"+path, body)
	if x.Second {
		resp, text = s.CallWith(headers, method, "/v1"+path, body)
	}
	if resp.StatusCode != x.Status {
		t.Fatalf("status %d, want %d: %.600s", resp.StatusCode, x.Status, text)
	}
	if x.Event {
		text = text[strings.LastIndex(text, "data: ")+len("data: "):]
	}
	var got struct {
		Error struct {
			Message, Type string
			Param, Code   *string
		}
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%v: %.600s", err, text)
	}
	for name, pair := range map[string][2]string{
		"type": {got.Error.Type, x.kind()}, "code": {nullable(got.Error.Code), x.Code}, "param": {nullable(got.Error.Param), x.Param},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", name, pair[0], pair[1])
		}
	}
	whole := "^" + strings.ReplaceAll(regexp.QuoteMeta(x.Text), `\*`, ".*") + "$"
	if !regexp.MustCompile(whole).MatchString(got.Error.Message) {
		t.Errorf("message\n%s\nwant\n%s", got.Error.Message, x.Text)
	}
	if x.Like != "" && !regexp.MustCompile("^"+x.Like).MatchString(got.Error.Message) {
		t.Errorf("message\n%s\nis not like\n%s", got.Error.Message, x.Like)
	}
}

// compare holds what OpenAI said against the same pattern.
func (x situation) compare(t *testing.T) {
	t.Helper()
	if len(x.Original) > 0 && x.Like == "" {
		t.Error("original without like")
	}
	for _, o := range x.Original {
		if _, err := time.Parse(time.DateOnly, o.Date); o.Date != "" && err != nil || o.Source == "" {
			t.Errorf("a source says where it was seen, and when if it can: %+v", o)
		}
		if like := regexp.MustCompile("^" + x.Like).MatchString(o.Said); like == o.Earlier {
			t.Errorf("%s: %q like %q: %t", o.Source, o.Said, x.Like, like)
		}
	}
}

func (x situation) kind() string {
	if x.Type == "" {
		return "invalid_request_error"
	}
	return x.Type
}

// line is the situation's row in docs/API.md.
func (x situation) line() string {
	dash := func(s string) string {
		if s == "" {
			return "–"
		}
		return "`" + s + "`"
	}
	seen := "–"
	if i := slices.IndexFunc(x.Original, func(o original) bool { return !o.Earlier }); i >= 0 {
		seen = cmp.Or(strings.SplitN(x.Original[i].Date, "-", 2)[0], "yes")
	}
	text := x.Text
	if len(text) > 150 {
		text = text[:strings.LastIndexByte(text[:150], ' ')] + " …"
	}
	quote := "`"
	if strings.Contains(text, quote) {
		quote = "``"
	}
	return fmt.Sprintf("| %s | %d | %s | %s | %s | %s | %s |", x.Situation, x.Status, dash(x.kind()), dash(x.Code), dash(x.Param), quote+text+quote, seen)
}

func nullable(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
