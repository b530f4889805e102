// Package httpapi is the border to HTTP: one route table, one error adapter, JSON decoding with
// OpenAI's messages, server-sent events, paging, multipart, request ids, limits of size and time,
// and a shutdown that lets streams finish.
//
// A capability lists its operations as Routes; package server joins the lists and gives them to New.
// A Handler returns an error instead of writing one. What the API then promises:
//
//   - every answer carries x-request-id, openai-version, openai-processing-ms and, when the caller is
//     known, openai-organization;
//   - every error is {"error":{"message","type","param","code"}} with all four members, null when empty;
//   - an error after the first byte of a stream becomes an error event, before it plain JSON with its
//     status; an error of a client that went away writes nothing;
//   - the text of an error that is not a *fault.Error is logged with the request id and never shown;
//   - unknown paths are 404 and wrong methods 405 in the same shape, and nothing is ever redirected;
//   - requests that a browser authenticates by cookie must come from our own pages when they change something.
//
// JSON is read and written by go-json-experiment/json (the v2 semantics): names are case-sensitive,
// duplicate names and invalid UTF-8 are refused, null is the zero value, nil slices are [] and nil maps
// are {}. Its `omitempty` omits empty JSON values ("", [], {}, null); to omit a zero number or false, use
// `omitzero`.
package httpapi
