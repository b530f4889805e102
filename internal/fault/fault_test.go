package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

func TestWords(t *testing.T) {
	for want, err := range map[string]error{
		"the disk is away":                     errors.New("the disk is away"),
		"Please try again.":                    fmt.Errorf("store.Open: %w", fault.New(fault.Unavailable, "Please try again.")),
		"Please try again. (the disk is away)": fmt.Errorf("store.Open: %w", fault.New(fault.Unavailable, "Please try again.").WithCause(errors.New("the disk is away"))),
	} {
		if got := fault.Words(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
