// Package malformed makes requests that are wrong in many ways out of ones that are right, for tests: values
// of other types, members that are missing, there twice or under other names, deep and long ones, texts
// that are no JSON, halves, other media types, compressed bodies, odd methods and paths. A seed always
// makes the same ones.
package malformed

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// Valid is a request that is as it should be.
type Valid struct{ Method, Path, Body string }

// ValidRequests are what the bad ones are made of: every route of the text API, and the pages' own that
// take a body.
var ValidRequests = []Valid{
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":3,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi","name":"a"}],"temperature":0.5,"top_p":1,"n":1,"stop":["x"],"seed":1,"presence_penalty":0,"frequency_penalty":0,"logit_bias":{"50":1},"user":"u"}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_completion_tokens":3,"stream":true,"stream_options":{"include_usage":true},"logprobs":true,"top_logprobs":2,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":20,"messages":[{"role":"user","content":"JSON"}],"response_format":{"type":"json_schema","json_schema":{"name":"b","strict":true,"schema":{"type":"object","properties":{"b":{"type":"array","items":{"$ref":"#/$defs/x"}}},"required":["b"],"additionalProperties":false,"$defs":{"x":{"type":"string","pattern":"^[a-z]{2}$"}}}}}}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":20,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"a":{"type":"integer"}}}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false}`},
	{"POST", "/v1/chat/completions", `{"model":"gpt-4","max_tokens":20,"messages":[{"role":"user","content":"x"},{"role":"function","name":"f","content":"1"}],"functions":[{"name":"f","parameters":{"type":"object","properties":{}}}],"function_call":{"name":"f"}}`},
	{"POST", "/v1/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":["one","two"],"max_tokens":3,"n":1,"best_of":2,"echo":true,"logprobs":2,"stop":"x","suffix":null,"temperature":0,"logit_bias":{"50256":-100},"user":"u","seed":3}`},
	{"POST", "/v1/completions", `{"model":"echo","prompt":[[72,105],[72]],"max_tokens":2,"stream":true}`},
	{"POST", "/v1/completions", `{"model":"gpt-3.5-turbo-instruct","prompt":"Once ","suffix":" time","max_tokens":2}`},
	{"POST", "/v1/edits", `{"model":"text-davinci-edit-001","input":"teh","instruction":"Fix it.","n":1,"temperature":0,"top_p":1}`},
	{"POST", "/v1/answers", `{"model":"gpt-4","search_model":"text-embedding-ada-002","question":"q?","documents":["a","b"],"max_rerank":1,"examples":[["c?","d"]],"examples_context":"c","max_tokens":2,"n":2,"logprobs":1,"stop":["x"],"logit_bias":{"50":1},"expand":["completion"],"return_prompt":true}`},
	{"POST", "/v1/classifications", `{"model":"gpt-4","search_model":"text-embedding-ada-002","query":"q","examples":[["a","b"],["c","d"]],"labels":["b","d"],"max_examples":1,"temperature":0,"expand":[]}`},
	{"GET", "/v1/engines", ""},
	{"GET", "/v1/engines/davinci", ""},
	{"POST", "/v1/engines/davinci/completions", `{"prompt":"hi","max_tokens":2}`},
	{"POST", "/v1/engines/text-davinci-edit-001/edits", `{"input":"teh","instruction":"Fix it."}`},
	{"POST", "/v1/engines/text-embedding-ada-002/embeddings", `{"input":"hi"}`},
	{"POST", "/v1/engines/text-embedding-ada-002/search", `{"query":"a","documents":["b","c"],"max_rerank":200,"return_metadata":false}`},
	{"POST", "/v1/embeddings", `{"model":"text-embedding-ada-002","input":["hi","ho"],"encoding_format":"base64","dimensions":8,"user":"u"}`},
	{"POST", "/v1/embeddings", `{"model":"text-embedding-ada-002","input":[[13347],[1,2,3]]}`},
	{"POST", "/v1/tokenize", `{"encoding":"cl100k_base","text":"hi <|endoftext|>","allowed_special":["<|endoftext|>"],"pieces":true}`},
	{"POST", "/v1/tokenize", `{"model":"gpt-4","messages":[{"role":"user","content":"hi","name":"a"}]}`},
	{"POST", "/v1/detokenize", `{"encoding":"cl100k_base","tokens":[13347,0]}`},
	{"GET", "/v1/models", ""},
	{"GET", "/v1/models/gpt-4", ""},
	{"GET", "/api/calendar", ""},
	{"PUT", "/api/calendar/my-name", `{"served":"echo","window":100,"encoding":"cl100k_base","moves":[{"from":"2024-01-01","to":"gpt-4"}],"announced":"2024-01-01","shutdown":"2025-01-01","input_price":0.5,"replacement":"gpt-4"}`},
	{"DELETE", "/api/calendar/my-name", ""},
	{"POST", "/api/chats", `{"title":"x","model":"gpt-4"}`},
	{"GET", "/api/chats?limit=5&order=asc&query=x", ""},
	{"POST", "/api/keys", `{"name":"x","scopes":["chat.write"]}`},
	{"POST", "/api/session", `{"token":"x"}`},
}

// raw is a value of a body as it is written, which need not be JSON.
type raw string

// strange are values where others are expected.
var strange = []raw{
	`null`, `true`, `0`, `-1`, `129`, `1e308`, `1e999`, `-1e999`, `123456789012345678901234567890`, `0.5`, `9007199254740993`, `-0`, `""`, `"x"`, `"한국어 👍"`, `"\u0000"`, `"\ud800"`,
	`"\udc00\ud800x"`, `"NaN"`, `NaN`, `Infinity`, `[]`, `{}`, `[[]]`, `[{}]`, `[null]`, `{"":""}`, `[1,2,3]`, `["a","b","c","d","e"]`, `[-1]`, `[99999999]`, `{"1":1}`, `{"-5":3}`, `{"99999999":1}`, `[1,"a"]`,
	`[{"role":"user","content":"<|end|>"}]`, `[{"role":"wizard","content":""}]`, `[{"role":"user","content":[{"type":1}]}]`, `[{"role":["user"]}]`, `{"$ref":"#"}`, `{"type":"string","pattern":"(a*)*$"}`,
	raw(strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000)), raw(strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat(`}`, 9_000)),
	raw(`"` + strings.Repeat("x", 100_000) + `"`), raw(`[` + strings.Repeat(`"a",`, 5_000) + `"a"]`), raw(strings.Repeat(`9`, 5_000)),
}

// broken are pieces that make a text no JSON, wherever they stand.
var broken = []string{`-`, `01`, `tru`, `[`, `{`, `"`, `}`, `'a'`, "\x00", "\xff", "\xed\xa0\x80", "\ufeff", `/*x*/`, `"\x"`, `,,`, strings.Repeat(`[`, 20_000), strings.Repeat(`{"a":`, 20_000)}

// mutated is v with one of its parts changed. Objects are walked in the order of their names, so that a
// seed always makes the same requests.
func mutated(r *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || r.IntN(8) == 0 {
			break
		}
		keys := slices.Sorted(maps.Keys(v))
		key := keys[r.IntN(len(keys))]
		switch r.IntN(8) {
		case 0:
			delete(v, key)
		case 1:
			v[key+"x"] = v[key]
		case 2:
			v[keys[r.IntN(len(keys))]] = v[key]
		default:
			v[key] = mutated(r, v[key])
		}
		return v
	case []any:
		if len(v) == 0 || r.IntN(6) == 0 {
			break
		}
		i := r.IntN(len(v))
		switch r.IntN(6) {
		case 0:
			return slices.Delete(v, i, i+1)
		case 1:
			return slices.Repeat(v, 1+r.IntN(2_000)/len(v))
		default:
			v[i] = mutated(r, v[i])
		}
		return v
	}
	return strange[r.IntN(len(strange))]
}

// text writes a body.
func text(b *strings.Builder, v any) {
	switch v := v.(type) {
	case raw:
		b.WriteString(string(v))
	case map[string]any:
		b.WriteByte('{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, "%q:", key)
			text(b, v[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			text(b, e)
		}
		b.WriteByte(']')
	default:
		data, err := json.Marshal(v)
		if err != nil {
			panic(err) // it came from JSON
		}
		b.Write(data)
	}
}

// Request is a request to the server at url that is wrong in some way, mostly. It has no key yet.
func Request(r *rand.Rand, url string) *http.Request {
	from := ValidRequests[r.IntN(len(ValidRequests))]
	body, header := from.Body, http.Header{"Content-Type": {"application/json"}}
	if body != "" {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			panic(err)
		}
		for range 1 + r.IntN(3) {
			v = mutated(r, v)
		}
		var b strings.Builder
		text(&b, v)
		body = b.String()
		switch at := r.IntN(len(body) + 1); r.IntN(10) {
		case 0:
			body = body[:at] + broken[r.IntN(len(broken))] + body[at:]
		case 1:
			body = body[:at]
		case 2: // a member twice
			body = strings.Replace(body, "{", `{"model":"gpt-4",`, 1)
		case 3:
			body += body
		case 4:
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write([]byte(body)) // a buffer takes everything
			_ = z.Close()
			body = packed.String()
			if r.IntN(2) == 0 {
				header.Set("Content-Encoding", "gzip")
			}
		case 5:
			header.Set("Content-Type", []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "\"", "application/xml"}[r.IntN(8)])
		}
	}
	method, path := from.Method, from.Path
	switch r.IntN(12) {
	case 0:
		method = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"}[r.IntN(9)]
	case 1:
		path += []string{"/", "//", "/..", "/%00", "/%ff%fe", "?limit=-1", "?after=%00", "?%zz", "?limit=1e9&order=up", "/" + strings.Repeat("x", 5_000), "/%2e%2e%2fx"}[r.IntN(11)]
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.URL.Opaque = path // as it is, also where it is no proper path
	if r.IntN(20) == 0 {
		req.ContentLength = -1 // in chunks
	}
	req.Header = header
	return req
}
