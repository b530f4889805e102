package toolcall

import (
	"strings"

	"github.com/parley-ai/parley/internal/jsonschema"
)

// notation finds out how a template writes arguments that are not JSON; with a reason when it is not understood.
func (p *prober) notation() (jsonschema.Notation, string) {
	const unknown = "the arguments are written in a way that is not understood"
	call := func(arguments string) string {
		_, rest, _ := strings.Cut(p.render(assistant("", newProbeCall(firstID, firstName, arguments))), firstName)
		return rest
	}
	var parts []string
	rest := call(`{"qzkey": "qzone", "qzother": "qztwo"}`)
	for _, word := range []string{"qzkey", "qzone", "qzother", "qztwo"} {
		before, behind, ok := strings.Cut(rest, word)
		if !ok {
			return jsonschema.Notation{}, unknown
		}
		parts, rest = append(parts, before), behind
	}
	head, mid, gap := parts[0], parts[1], parts[2]
	if mid != parts[3] {
		return jsonschema.Notation{}, unknown
	}
	value := func(arguments, value string) (mid, after string, ok bool) {
		_, rest, _ := strings.Cut(call(arguments), "qzkey")
		return strings.Cut(rest, value)
	}
	if quote, ok := strings.CutPrefix(mid, ":"); ok && quote != "" && strings.HasSuffix(head, "{") && gap == quote+"," && strings.HasPrefix(rest, quote+"}") {
		n := jsonschema.Notation{Quote: quote, Bare: true}
		if _, after, ok := value(`{"qzkey": {"qzin": [70707, "qzdeep", true]}}`, ":{qzin:[70707,"+quote+"qzdeep"+quote+",true]}"); !ok || !strings.HasPrefix(after, "}") {
			return jsonschema.Notation{}, unknown
		}
		return n, ""
	}
	after := commonPrefix(gap, rest)
	before := gap[len(after):]
	if len(token.FindString(after)) == 0 || before == "" || !strings.HasSuffix(head, before) {
		return jsonschema.Notation{}, unknown
	}
	other, tail, ok := value(`{"qzkey": 70707}`, "70707")
	if !ok || !strings.HasPrefix(tail, after) {
		return jsonschema.Notation{}, unknown
	}
	nested, tail, ok := value(`{"qzkey": {"qzin": [70707, "qzdeep", true]}}`, `{"qzin": [70707, "qzdeep", true]}`)
	if !ok || nested != other || !strings.HasPrefix(tail, after) {
		return jsonschema.Notation{}, unknown
	}
	_, _, python := value(`{"qzkey": false}`, "False"+after)
	// Lines and quotes in a value must not change how it is written.
	if lines, tail, ok := value(`{"qzkey": "qz\n\"<one"}`, "qz\n\"<one"); !ok || lines != mid || !strings.HasPrefix(tail, after) {
		return jsonschema.Notation{}, unknown
	}
	return jsonschema.Notation{Parameters: &jsonschema.Parameters{Before: before, Text: mid, Other: other, After: after, Python: python}}, ""
}

// writtenArguments is the probes' arguments in a notation.
func writtenArguments(n jsonschema.Notation, value string) string {
	if p := n.Parameters; p != nil {
		return p.Before + "qzkey" + p.Text + value + p.After
	}
	return "{qzkey:" + n.Quote + value + n.Quote + "}"
}

// takesNoArguments says whether a call without arguments is the frame with nothing inside.
func (p *prober) takesNoArguments(s *Syntax) bool {
	nothing := ""
	if s.notation.Parameters == nil {
		nothing = "{}"
	}
	if strings.ContainsAny(s.open+s.head+s.mid+s.tail, slots) {
		return false
	}
	packed := func(text string) string { return strings.Join(strings.Fields(text), "") }
	return strings.Contains(packed(p.render(assistant("", newProbeCall(firstID, firstName, "{}")))), packed(s.open+s.head+firstName+s.mid+nothing+s.tail))
}
