// Package jsonschema turns a JSON Schema into a GBNF grammar, the form in which llama.cpp holds a
// model to a language. Whatever the grammar lets through is valid JSON that satisfies the schema.
//
// Compile reads a schema and returns the grammar's text. What a grammar cannot express is an *Error
// that names the keyword and its place; with Options.Lenient it is left out instead, and the answer
// then satisfies the rest. CheckStrict holds a schema to what OpenAI asks of strict ones. Tools makes
// the grammar of a function call from the schemas of its arguments, in JSON or in a Notation of the model's own.
//
// How it works. A place in an answer has to satisfy a set of schemas at once: the one that stands
// there, what it refers to, and the members of allOf. Such a set (conj) is what a rule of the grammar
// is made for, so recursive schemas become recursive rules. anyOf and oneOf multiply a set into
// alternatives without either (expand.go). Then each type is written by itself: objects as a chain of
// their properties in the order of the schema (object.go), arrays (array.go), and strings and numbers
// as finite automata (dfa.go), in which patterns, formats, lengths, bounds and forbidden names are
// intersected before they become rules (regex.go, string.go, number.go). Automata are deterministic, so
// that llama.cpp follows one stack where a grammar written by hand would follow many.
//
// Choices, each inside of what the schema allows:
//
//   - Properties come in the order of the schema, additional ones after them. An object that has
//     `properties`, be they none, and says nothing of additionalProperties gets no others.
//   - A schema without a type that has keywords of one type only (properties, items, pattern) is of it.
//   - White space is a newline with an indentation of at most 24 spaces, or one space, and never between
//     a value and the comma behind it: an answer cannot be white space without end.
//   - Whole numbers have 15 digits at most, so that they are exact as IEEE doubles; with bounds or
//     multipleOf, numbers have no exponent. Larger bounds extend the digits.
//   - In strings with a pattern or format, characters come as themselves where JSON allows it.
//   - Formats are written as a subset that every validator knows: dates that exist, hosts of at most five
//     labels. Formats that the specification does not define say nothing.
//
// Bounds: a schema has at most MaxBytes and nests at most 64 levels, references aside; automata and
// grammars have limits (budget), beyond which the answer is an *Error.
package jsonschema
