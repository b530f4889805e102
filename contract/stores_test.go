package contract

import (
	"net/http"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/testkit"
)

const (
	newStore     = "POST /vector_stores"
	oneStore     = "GET /vector_stores/{}"
	changeStore  = "POST /vector_stores/{}"
	storeFile    = "POST /vector_stores/{}/files"
	storeContent = "GET /vector_stores/{}/files/{}/content"
	newBatch     = "POST /vector_stores/{}/file_batches"
	inStore      = "POST /vector_stores/{}/search"
)

// stores are vector stores: what is in them is read while others are asked for.
var stores = []exchange{
	{"to search in", postFile, "", formOf("file", "Cats sleep on warm roofs.", "purpose", "assistants"), 0},
	{"that cannot be read", postFile, "", formOf("file", "\x00\x01\x02", "purpose", "assistants"), 0},
	{"plain", newStore, "", `{}`, 0},
	{"with all", newStore, "", `{"name": "a", "description": "b", "file_ids": ["{text_file}"], "metadata": {"a": "b"}, "expires_after": {"anchor": "last_active_at", "days": 7}, "chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 100}}}`, 0},
	{"too large chunks", newStore, "", `{"file_ids": ["{text_file}"], "chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 5000, "chunk_overlap_tokens": 100}}}`, 400},
	{"an unknown file", newStore, "", `{"file_ids": ["file-nothing"]}`, 404},
	{"plain", "GET /vector_stores", "", "", 0},
	{"a page", "GET /vector_stores", "/vector_stores?limit=1&order=asc", "", 0},
	{"unknown cursor", "GET /vector_stores", "/vector_stores?after=vs_nothing", "", 404},
	{"plain", oneStore, "/vector_stores/{store}", "", 0},
	{"with an end", oneStore, "/vector_stores/{full_store}", "", 0},
	{"unknown", oneStore, "/vector_stores/vs_nothing", "", 404},
	{"plain", changeStore, "/vector_stores/{store}", `{"name": "c", "metadata": {"d": "e"}}`, 0},
	{"too late", changeStore, "/vector_stores/{store}", `{"expires_after": {"anchor": "last_active_at", "days": 366}}`, 400},
	{"plain", storeFile, "/vector_stores/{store}/files", `{"file_id": "{text_file}", "attributes": {"a": "b", "c": 1, "d": true}, "chunking_strategy": {"type": "auto"}}`, 0},
	{"broken", storeFile, "/vector_stores/{store}/files", `{"file_id": "{broken_file}"}`, 0},
	{"unknown", storeFile, "/vector_stores/{store}/files", `{"file_id": "file-nothing"}`, 404},
	{"plain", storeContent, "/vector_stores/{store}/files/{text_file}/content", "", 0},
	{"unknown", storeContent, "/vector_stores/{store}/files/file-nothing/content", "", 404},
	{"plain", "GET /vector_stores/{}/files", "/vector_stores/{store}/files", "", 0},
	{"failed", "GET /vector_stores/{}/files", "/vector_stores/{store}/files?filter=failed", "", 0},
	{"no status", "GET /vector_stores/{}/files", "/vector_stores/{store}/files?filter=done", "", 400},
	{"plain", "GET /vector_stores/{}/files/{}", "/vector_stores/{store}/files/{text_file}", "", 0},
	{"broken", "GET /vector_stores/{}/files/{}", "/vector_stores/{store}/files/{broken_file}", "", 0},
	{"unknown", "GET /vector_stores/{}/files/{}", "/vector_stores/{store}/files/file-nothing", "", 404},
	{"plain", "POST /vector_stores/{}/files/{}", "/vector_stores/{store}/files/{text_file}", `{"attributes": {"year": 2024}}`, 0},
	{"a list", "POST /vector_stores/{}/files/{}", "/vector_stores/{store}/files/{text_file}", `{"attributes": {"year": [2024]}}`, 400},
	{"plain", inStore, "/vector_stores/{store}/search", `{"query": "where do cats sleep?"}`, 0},
	{"with all", inStore, "/vector_stores/{store}/search", `{"query": ["cats", "roofs"], "max_num_results": 3, "rewrite_query": true, "filters": {"type": "and", "filters": [{"type": "eq", "key": "year", "value": 2024}, {"type": "nin", "key": "a", "value": ["b"]}]}, "ranking_options": {"ranker": "auto", "score_threshold": 0.1}}`, 0},
	{"nothing found", inStore, "/vector_stores/{store}/search", `{"query": "cats", "filters": {"type": "eq", "key": "year", "value": 1}}`, 0},
	{"too many", inStore, "/vector_stores/{store}/search", `{"query": "cats", "max_num_results": 51}`, 400},
	{"no filter", inStore, "/vector_stores/{store}/search", `{"query": "cats", "filters": {"type": "like", "key": "a", "value": "b"}}`, 400},
	{"plain", newBatch, "/vector_stores/{store}/file_batches", `{"file_ids": ["{text_file}", "{broken_file}"]}`, 0},
	{"with files", newBatch, "/vector_stores/{full_store}/file_batches", `{"files": [{"file_id": "{text_file}", "attributes": {"a": "b"}}]}`, 0},
	{"both", newBatch, "/vector_stores/{store}/file_batches", `{"files": [{"file_id": "{text_file}"}], "file_ids": ["{text_file}"]}`, 400},
	{"plain", "GET /vector_stores/{}/file_batches/{}", "/vector_stores/{store}/file_batches/{file_batch}", "", 0},
	{"unknown", "GET /vector_stores/{}/file_batches/{}", "/vector_stores/{store}/file_batches/vsfb_nothing", "", 404},
	{"plain", "GET /vector_stores/{}/file_batches/{}/files", "/vector_stores/{store}/file_batches/{file_batch}/files", "", 0},
	{"plain", "POST /vector_stores/{}/file_batches/{}/cancel", "/vector_stores/{store}/file_batches/{file_batch}/cancel", "", 0},
	{"plain", "DELETE /vector_stores/{}/files/{}", "/vector_stores/{store}/files/{text_file}", "", 0},
	{"again", "DELETE /vector_stores/{}/files/{}", "/vector_stores/{store}/files/{text_file}", "", 404},
	{"plain", "DELETE /vector_stores/{}", "/vector_stores/{store}", "", 0},
	{"again", "DELETE /vector_stores/{}", "/vector_stores/{store}", "", 404},
}

func init() {
	for key, name := range map[string]string{
		postFile + " to search in": "text_file", postFile + " that cannot be read": "broken_file", newStore + " plain": "store", newStore + " with all": "full_store", newBatch + " plain": "file_batch",
	} {
		makes[key] = name
	}
}

// read asks for the content of a file until it is read.
func read(t *testing.T, s *testkit.Server, path string) (*http.Response, string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		resp, text := s.Call(http.MethodGet, path, nil)
		if resp.StatusCode != http.StatusBadRequest || time.Now().After(deadline) {
			return resp, text
		}
	}
}
