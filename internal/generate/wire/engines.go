package wire

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
)

// Engine is the model of a request to /v1/engines/{engine}/…, the form of before 2022, in which the path
// names it and the body must not. The error is the original's.
func Engine(path string, model jsontext.Value) (string, error) {
	if len(model) > 0 && model.Kind() != 'n' {
		return "", fault.New(fault.Invalid, "Cannot specify both model and engine")
	}
	return path, nil
}
