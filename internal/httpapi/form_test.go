package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

func TestPageOf(t *testing.T) {
	for query, want := range map[string]string{
		"":                                   "{20 desc  }",
		"limit=5&order=asc&after=a&before=b": "{5 asc a b}",
		"limit=100&unknown=1":                "{100 desc  }",
		"limit=":                             "{20 desc  }",
		"limit=0":                            "0 is less than the minimum of 1 - 'limit'",
		"limit=101":                          "101 is greater than the maximum of 100 - 'limit'",
		"limit=ten":                          "'ten' is not of type 'integer' - 'limit'",
		"order=up":                           "'up' is not one of ['asc', 'desc'] - 'order'",
	} {
		p, err := PageOf(httptest.NewRequest("GET", "/x?"+query, nil))
		got := fmt.Sprint(p)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
}

func TestQueryKinds(t *testing.T) {
	type all struct {
		S    string   `query:"s"`
		N    int64    `query:"n"`
		B    bool     `query:"b"`
		P    *bool    `query:"p"`
		L    []string `query:"l"`
		None string
	}
	q, err := Query[all](httptest.NewRequest("GET", "/x?s=a+b&n=-7&b=true&l[]=x&l[]=y,z", nil))
	if got := fmt.Sprintf("%+v", q); err != nil || got != "{S:a b N:-7 B:true P:<nil> L:[x y z] None:}" {
		t.Errorf("%s %v", got, err)
	}
	if _, err := Query[all](httptest.NewRequest("GET", "/x?p=maybe", nil)); fault.As(err) == nil || fault.As(err).Param != "p" {
		t.Errorf("p=maybe: %v", err)
	}
}

func TestNewList(t *testing.T) {
	w := httptest.NewRecorder()
	if err := JSON(w, 200, NewList([]string(nil), false, func(s string) string { return s })); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(w.Body.String()); got != `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}` {
		t.Errorf("empty: %s", got)
	}
	w = httptest.NewRecorder()
	if err := JSON(w, 200, NewList([]string{"a", "b"}, true, func(s string) string { return s })); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(w.Body.String()); got != `{"object":"list","data":["a","b"],"first_id":"a","last_id":"b","has_more":true}` {
		t.Errorf("two: %s", got)
	}
}

// form writes a multipart body: name=value is a field, name@file=content a file.
func form(t *testing.T, parts ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		name, value, _ := strings.Cut(p, "=")
		field, file, isFile := strings.Cut(name, "@")
		var (
			part io.Writer
			err  error
		)
		if isFile {
			part, err = w.CreateFormFile(field, file)
		} else {
			part, err = w.CreateFormField(field)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(part, value)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestMultipart(t *testing.T) {
	limits := FormLimits{MaxFile: 10, MaxField: 8, MaxParts: 4}
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"file first", []string{"file@/home/me/data.jsonl=content", "purpose=tune"}, `file/data.jsonl/application/octet-stream/content purpose=tune`},
		{"file last, Windows path", []string{"purpose=tune", `file@C:\me\voice.mp3=content`}, `file/voice.mp3/application/octet-stream/content purpose=tune`},
		{"no name", []string{"file@=content"}, `file/file/application/octet-stream/content `},
		{"two files, repeated field", []string{"a@x=1", "b@y=2", "k=v", "k=w"}, `a/x/application/octet-stream/1 b/y/application/octet-stream/2 k=v&k=w`},
		{"a file of exactly the limit", []string{"file@x=0123456789"}, `file/x/application/octet-stream/0123456789 `},
		{"file too large", []string{"file@x=0123456789a"}, `TooLarge? file: The file 'x' is larger than the limit of 10 bytes.`},
		{"field too large", []string{"k=123456789"}, `TooLarge? k: The form's field 'k' is larger than the limit of 8 bytes.`},
		{"too many parts", []string{"a=1", "b=1", "c=1", "d=1", "e=1"}, `TooLarge? : The form has more than 4 parts.`},
	} {
		body, ct := form(t, c.parts...)
		if got := readForm(body, ct, limits); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	body, ct := form(t, "file@x=content")
	for name, got := range map[string]string{
		"cut short":  readForm(body[:len(body)/2], ct, limits),
		"not a form": readForm(body, "application/json", limits),
		"garbage":    readForm("nonsense", ct, limits),
	} {
		if !strings.HasPrefix(got, "TooLarge? ") {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
}

func readForm(body, ct string, limits FormLimits) string {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", ct)
	var out strings.Builder
	fields, err := Multipart(httptest.NewRecorder(), r, limits, func(f FilePart) error {
		b, err := io.ReadAll(f)
		fmt.Fprintf(&out, "%s/%s/%s/%s ", f.Field, f.Name, f.MediaType, b)
		return err
	})
	if err != nil {
		fe := fault.As(err)
		if fe == nil {
			return "not a fault: " + err.Error()
		}
		return "TooLarge? " + fe.Param + ": " + fe.Message
	}
	return out.String() + fields.Encode()
}

func TestMultipartBodyLimit(t *testing.T) {
	api := newAPI(t, Options{}, Route{Method: "POST", Path: "/v1/files", Op: "upload", MaxBody: 1000, Handle: func(w http.ResponseWriter, r *http.Request) error {
		fields, err := Multipart(w, r, FormLimits{}, func(f FilePart) error {
			_, err := io.Copy(io.Discard, f)
			return err
		})
		if err != nil {
			return err
		}
		return JSON(w, 200, url.Values(fields))
	}})
	body, ct := form(t, "file@x="+strings.Repeat("y", 2000))
	if w := ask(api, "POST", "/v1/files", body, "Content-Type", ct); w.Code != 413 {
		t.Errorf("announced: %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("POST", "/v1/files", io.MultiReader(strings.NewReader(body))) // no length
	r.ContentLength = -1
	r.Header.Set("Content-Type", ct)
	r.Header.Set("Authorization", "Bearer all")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("chunked: %d %s", w.Code, w.Body)
	}
}

func FuzzMultipart(f *testing.F) {
	f.Add("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../x\"\r\n\r\ncontent\r\n--b--\r\n")
	f.Add("--b\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nv\r\n--b--\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		_, err := Multipart(httptest.NewRecorder(), r, FormLimits{MaxFile: 100}, func(f FilePart) error {
			if f.Name == "" || strings.ContainsAny(f.Name, "/\\\n\x00") || f.Name == ".." {
				t.Errorf("file name %q", f.Name)
			}
			b, err := io.ReadAll(f)
			if len(b) > 100 {
				t.Errorf("%d bytes of a file of at most 100", len(b))
			}
			return err
		})
		if err != nil && fault.As(err) == nil {
			t.Errorf("%v is not a fault", err)
		}
	})
}

func TestValidators(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	n := func(v int) *int { return &v }
	for want, err := range map[string]error{
		"3 is greater than the maximum of 2 - 'temperature' temperature decimal_above_max_value":                                                     Range("temperature", f(3), 0, 2),
		"-0.5 is less than the minimum of 0 - 'temperature' temperature decimal_below_min_value":                                                     Range("temperature", f(-0.5), 0, 2),
		"129 is greater than the maximum of 128 - 'n' n integer_above_max_value":                                                                     Range("n", n(129), 1, 128),
		"0 is less than the minimum of 1 - 'n' n integer_below_min_value":                                                                            Min("n", n(0), 1),
		"you must provide a model parameter  ":                                                                                                       Model(""),
		"'messages' is a required property messages missing_required_parameter":                                                                      Required("messages", false),
		"'role' is a required property - 'messages.0' messages[0].role missing_required_parameter":                                                   Required("messages[0].role", false),
		"[...] is too long - 'input'. Expected an array with maximum length 4, but got an array with length 5 instead. input array_above_max_length": MaxItems("input", 5, 4),
		"[] is too short - 'messages' messages empty_array":                                                                                          NotEmpty("messages", 0),
		"'äöü' is too long - 'user'. Expected a string with maximum length 2, but got a string with length 3 instead. user string_above_max_length":  MaxLength("user", "äöü", 2),
		"'x' is not one of ['a', 'b'] - 'messages.0.role' messages[0].role invalid_value":                                                            OneOf("messages[0].role", "x", "a", "b"),
		"'a b' does not match '^[a-z]+$' - 'messages.0.name' messages[0].name invalid_value":                                                         Matches("messages[0].name", "a b", regexp.MustCompile(`^[a-z]+$`)),
		"'$.stop' is invalid. Send at most 4. stop ":                                                                                                 AnyOf("stop", "", "Send at most %d.", 4),
	} {
		fe := fault.As(err)
		if fe == nil {
			t.Errorf("no error for %q", want)
			continue
		}
		if got := fe.Message + " " + fe.Param + " " + fe.Code; got != want || fe.Kind != fault.Invalid {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	fine := First(Range[float64]("x", nil, 0, 1), Range("x", f(2), 0, 2), Min("n", n(1), 1), Min[int]("n", nil, 1), Required("x", true), MaxItems("x", 4, 4),
		NotEmpty("x", 1), MaxLength("x", "äö", 2), OneOf("x", "", "a"), OneOf("x", "a", "a"), Model("m"), Matches("x", "", regexp.MustCompile("a")), Matches("x", "a", regexp.MustCompile("a")))
	if fine != nil {
		t.Errorf("good values: %v", fine)
	}
	if got := First(nil, Required("a", false), Required("b", false)); fault.As(got).Param != "a" {
		t.Errorf("First: %v", got)
	}
}
