// Package retrieval keeps vector stores: files cut into chunks, found again by their words and by their meaning.
//
// # Tables (migration 0220)
//
//	vector_stores             one per store: name, policy of its expiry, embedding model, revision
//	vector_store_files        one per file in a store: status, error, attributes, how it is cut, its words
//	vector_store_chunks       the chunks with their vectors
//	vector_store_batches      files attached together
//	vector_store_batch_files  which
//
// # Routes
//
//	GET, POST          /v1/vector_stores                                      listVectorStores, createVectorStore
//	GET, POST, DELETE  /v1/vector_stores/{id}                                 getVectorStore, modifyVectorStore, deleteVectorStore
//	POST               /v1/vector_stores/{id}/search                          searchVectorStore
//	GET, POST          /v1/vector_stores/{id}/files                           listVectorStoreFiles, createVectorStoreFile
//	GET, POST, DELETE  /v1/vector_stores/{id}/files/{file_id}                 getVectorStoreFile, updateVectorStoreFileAttributes, deleteVectorStoreFile
//	GET                /v1/vector_stores/{id}/files/{file_id}/content         retrieveVectorStoreFileContent
//	POST               /v1/vector_stores/{id}/file_batches                    createVectorStoreFileBatch
//	GET                /v1/vector_stores/{id}/file_batches/{batch_id}         getVectorStoreFileBatch
//	POST               /v1/vector_stores/{id}/file_batches/{batch_id}/cancel  cancelVectorStoreFileBatch
//	GET                /v1/vector_stores/{id}/file_batches/{batch_id}/files   listFilesInVectorStoreBatch
//
// # Files
//
// retrieval.go has the stores, attach.go what is in them, jobs.go and ingest.go how a file becomes chunks, search.go the search,
// sql*.go the statements, http*.go the JSON shapes. chunk cuts texts, lexical scores words, filesearch is the tool that a model
// calls.
//
// # Invariants
//
//   - A store belongs to a project. Another project's is not found, and no vector of it is ever looked at: each store has an index of its own.
//   - A file is found by searches once it is completed, whole. What cannot be read is failed and says why; nothing is completed with no text.
//   - A job that is cut off goes on behind the last chunk that was written; a chunk has one row, (attachment_id, position).
//   - Only vectors of the model that embeds the question are compared with it.
//   - An expired store stays to be seen, is empty, and cannot be searched nor filled.
package retrieval
