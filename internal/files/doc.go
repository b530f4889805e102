// Package files keeps the files of the API: those that people upload for fine-tuning, assistants, batches and images, and those
// that the server makes for them. Other capabilities read and make files through its Service.
//
// # Tables (migrations 0180 and 0181)
//
//	files         one per file: name, purpose, size, status, where its content lies
//	file_blobs    one per content that the blob store may hold something of
//	file_totals   what an organization has stored, and may store
//	uploads       resumable uploads
//	upload_parts  their parts
//
// # Routes
//
//	POST   /v1/files                                  createFile           files.write  (a form)
//	GET    /v1/files                                  listFiles            files.read
//	GET    /v1/files/{file_id}                        retrieveFile         files.read
//	DELETE /v1/files/{file_id}                        deleteFile           files.write
//	GET    /v1/files/{file_id}/content                downloadFile         files.read
//	POST   /v1/uploads                                createUpload         files.write
//	POST   /v1/uploads/{upload_id}/parts              addUploadPart        files.write  (a form)
//	POST   /v1/uploads/{upload_id}/complete           completeUpload       files.write
//	POST   /v1/uploads/{upload_id}/cancel             cancelUpload         files.write
//	GET    /api/files/storage                         getFileStorage       files.read
//	GET    /admin/organizations/{id}/files            adminGetFileStorage  operator
//	POST   /admin/organizations/{id}/files            adminSetFileStorage  operator
//
// # Files
//
// files.go has the operations, uploads.go the resumable ones, content.go how contents come into the store and leave it, validate.go the
// check of examples for fine-tuning, sql*.go the statements, http*.go the JSON shapes.
//
// # Invariants
//
//   - A file belongs to a project. That of another one is not found, whatever is asked of it.
//   - A file that is listed is whole: its row is written when its content is safe.
//   - No content without a file: file_blobs names a content before the first byte of it is written. What is not kept in the end,
//     because the client left, the disk was full or the server was killed, is removed: at once, or by Tidy. A content in the state
//     writing belongs to a server of the database (package presence); to make it a file, that server has to find it in that state.
//   - A deleted file's content may be read to its end by who has opened it (as far as the blob store allows).
//   - file_totals counts in the transactions of the files, so that two who upload at once cannot pass the limit together.
package files
