package retrieval

import (
	"time"

	"github.com/parley-ai/parley/internal/httpapi"
)

// StoreObject is a vector store.
type StoreObject struct {
	ID           string            `json:"id" example:"vs_8Abc"`
	Object       string            `json:"object" doc:"Always vector_store." enum:"vector_store"`
	CreatedAt    int64             `json:"created_at" doc:"Seconds since 1970."`
	Name         string            `json:"name" doc:"Empty when it was given none."`
	Description  string            `json:"description,omitzero"`
	UsageBytes   int64             `json:"usage_bytes" doc:"What the chunks, vectors and words of its files take."`
	FileCounts   Counts            `json:"file_counts"`
	Status       string            `json:"status" doc:"completed once all files are read." enum:"expired,in_progress,completed"`
	ExpiresAfter *ExpiresAfter     `json:"expires_after" doc:"When it ends by itself; null: it does not."`
	ExpiresAt    *int64            `json:"expires_at" doc:"Seconds since 1970."`
	LastActiveAt int64             `json:"last_active_at" doc:"Seconds since 1970: when it was filled or searched last, with a grain of a minute."`
	Metadata     map[string]string `json:"metadata"`
}

// ExpiresAfter is a policy of expiry.
type ExpiresAfter struct {
	Anchor string `json:"anchor" doc:"Always last_active_at." enum:"last_active_at"`
	Days   int    `json:"days" min:"1" max:"365"`
}

// OpenAPIName implements openapi's hook.
func (StoreObject) OpenAPIName() string { return "VectorStore" }

// OpenAPIName implements openapi's hook.
func (ExpiresAfter) OpenAPIName() string { return "VectorStoreExpiresAfter" }

// OpenAPIName implements openapi's hook.
func (Counts) OpenAPIName() string { return "VectorStoreFileCounts" }

// FileObject is a file in a vector store.
type FileObject struct {
	ID               string         `json:"id" doc:"The file's." example:"file-8Abc"`
	Object           string         `json:"object" doc:"Always vector_store.file." enum:"vector_store.file"`
	UsageBytes       int64          `json:"usage_bytes" doc:"What its chunks, vectors and words take; 0 until it is completed."`
	CreatedAt        int64          `json:"created_at" doc:"Seconds since 1970: when it was attached."`
	VectorStoreID    string         `json:"vector_store_id"`
	Status           string         `json:"status" enum:"in_progress,completed,cancelled,failed"`
	LastError        *FileError     `json:"last_error" doc:"Why it failed."`
	ChunkingStrategy Strategy       `json:"chunking_strategy"`
	Attributes       map[string]any `json:"attributes"`
}

// Strategy is how a file was cut.
type Strategy struct {
	Type   string         `json:"type" doc:"Always static." enum:"static"`
	Static StaticStrategy `json:"static"`
}

// StaticStrategy are the sizes of chunks.
type StaticStrategy struct {
	MaxChunkSizeTokens int `json:"max_chunk_size_tokens"`
	ChunkOverlapTokens int `json:"chunk_overlap_tokens"`
}

// OpenAPIName implements openapi's hook.
func (FileObject) OpenAPIName() string { return "VectorStoreFile" }

// OpenAPIName implements openapi's hook.
func (FileError) OpenAPIName() string { return "VectorStoreFileError" }

// OpenAPIName implements openapi's hook.
func (Strategy) OpenAPIName() string { return "VectorStoreStrategy" }

// OpenAPIName implements openapi's hook.
func (StaticStrategy) OpenAPIName() string { return "VectorStoreStaticStrategy" }

// BatchObject is some files that were attached together.
type BatchObject struct {
	ID            string `json:"id" example:"vsfb_8Abc"`
	Object        string `json:"object" doc:"Always vector_store.file_batch." enum:"vector_store.file_batch"`
	CreatedAt     int64  `json:"created_at" doc:"Seconds since 1970."`
	VectorStoreID string `json:"vector_store_id"`
	Status        string `json:"status" doc:"failed when none of its files could be read." enum:"in_progress,completed,cancelled,failed"`
	FileCounts    Counts `json:"file_counts"`
}

// OpenAPIName implements openapi's hook.
func (BatchObject) OpenAPIName() string { return "VectorStoreFileBatch" }

// ContentPage is the text that was read from a file.
type ContentPage struct {
	Object   string     `json:"object" doc:"Always vector_store.file_content.page." enum:"vector_store.file_content.page"`
	Data     []TextPart `json:"data" doc:"The chunks in the order of the file; they overlap."`
	HasMore  bool       `json:"has_more" doc:"Always false: all chunks are here."`
	NextPage *string    `json:"next_page" doc:"Always null."`
}

// TextPart is a text.
type TextPart struct {
	Type string `json:"type" doc:"Always text." enum:"text"`
	Text string `json:"text"`
}

// OpenAPIName implements openapi's hook.
func (ContentPage) OpenAPIName() string { return "VectorStoreFileContent" }

// OpenAPIName implements openapi's hook.
func (TextPart) OpenAPIName() string { return "VectorStoreText" }

// SearchPage is what a search found.
type SearchPage struct {
	Object      string       `json:"object" doc:"Always vector_store.search_results.page." enum:"vector_store.search_results.page"`
	SearchQuery []string     `json:"search_query" doc:"What was looked for."`
	Data        []SearchItem `json:"data" doc:"The best first."`
	HasMore     bool         `json:"has_more" doc:"Always false: ask for more by max_num_results."`
	NextPage    *string      `json:"next_page" doc:"Always null."`
}

// SearchItem is a chunk that was found.
type SearchItem struct {
	FileID     string         `json:"file_id"`
	Filename   string         `json:"filename"`
	Score      float64        `json:"score" doc:"0 to 1: the mean of how near it is in meaning and how much of the question's words it has."`
	Attributes map[string]any `json:"attributes" doc:"Of the file."`
	Content    []TextPart     `json:"content"`
}

// OpenAPIName implements openapi's hook.
func (SearchPage) OpenAPIName() string { return "VectorStoreSearchResults" }

// OpenAPIName implements openapi's hook.
func (SearchItem) OpenAPIName() string { return "VectorStoreSearchResult" }

// StoreDeleted says that a vector store is gone.
type StoreDeleted struct {
	ID      string `json:"id"`
	Object  string `json:"object" enum:"vector_store.deleted"`
	Deleted bool   `json:"deleted" doc:"Always true."`
}

// FileDeleted says that a file is no longer in a vector store.
type FileDeleted struct {
	ID      string `json:"id"`
	Object  string `json:"object" enum:"vector_store.file.deleted"`
	Deleted bool   `json:"deleted" doc:"Always true."`
}

// OpenAPIName implements openapi's hook.
func (StoreDeleted) OpenAPIName() string { return "VectorStoreDeleted" }

// OpenAPIName implements openapi's hook.
func (FileDeleted) OpenAPIName() string { return "VectorStoreFileDeleted" }

// FilesQuery are the parameters of lists of files.
type FilesQuery struct {
	httpapi.PageQuery
	Filter string `query:"filter" doc:"Only files of this status." enum:"in_progress,completed,failed,cancelled"`
}

func storeObject(v Store) StoreObject {
	out := StoreObject{
		ID: v.ID, Object: "vector_store", CreatedAt: v.Created.Unix(), Name: v.Name, Description: v.Description, UsageBytes: v.Bytes, FileCounts: v.Counts,
		Status: v.Status(), LastActiveAt: v.LastActive.Unix(), Metadata: v.Metadata, ExpiresAt: seconds(v.ExpiresAt),
	}
	if v.ExpireDays > 0 {
		out.ExpiresAfter = &ExpiresAfter{anchor, v.ExpireDays}
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	return out
}

func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.Unix()
	return &n
}

func fileObject(f File) FileObject {
	return FileObject{
		ID: f.FileID, Object: "vector_store.file", UsageBytes: f.Bytes, CreatedAt: f.Created.Unix(), VectorStoreID: f.StoreID, Status: string(f.Status), LastError: f.Error,
		ChunkingStrategy: Strategy{static, StaticStrategy{f.Chunking.Tokens, f.Chunking.Overlap}}, Attributes: attributes(f.Attributes),
	}
}

// attributes writes none as {}.
func attributes(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func batchObject(b Batch) BatchObject {
	return BatchObject{ID: b.ID, Object: "vector_store.file_batch", CreatedAt: b.Created.Unix(), VectorStoreID: b.StoreID, Status: b.Status(), FileCounts: b.Counts}
}
