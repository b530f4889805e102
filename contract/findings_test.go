package contract

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// finding is one way in which a value is not what a schema says.
type finding struct {
	At   string // where, with * for the items of arrays: "/choices/*/logprobs"
	What string // "is missing", "is null, not string"
}

// unknown is what is found of a member that the schema does not name.
const unknown = "is not in the document"

// findings lists what a validation found, each once, in order.
func findings(err error) []finding {
	e, ok := err.(*jsonschema.ValidationError)
	if !ok {
		if err == nil {
			return nil
		}
		return []finding{{"", err.Error()}}
	}
	out := leaves(e)
	slices.SortFunc(out, func(a, b finding) int { return strings.Compare(a.At+a.What, b.At+b.What) })
	out = slices.Compact(out)
	// A member of which something is wrong counts as not evaluated in an allOf: that says nothing new.
	all := slices.Clone(out)
	return slices.DeleteFunc(out, func(f finding) bool {
		return f.What == unknown && slices.ContainsFunc(all, func(o finding) bool {
			return o.What != unknown && (o.At == f.At || strings.HasPrefix(o.At, f.At+"/"))
		})
	})
}

func leaves(e *jsonschema.ValidationError) []finding {
	at := location(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf:
		return nearest(at, e.Causes)
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return []finding{{at, "fits several of the alternatives"}}
		}
		return nearest(at, e.Causes)
	case *kind.Required:
		return names(at, k.Missing, "is missing")
	case *kind.AdditionalProperties:
		return names(at, k.Properties, unknown)
	case *kind.FalseSchema:
		return []finding{{at, unknown}} // unevaluatedProperties
	case *kind.Type:
		return []finding{{at, "is " + k.Got + ", not " + strings.Join(k.Want, " or ")}}
	case *kind.Enum:
		return []finding{{at, fmt.Sprintf("is %v, not one of %v", k.Got, k.Want)}}
	}
	if len(e.Causes) == 0 {
		return []finding{{at, fmt.Sprintf("%T %+v", e.ErrorKind, e.ErrorKind)}}
	}
	var out []finding
	for _, c := range e.Causes {
		out = append(out, leaves(c)...)
	}
	return out
}

// nearest is what was found against the alternative that the value comes nearest to: not of another type, of the
// kind that its member type names, and with the fewest findings. When all are of another type, their types are told.
func nearest(at string, causes []*jsonschema.ValidationError) []finding {
	var best []finding
	var types []string
	got := ""
	for _, c := range causes {
		found := leaves(c)
		if len(found) == 1 && found[0].At == at && strings.Contains(found[0].What, ", not ") {
			is, not, _ := strings.Cut(found[0].What, ", not ")
			got, types = is, append(types, not)
			continue
		}
		if best == nil || far(at, found) < far(at, best) {
			best = found
		}
	}
	if best != nil {
		return best
	}
	return []finding{{at, got + ", not " + strings.Join(types, " or ")}}
}

// far is how far a value is from an alternative.
func far(at string, found []finding) int {
	n := len(found)
	if slices.ContainsFunc(found, func(f finding) bool { return f.At == at+"/type" && strings.Contains(f.What, ", not one of ") }) {
		n += 1000
	}
	return n
}

func names(at string, members []string, what string) []finding {
	var out []finding
	for _, m := range members {
		out = append(out, finding{at + "/" + m, what})
	}
	return out
}

func location(path []string) string {
	var b strings.Builder
	for _, p := range path {
		if _, err := strconv.Atoi(p); err == nil {
			p = "*"
		}
		b.WriteString("/" + p)
	}
	return b.String()
}
