package wire

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
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

// Decode reads a body. An empty one is an empty object: several clients send none where nothing is asked.
func Decode[T any](w http.ResponseWriter, r *http.Request) (v T, err error) {
	if r.ContentLength == 0 && len(r.TransferEncoding) == 0 {
		return v, nil
	}
	return httpapi.Decode[T](w, r, httpapi.Strict)
}

// PageOf is a part of a short list that lies in memory, oldest first, for those that have no table of their own.
func PageOf[T any](all []T, p store.Paging, id func(T) string) (_ []T, more bool, err error) {
	all = slices.Clone(all)
	if p.Order != "asc" {
		slices.Reverse(all)
	}
	find := func(param, name string) (int, error) {
		i := slices.IndexFunc(all, func(v T) bool { return id(v) == name })
		if i < 0 {
			e := fault.New(fault.NotFound, "No file found with id '%.80s'.", name)
			e.Param = param
			return 0, e
		}
		return i, nil
	}
	from, to := 0, len(all)
	if p.After != "" {
		if from, err = find("after", p.After); err != nil {
			return nil, false, err
		}
		from++
	}
	if p.Before != "" {
		if to, err = find("before", p.Before); err != nil {
			return nil, false, err
		}
	}
	all = all[min(from, to):to]
	if len(all) <= p.Limit {
		return all, false, nil
	}
	if p.Before != "" && p.After == "" {
		return all[len(all)-p.Limit:], true, nil
	}
	return all[:p.Limit], true, nil
}
