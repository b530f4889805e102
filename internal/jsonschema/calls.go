package jsonschema

import "fmt"

// Function is something that a model may call.
type Function struct {
	Name       string
	Parameters []byte // JSON Schema of the arguments, an object; none when empty
	Strict     bool   // hold the schema to OpenAI's rules for strict ones
}

// Form says how a model writes calls: each as an object with a name and arguments, in the frame that
// its chat template teaches.
type Form struct {
	Open, Close   string // before the first call and behind the last one
	Before, After string // around each call
	Between       string // between two calls, behind After
	Name          string // the member with the function's name; "name" when empty
	Arguments     string // the member with its arguments; "arguments" when empty
}

// Bare is a list of nothing but the call, one of them.
var Bare = Form{}

// FunctionError says which function's schema cannot be used.
type FunctionError struct {
	Index int // of the functions
	Name  string
	Err   error // an *Error
}

// Error writes it as OpenAI's API does.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("Invalid schema for function '%s': %v", e.Name, e.Err)
}

// Unwrap returns the schema's error.
func (e *FunctionError) Unwrap() error { return e.Err }

// Arguments is the grammar of a function's arguments alone, as a forced call of a known function needs.
func Arguments(f Function, o Options) (Grammar, error) {
	g := newRules()
	root := g.new(Root)
	ignored, err := f.compile(g, root, 0, o)
	if err != nil {
		return Grammar{}, err
	}
	text := g.text(root)
	if text == "" {
		return Grammar{}, &FunctionError{Name: f.Name, Err: impossible()}
	}
	return Grammar{GBNF: text, Ignored: ignored}, nil
}

// Calls is the grammar of one to most calls (most < 0: any number) of the functions, in the form. The
// name is written before the arguments, so that these are held to the schema of that name. Errors are
// *FunctionError.
func Calls(functions []Function, form Form, most int, o Options) (Grammar, error) {
	g := newRules()
	root, call := g.new(Root), g.new("call")
	var ignored []string
	for i, f := range functions {
		arguments := g.new("")
		left, err := f.compile(g, arguments, i, o)
		if err != nil {
			return Grammar{}, err
		}
		ignored = append(ignored, left...)
		if !g.productive()[arguments] {
			return Grammar{}, &FunctionError{Index: i, Name: f.Name, Err: impossible()}
		}
		space := literal(" ").times(0, 1)
		head := "{" + quote(or(form.Name, "name")) + ":"
		g.alt(call, literal(form.Before+head), space, literal(quote(f.Name)+","), space,
			literal(quote(or(form.Arguments, "arguments"))+":"), space, to(arguments), literal("}"+form.After))
	}
	syms := []sym{to(call)}
	if form.Open != "" {
		syms = append([]sym{literal(form.Open)}, syms...)
	}
	if most < 0 || most > 1 {
		further := g.new("")
		if form.Between == "" {
			g.alt(further, to(call))
		} else {
			g.alt(further, literal(form.Between), to(call))
		}
		syms = append(syms, g.many(further, 0, max(most-1, -1))...)
	}
	if form.Close != "" {
		syms = append(syms, literal(form.Close))
	}
	g.alt(root, syms...)
	return Grammar{GBNF: g.text(root), Ignored: ignored}, nil
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// compile makes the rules of a function's arguments.
func (f Function) compile(g *rules, rule, index int, o Options) ([]string, error) {
	schema := f.Parameters
	if len(schema) == 0 || string(schema) == "null" {
		schema = []byte(`{"type":"object","properties":{}}`)
	}
	check := CheckObject
	if f.Strict {
		check, o.Lenient = CheckStrict, false
	}
	err := check(schema)
	var ignored []string
	if err == nil {
		ignored, err = compileInto(g, rule, schema, o)
	}
	if err != nil {
		return nil, &FunctionError{Index: index, Name: f.Name, Err: err}
	}
	return ignored, nil
}
