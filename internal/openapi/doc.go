// Package openapi makes the OpenAPI 3.1 document and the page of documentation from the route table.
//
// Types become schemas by reflection: json tags name the members (without omitempty or omitzero a member
// is required), and these tags say more:
//
//	doc:"…"        the description
//	enum:"a,b"     the allowed values
//	min:"0" max:"2"  bounds of a number, of a text's characters or of a list's items
//	default:"…"    what is assumed when it is left out
//	example:"…"    what examples show: a JSON value, or a text
//
// A pointer that is always there may be null, as a member or in a list or map; one that may be left out is
// only optional. A type that reads or writes itself (a union) says what it looks like by a method
//
//	OpenAPISchema() map[string]any
//
// which returns a JSON schema; Go values of struct or slice types inside of it stand for their schemas.
//
// Schemas are called by package and type, "ChatRequest", without the package where the type's name says
// it already ("Chat" of chats), and for types of foundations ("APIKey"). A method OpenAPIName() string
// overrides that. The order is the table's and the structs', so the same table gives the same bytes.
package openapi
