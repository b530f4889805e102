package filesearch

import (
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/fault"
)

// FuzzQueries: whatever a model writes is questions, or an error that tells it what to write.
func FuzzQueries(f *testing.F) {
	for _, s := range []string{`{"queries":["a","b"]}`, `{"query":"a"}`, `{"queries":"a"}`, `{"queries":[1]}`, `{}`, ``, `[]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arguments string) {
		queries, err := queriesOf(agent.Call{Name: Name, Arguments: arguments})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Error(err)
			}
			return
		}
		if len(queries) == 0 || len(queries) > maxQueries {
			t.Errorf("%q", queries)
		}
		for _, q := range queries {
			if strings.TrimSpace(q) == "" || len(q) > 4096 {
				t.Errorf("%q", q)
			}
		}
	})
}
