package wire

import (
	"fmt"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
)

// The texts are those that the Assistants API answered with from April 2024 on.

func at(format string, i int) string { return fmt.Sprintf(format, i) }

// choice refuses a word that is none of those allowed.
func choice(param, got string, allowed ...string) error {
	list := "'" + strings.Join(allowed[:len(allowed)-1], "', '") + "'"
	last := "'" + allowed[len(allowed)-1] + "'"
	switch len(allowed) {
	case 1:
		list = last
	case 2:
		list += " and " + last
	default:
		list += ", and " + last
	}
	return fault.Param(param, "Invalid value: '%.64s'. Supported values are: %s.", got, list).WithCode("invalid_value")
}

// unknown refuses a parameter that the generation does not have.
func unknown(param string) error {
	return fault.Param(param, "Unknown parameter: '%s'.", param).WithCode("unknown_parameter")
}

func required(param string) error {
	return fault.Param(param, "Missing required parameter: '%s'.", param).WithCode("missing_required_parameter")
}
