package retrieval

import (
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

// FuzzFilter: whatever stands as a filter is one, which can be asked of any attributes, or is an error that its writer can read.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		`{"type":"eq","key":"a","value":"b"}`, `{"type":"in","key":"a","value":[1,"b"]}`, `{"type":"and","filters":[{"type":"or","filters":[{"type":"gt","key":"a","value":1}]}]}`,
		`{"type":"and","filters":[]}`, `{"type":"eq","key":"a","value":[1]}`, `[]`, `null`, `{"type":"like"}`, `{"type":"lt","key":"a","value":null}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter([]byte(text))
		if err != nil {
			return
		}
		for _, attributes := range []map[string]any{nil, {"a": "b"}, {"a": 1.0}, {"a": true}} {
			filter.matches(attributes)
		}
	})
}

func FuzzUnpackVectors(f *testing.F) {
	f.Add([]byte("12345678"), 1)
	f.Add([]byte{}, 384)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		vectors, err := unpackVectors(data, n)
		if err == nil && len(vectors)*n*4 != len(data) {
			t.Errorf("%d vectors of %d in %d bytes", len(vectors), n, len(data))
		}
	})
}

func TestFilters(t *testing.T) {
	attributes := map[string]any{"year": 2023.0, "region": "eu", "draft": false}
	for text, want := range map[string]bool{
		`{"type":"eq","key":"year","value":2023}`:           true,
		`{"type":"eq","key":"year","value":"2023"}`:         false,
		`{"type":"ne","key":"year","value":2023}`:           false,
		`{"type":"ne","key":"nothing","value":1}`:           true,
		`{"type":"eq","key":"nothing","value":1}`:           false,
		`{"type":"eq","key":"draft","value":false}`:         true,
		`{"type":"gt","key":"year","value":2022}`:           true,
		`{"type":"gte","key":"year","value":2023}`:          true,
		`{"type":"lt","key":"region","value":"fr"}`:         true,
		`{"type":"lte","key":"year","value":2022}`:          false,
		`{"type":"lt","key":"year","value":"a"}`:            false,
		`{"type":"gt","key":"nothing","value":0}`:           false,
		`{"type":"in","key":"region","value":["us","eu"]}`:  true,
		`{"type":"nin","key":"region","value":["us","eu"]}`: false,
		`{"type":"nin","key":"nothing","value":["us"]}`:     true,
		`{"type":"or","filters":[{"type":"eq","key":"year","value":1},{"type":"and","filters":[{"type":"eq","key":"region","value":"eu"},{"type":"lt","key":"year","value":2024}]}]}`: true,
		`null`: true,
	} {
		f, err := ParseFilter([]byte(text))
		if err != nil || f.matches(attributes) != want {
			t.Errorf("%s: %v %v", text, !want, err)
		}
	}
	deep, many := `{"type":"eq","key":"a","value":1}`, `{"type":"and","filters":[`
	for range maxDepth {
		deep = `{"type":"and","filters":[` + deep + `]}`
	}
	for range maxFilters {
		many += `{"type":"eq","key":"a","value":1},`
	}
	for text, param := range map[string]string{
		deep: "filters[0].filters[0].filters[0].filters[0].filters[0].filters[0].filters[0].filters[0]", many + `{"type":"eq","key":"a","value":1}]}`: "filters[99]",
		`{"type":"and","filters":[{"type":"eq","key":"a","value":[1]}]}`: "filters[0].value", `{"type":"in","key":"a","value":1}`: "value",
		`{"type":"in","key":"a","value":[{}]}`: "value[0]",
	} {
		_, err := ParseFilter([]byte(text))
		if e := fault.As(err); e == nil || e.Param != param {
			t.Errorf("%.60s: %+v", text, e)
		}
	}
}
