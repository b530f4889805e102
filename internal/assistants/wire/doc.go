// Package wire writes and reads the objects of the Assistants API in the shapes of its two generations: v1 of November 2023
// (OpenAI-Beta: assistants=v1) and v2 of April 2024 (assistants=v2). The objects are those of package object; any of them can be seen
// through both shapes.
//
// # Seen through v1
//
//   - file_search is retrieval. Its options are not shown.
//   - file_ids of an assistant are all its files: those of Code Interpreter and those of the vector store that was made for v1. Files
//     of a vector store that somebody made with v2 are not listed; retrieval searches them.
//   - file_ids of a message are the files of its attachments, whatever tools they are for.
//   - An image_url part is a text with the address, a refusal a text with its words: v1 had text and image_file only.
//   - A citation has a quote, which is empty when none is known.
//   - A run that is incomplete is failed, with a server_error that tells why: programs of that time wait for the statuses that they know.
//     invalid_prompt is server_error too.
//   - expires_at of a run is always a number.
//   - A function without parameters has an empty object there, as the document of January 2024 wants.
//
// # Seen through v2
//
//   - retrieval is file_search.
//   - Files that v1 attached to an assistant are in tool_resources: of code_interpreter when the assistant had that tool or did not
//     have retrieval, of file_search, in a vector store that was made for them, when it had retrieval.
//   - Files that v1 attached to a message are attachments for both tools.
//
// # Written by one, read by the other
//
// What one generation does not know stays as it is when it modifies an object: v1 leaves temperature, top_p, response_format
// and the options of file_search alone, v2 leaves nothing alone that it can name.
package wire
