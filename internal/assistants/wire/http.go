package wire

import (
	"net/http"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
)

// Version is a generation of the Assistants API.
type Version int

// The generations.
const (
	V1 Version = iota + 1 // November 2023
	V2                    // April 2024
)

func (v Version) String() string {
	if v == V1 {
		return "v1"
	}
	return "v2"
}

// VersionOf reads which generation a request speaks. Without the header it is the original's 400.
func VersionOf(r *http.Request) (Version, error) {
	for _, line := range r.Header.Values("OpenAI-Beta") {
		// Some clients join several betas with semicolons, most with commas.
		for part := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ',' || c == ';' || c == ' ' }) {
			switch part {
			case "assistants=v1":
				return V1, nil
			case "assistants=v2":
				return V2, nil
			}
		}
	}
	return 0, missing(V2)
}

// missing is the original's answer to a request that does not say which generation it means.
func missing(v Version) error {
	return fault.New(fault.Invalid, "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header 'OpenAI-Beta: assistants=%s'.", v).WithCode("invalid_beta")
}

// Need reads the generation of a request to what only one of them has.
func Need(r *http.Request, want Version) error {
	v, err := VersionOf(r)
	if err != nil {
		return missing(want)
	}
	if v != want {
		return fault.New(fault.Invalid, "This is part of %s of the Assistants API, and the request's 'OpenAI-Beta' header says %s. Please try again by setting the header 'OpenAI-Beta: assistants=%s'.", want, v, want).WithCode("invalid_beta")
	}
	return nil
}
