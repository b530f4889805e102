package httpapi

import (
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
)

// union is a text or a list of parts, as message content is.
type union struct {
	Text  string
	Parts []part
}

type part struct {
	Type string `json:"type"`
	Size int    `json:"size"`
}

func (u *union) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch k := dec.PeekKind(); k {
	case '"':
		return json.UnmarshalDecode(dec, &u.Text)
	case '[':
		return json.UnmarshalDecode(dec, &u.Parts)
	case 'n':
		return dec.SkipValue()
	default:
		return WrongType("one of a string or array of objects", k)
	}
}

// picky refuses values by itself, the old way.
type picky string

func (p *picky) UnmarshalJSON(b []byte) error {
	if string(b) != `"good"` {
		return fault.Param("inner", "Only good will do.").WithCode("invalid_value")
	}
	*p = "good"
	return nil
}

type message struct {
	Role    string `json:"role"`
	Content union  `json:"content"`
	Picky   picky  `json:"picky"`
}

type request struct {
	Model       string             `json:"model"`
	Messages    []message          `json:"messages"`
	Temperature *float64           `json:"temperature"`
	N           *int               `json:"n"`
	Stop        []string           `json:"stop"`
	LogitBias   map[string]float64 `json:"logit_bias"`
	Stream      bool               `json:"stream"`
	Options     *struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`
	Any any `json:"any"`
}

func decodeBody[T any](body string, options ...DecodeOption) (T, error) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return Decode[T](httptest.NewRecorder(), r, options...)
}

func TestDecodeErrors(t *testing.T) {
	var out strings.Builder
	for _, body := range []string{
		`{"model":`, `{"model":"a"} x`, `{"model":"a"}{"model":"b"}`, "{\n \"model\": 'a'}", `nonsense`, `[]`, `"text"`, `null`, `7`,
		`{"model":5}`, `{"model":true}`, `{"model":["a"]}`, `{"temperature":"hot"}`, `{"temperature":[1]}`, `{"n":1.5}`, `{"n":"1"}`, `{"n":1e2}`,
		`{"n":99999999999999999999}`, `{"temperature":1e999}`, `{"stop":"x"}`, `{"stop":[1]}`, `{"stream":"yes"}`, `{"stream":1}`,
		`{"messages":{}}`, `{"messages":[1]}`, `{"messages":[{"role":1}]}`, `{"messages":[{},{"content":5}]}`, `{"messages":[{"content":{}}]}`,
		`{"messages":[{"content":[{"type":"text"},{"type":9}]}]}`, `{"messages":[{"content":[{"size":"big"}]}]}`, `{"messages":[{"picky":"bad"}]}`,
		`{"logit_bias":{"50256":"x"}}`, `{"logit_bias":[]}`, `{"stream_options":{"include_usage":0}}`, `{"model":"a","model":"b"}`,
		`{"messages":[{"role":"a","role":"b"}]}`, "{\"model\":\"\xff\"}", `{"model":"\ud800"}`, strings.Repeat(`{"any":`, 1) + strings.Repeat("[", 20000),
	} {
		_, err := decodeBody[request](body)
		_, shape := Describe(err, "req_ID")
		b, _ := json.Marshal(shape.Error, json.Deterministic(true))
		if len(body) > 100 {
			body = body[:40] + "…"
		}
		fmt.Fprintf(&out, "%q\n%v %s\n\n", body, fault.KindOf(err) == fault.Invalid, b)
	}
	for _, body := range []string{`{"modell":"a"}`, `{"messages":[{"rolle":"a"}]}`, `{"Model":"a"}`} {
		if _, err := decodeBody[request](body); err != nil {
			t.Errorf("lenient: %s: %v", body, err)
		}
		_, err := decodeBody[request](body, Strict)
		_, shape := Describe(err, "req_ID")
		b, _ := json.Marshal(shape.Error)
		fmt.Fprintf(&out, "strict %q\n%s\n\n", body, b)
	}
	golden(t, "decode.golden", out.String())
}

func TestDecodeAccepts(t *testing.T) {
	got, err := decodeBody[request](`{"model":"m","stop":null,"n":null,"temperature":0.5,"stream_options":null,"logit_bias":{"7":-100},` +
		`"messages":[{"role":"user","content":"hi","picky":"good"},{"content":[{"type":"text"}]},{"content":null}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got.Model != "m" || got.Stop != nil || got.N != nil || *got.Temperature != 0.5 || got.LogitBias["7"] != -100 ||
		got.Messages[0].Content.Text != "hi" || got.Messages[1].Content.Parts[0].Type != "text" || got.Messages[2].Content.Parts != nil {
		t.Errorf("decoded %+v", got)
	}
}

func TestDecodeMediaTypes(t *testing.T) {
	for ct, want := range map[string]bool{
		"": true, "application/json": true, "application/json; charset=utf-8": true, "application/vnd.api+json": true,
		"application/x-www-form-urlencoded": true, "text/plain": true, "multipart/form-data; boundary=x": false, "image/png": false, "///": false,
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(`{"model":"m"}`))
		r.Header.Set("Content-Type", ct)
		if _, err := Decode[request](httptest.NewRecorder(), r); (err == nil) != want {
			t.Errorf("%q: %v", ct, err)
		}
	}
}

// TestDecodeKeepsNothing: the buffer that the body was read into is used again, so nothing may point into it.
func TestDecodeKeepsNothing(t *testing.T) {
	type raw struct {
		S string         `json:"s"`
		R jsontext.Value `json:"r"`
	}
	first, err := decodeBody[raw](`{"s":"first value here","r":{"a":"first"}}`)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := decodeBody[raw](`{"s":"XXXXXXXXXXXXXXXX","r":{"X":"XXXXX"}}`); err != nil {
			t.Fatal(err)
		}
	}
	if first.S != "first value here" || string(first.R) != `{"a":"first"}` {
		t.Errorf("a later request changed an earlier one's value: %q %s", first.S, first.R)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"model":"a","messages":[{"content":[{"size":1}]}]}`, `{"n":1e400}`, `[`, `{"logit_bias":{"1":{}}}`, `{"a":"\ud800"}`, "\xff", `{"any":[[[[1]]]]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, o := range [][]DecodeOption{nil, {Strict}} {
			_, err := decodeBody[request](body, o...)
			if err == nil {
				// What we take, others must take too: no private dialect.
				if !stdjson.Valid([]byte(body)) {
					t.Errorf("accepted %q, which is not JSON", body)
				}
				continue
			}
			fe := fault.As(err)
			if fe == nil || fe.Kind != fault.Invalid || fe.Message == "" {
				t.Errorf("%q: %v is not a fault that a user can read", body, err)
			}
			if len(fe.Param) > 300 || len(fe.Message) > 1000 {
				t.Errorf("%q: the error grows with the input: %d, %d", body, len(fe.Param), len(fe.Message))
			}
		}
	})
}

var benchBody = func() string {
	var b strings.Builder
	b.WriteString(`{"model":"gpt-3.5-turbo","temperature":0.7,"n":1,"stream":false,"stop":null,"messages":[`)
	for i := range 6 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"role":"user","content":%q}`, strings.Repeat("a few words of a chat ", 12))
	}
	b.WriteString(`]}`)
	return b.String()
}()

// plain is request without methods, which both packages can read.
type plain struct {
	Model       string   `json:"model"`
	Temperature *float64 `json:"temperature"`
	N           *int     `json:"n"`
	Stop        []string `json:"stop"`
	Stream      bool     `json:"stream"`
	Messages    []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
}

func BenchmarkDecode(b *testing.B) {
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		w := httptest.NewRecorder()
		for b.Loop() {
			r := &http.Request{Method: "POST", Header: http.Header{"Content-Type": {"application/json"}}, Body: http.NoBody, ContentLength: int64(len(benchBody))}
			r.Body = readCloser{strings.NewReader(benchBody)}
			if _, err := Decode[request](w, r, Strict); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("v2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v plain
			if err := json.Unmarshal([]byte(benchBody), &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v plain
			if err := stdjson.Unmarshal([]byte(benchBody), &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func BenchmarkEncode(b *testing.B) {
	var v plain
	if err := json.Unmarshal([]byte(benchBody), &v); err != nil {
		b.Fatal(err)
	}
	b.Run("v2", func(b *testing.B) {
		b.ReportAllocs()
		buf := getBuffer()
		for b.Loop() {
			buf.Reset()
			if err := json.MarshalWrite(buf, &v, encodeOptions); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		buf := getBuffer()
		enc := stdjson.NewEncoder(buf)
		for b.Loop() {
			buf.Reset()
			if err := enc.Encode(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
