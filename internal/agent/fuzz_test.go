package agent

import (
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

// FuzzDecode: whatever a model wrote as arguments is read, or is an error that the model can be told.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"code":"print(1)"}`, `{"code":1}`, `[]`, `null`, `{"code":"\ud800"}`, `{`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arguments string) {
		var in struct{ Code string }
		if err := (Call{Name: "f", Arguments: arguments}).Decode(&in); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v", err)
		}
	})
}
