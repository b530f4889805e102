// Package saved takes in assistants, threads, messages, runs and steps that a program saved as the API's JSON objects, in the shape of
// v1 or v2: OpenAI switched its Assistants API off, and they live on here under their ids.
//
// # Route
//
//	POST /api/assistants/import   importAssistants   assistants.write
//
// # What is kept
//
//   - Ids and times. An object whose id is there already is skipped, so that the same file can be taken in again.
//   - Messages come behind those that a thread has, in the order of their times. A thread that only its messages name is made.
//   - Runs and steps are history: one that was active is expired.
//   - A file that the project does not have is named. Messages keep its id, an assistant does not get it. The same goes for vector stores.
//
// # Invariants
//
//   - An object is taken in whole or not at all, and the report says of each what became of it.
//   - An object that belongs to another project is refused; its id tells nothing more.
package saved
