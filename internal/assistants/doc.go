// Package assistants keeps assistants: a model with instructions, tools and files.
//
// # Tables (migration 0190)
//
//	assistants       one per assistant
//	assistant_files  its files: for Code Interpreter, for file search, or both
//
// # Routes
//
//	GET, POST          /v1/assistants                              listAssistants, createAssistant
//	GET, POST, DELETE  /v1/assistants/{assistant_id}               getAssistant, modifyAssistant, deleteAssistant
//	GET, POST          /v1/assistants/{assistant_id}/files         listAssistantFiles, createAssistantFile      only v1
//	GET, DELETE        /v1/assistants/{assistant_id}/files/{file_id} getAssistantFile, deleteAssistantFile      only v1
//
// # Packages below
//
// object has the objects with the rules that hold for all, wire their shapes of v1 and v2, thread keeps threads, messages, runs and
// steps, reach what tools may reach, runs executes runs, recall chooses what a model sees of a thread, saved takes in objects that a
// program saved.
//
// # Invariants
//
//   - An assistant belongs to a project. Another's is not found, whatever is asked of it.
//   - A file that v1 attaches is for all tools that the assistant has: Code Interpreter's unless retrieval is the only one that takes files,
//     and in the vector store of retrieval when it has that. The store is made with the first such file and goes with the assistant.
//   - An assistant has at most 20 files of Code Interpreter and 20 of v1.
//   - A deleted file is no assistant's any more, by the transaction of its deletion.
package assistants
