package retrieval

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

const (
	anchor = "last_active_at"
	static = "static"
	auto   = "auto"

	maxPairs   = 16
	maxKey     = 64
	maxValue   = 512
	maxName    = 256
	maxText    = 4096 // characters of a question
	maxFilters = 100  // in all
	maxDepth   = 8
)

// StoreBody is the body of POST /v1/vector_stores.
type StoreBody struct {
	FileIDs          []string          `json:"file_ids,omitzero" doc:"Files to attach, at most 500."`
	Name             string            `json:"name,omitzero"`
	Description      string            `json:"description,omitzero"`
	ExpiresAfter     Policy            `json:"expires_after,omitzero"`
	ChunkingStrategy *ChunkingBody     `json:"chunking_strategy,omitzero" doc:"How to cut the files; left out, auto."`
	Metadata         map[string]string `json:"metadata,omitzero" doc:"At most 16 pairs: keys of 64 characters, values of 512."`
}

// StoreChange is the body of POST /v1/vector_stores/{vector_store_id}.
type StoreChange struct {
	Name         *string           `json:"name,omitzero"`
	ExpiresAfter Policy            `json:"expires_after,omitzero" doc:"null: it no longer expires."`
	Metadata     map[string]string `json:"metadata,omitzero" doc:"Replaces what there was."`
}

// FileBody is the body of POST /v1/vector_stores/{vector_store_id}/files.
type FileBody struct {
	FileID           string        `json:"file_id" example:"file-8Abc"`
	Attributes       Attributes    `json:"attributes,omitzero"`
	ChunkingStrategy *ChunkingBody `json:"chunking_strategy,omitzero" doc:"Left out, auto."`
}

// BatchBody is the body of POST /v1/vector_stores/{vector_store_id}/file_batches.
type BatchBody struct {
	FileIDs          []string      `json:"file_ids,omitzero" doc:"At most 2,000 files; or files."`
	Files            []FileBody    `json:"files,omitzero" doc:"At most 2,000 files with what is special about each; or file_ids."`
	Attributes       Attributes    `json:"attributes,omitzero" doc:"With file_ids: of all of them."`
	ChunkingStrategy *ChunkingBody `json:"chunking_strategy,omitzero" doc:"With file_ids: for all of them."`
}

// AttributesBody is the body of POST /v1/vector_stores/{vector_store_id}/files/{file_id}.
type AttributesBody struct {
	Attributes Attributes `json:"attributes"`
}

// SearchBody is the body of POST /v1/vector_stores/{vector_store_id}/search.
type SearchBody struct {
	Query          Question     `json:"query"`
	RewriteQuery   bool         `json:"rewrite_query,omitzero" doc:"Accepted; the question is searched as it is."`
	MaxNumResults  *int         `json:"max_num_results,omitzero" min:"1" max:"50" default:"10"`
	Filters        *FilterBody  `json:"filters,omitzero" doc:"Only files whose attributes satisfy this."`
	RankingOptions *RankingBody `json:"ranking_options,omitzero"`
}

// RankingBody says how results are ranked.
type RankingBody struct {
	Ranker         string      `json:"ranker,omitzero" doc:"Accepted: there is one way, words and meaning together." enum:"none,auto,default-2024-11-15"`
	ScoreThreshold *float64    `json:"score_threshold,omitzero" doc:"Only results with at least this score." min:"0" max:"1"`
	HybridSearch   *HybridBody `json:"hybrid_search,omitzero" doc:"How much meaning and words count; left out, the same."`
}

// HybridBody are weights; only their relation matters.
type HybridBody struct {
	EmbeddingWeight float64 `json:"embedding_weight" min:"0"`
	TextWeight      float64 `json:"text_weight" min:"0"`
}

// ChunkingBody says how to cut files.
type ChunkingBody struct {
	Type   string              `json:"type" doc:"auto is static with 800 and 400." enum:"auto,static"`
	Static *StaticChunkingBody `json:"static,omitzero"`
}

// StaticChunkingBody are the sizes of chunks.
type StaticChunkingBody struct {
	MaxChunkSizeTokens *int `json:"max_chunk_size_tokens" min:"100" max:"4096"`
	ChunkOverlapTokens *int `json:"chunk_overlap_tokens" doc:"At most half of max_chunk_size_tokens." min:"0"`
}

// OpenAPIName implements openapi's hook.
func (StoreBody) OpenAPIName() string { return "CreateVectorStoreRequest" }

// OpenAPIName implements openapi's hook.
func (StoreChange) OpenAPIName() string { return "ModifyVectorStoreRequest" }

// OpenAPIName implements openapi's hook.
func (FileBody) OpenAPIName() string { return "CreateVectorStoreFileRequest" }

// OpenAPIName implements openapi's hook.
func (BatchBody) OpenAPIName() string { return "CreateVectorStoreFileBatchRequest" }

// OpenAPIName implements openapi's hook.
func (AttributesBody) OpenAPIName() string { return "UpdateVectorStoreFileRequest" }

// OpenAPIName implements openapi's hook.
func (SearchBody) OpenAPIName() string { return "VectorStoreSearchRequest" }

// OpenAPIName implements openapi's hook.
func (RankingBody) OpenAPIName() string { return "VectorStoreRankingOptions" }

// OpenAPIName implements openapi's hook.
func (HybridBody) OpenAPIName() string { return "VectorStoreHybridSearch" }

// OpenAPIName implements openapi's hook.
func (ChunkingBody) OpenAPIName() string { return "VectorStoreChunkingRequest" }

// OpenAPIName implements openapi's hook.
func (StaticChunkingBody) OpenAPIName() string { return "VectorStoreStaticChunkingRequest" }

// Policy is expires_after in a request: absent, null, or a policy.
type Policy struct {
	Given  bool
	Anchor string
	Days   *int
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (p *Policy) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	p.Given = true
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '{':
	default:
		return httpapi.WrongType("object", k)
	}
	var v struct {
		Anchor string `json:"anchor"`
		Days   *int   `json:"days"`
	}
	if err := json.UnmarshalDecode(dec, &v, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	p.Anchor, p.Days = v.Anchor, v.Days
	return httpapi.First(httpapi.Required("anchor", v.Anchor != ""), httpapi.Required("days", v.Days != nil), httpapi.OneOf("anchor", v.Anchor, anchor),
		httpapi.Range("days", v.Days, 1, MaxExpireDays))
}

// OpenAPISchema implements openapi's hook.
func (Policy) OpenAPISchema() map[string]any {
	return map[string]any{"type": []string{"object", "null"}, "required": []string{"anchor", "days"}, "properties": map[string]any{
		"anchor": map[string]any{"type": "string", "enum": []string{anchor}},
		"days":   map[string]any{"type": "integer", "minimum": 1, "maximum": MaxExpireDays},
	}}
}

func (p Policy) days() int {
	if p.Days == nil {
		return 0
	}
	return *p.Days
}

// Attributes are texts, numbers and booleans by name.
type Attributes struct {
	Given  bool
	Values map[string]any // nil for null
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (a *Attributes) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	a.Given = true
	switch k := dec.PeekKind(); k {
	case 'n':
		return dec.SkipValue()
	case '{':
	default:
		return httpapi.WrongType("object", k)
	}
	var values map[string]jsontext.Value
	if err := json.UnmarshalDecode(dec, &values); err != nil {
		return err
	}
	if len(values) > maxPairs {
		return tooManyPairs("", len(values))
	}
	a.Values = make(map[string]any, len(values))
	for k, raw := range values {
		v, err := scalar(raw)
		if err != nil {
			return fault.Param(k, "An attribute is a text, a number or true or false.").WithCode("invalid_type")
		}
		s, _ := v.(string)
		if err := pair("", k, s); err != nil {
			return err
		}
		a.Values[k] = v
	}
	return nil
}

// OpenAPISchema implements openapi's hook.
func (Attributes) OpenAPISchema() map[string]any {
	return map[string]any{"type": []string{"object", "null"}, "description": "At most 16 texts, numbers or booleans by name, to filter searches by.", "maxProperties": maxPairs,
		"additionalProperties": map[string]any{"oneOf": []any{map[string]any{"type": "string", "maxLength": maxValue}, map[string]any{"type": "number"}, map[string]any{"type": "boolean"}}}}
}

// scalar is a text, a float64 or a boolean.
func scalar(raw jsontext.Value) (any, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch v.(type) {
	case string, float64, bool:
		return v, nil
	}
	return nil, fmt.Errorf("%s is no attribute", raw.Kind())
}

func tooManyPairs(param string, n int) error {
	return fault.Param(param, "Too many properties: expected an object with at most %d, but got one with %d.", maxPairs, n).WithCode("object_above_max_properties")
}

// pair checks a name with its text.
func pair(param, k, v string) error {
	if strings.ContainsRune(k, 0) || strings.ContainsRune(v, 0) {
		return fault.Param(param, "Keys and values may not have the character NUL.").WithCode("invalid_value")
	}
	at := k
	if param != "" {
		at = param + "." + k
	}
	if k == "" {
		return fault.Param(param, "A key is empty: give it a name.").WithCode("invalid_value")
	}
	return httpapi.First(httpapi.MaxLength(at, k, maxKey), httpapi.MaxLength(at, v, maxValue))
}

func checkMetadata(m map[string]string) error {
	if len(m) > maxPairs {
		return tooManyPairs("metadata", len(m))
	}
	for k, v := range m {
		if err := pair("metadata", k, v); err != nil {
			return err
		}
	}
	return nil
}

func checkName(param, name string, most int) error {
	if strings.ContainsRune(name, 0) {
		return fault.Param(param, "It may not have the character NUL.").WithCode("invalid_value")
	}
	return httpapi.MaxLength(param, name, most)
}

func (b StoreBody) check() (New, error) {
	n := New{Name: b.Name, Description: b.Description, Metadata: b.Metadata, ExpireDays: b.ExpiresAfter.days()}
	c, err := b.ChunkingStrategy.check("chunking_strategy")
	if err := httpapi.First(err, checkName("name", b.Name, maxName), checkName("description", b.Description, maxValue), checkMetadata(b.Metadata),
		httpapi.MaxItems("file_ids", len(b.FileIDs), MaxCreateFiles)); err != nil {
		return New{}, err
	}
	for _, id := range b.FileIDs {
		n.Files = append(n.Files, NewFile{FileID: id, Chunking: c})
	}
	return n, nil
}

func (b StoreChange) check() (Change, error) {
	c := Change{Name: b.Name}
	if b.Metadata != nil {
		c.Metadata = &b.Metadata
	}
	if b.ExpiresAfter.Given {
		days := b.ExpiresAfter.days()
		c.ExpireDays = &days
	}
	name := ""
	if b.Name != nil {
		name = *b.Name
	}
	return c, httpapi.First(checkName("name", name, maxName), checkMetadata(b.Metadata))
}

func (b *ChunkingBody) check(param string) (Chunking, error) {
	switch {
	case b == nil:
		return Chunking{}, nil
	case b.Type == auto && b.Static == nil:
		return Chunking{}, nil
	}
	if err := httpapi.First(httpapi.Required(param+".type", b.Type != ""), httpapi.OneOf(param+".type", b.Type, auto, static)); err != nil {
		return Chunking{}, err
	}
	if b.Type == auto {
		return Chunking{}, fault.Param(param+".static", "'static' goes with the type 'static' only.").WithCode("invalid_value")
	}
	if err := httpapi.Required(param+".static", b.Static != nil); err != nil {
		return Chunking{}, err
	}
	size, overlap, at := b.Static.MaxChunkSizeTokens, b.Static.ChunkOverlapTokens, param+".static."
	if err := httpapi.First(httpapi.Required(at+"max_chunk_size_tokens", size != nil), httpapi.Required(at+"chunk_overlap_tokens", overlap != nil),
		httpapi.Range(at+"max_chunk_size_tokens", size, MinChunk, MaxChunk), httpapi.Min(at+"chunk_overlap_tokens", overlap, 0)); err != nil {
		return Chunking{}, err
	}
	if *overlap > *size/2 {
		return Chunking{}, fault.Param(at+"chunk_overlap_tokens", "chunk_overlap_tokens (%d) must be at most half of max_chunk_size_tokens (%d).", *overlap, *size).WithCode("invalid_value")
	}
	return Chunking{*size, *overlap}, nil
}

func (b FileBody) check() (NewFile, error) {
	if err := httpapi.Required("file_id", b.FileID != ""); err != nil {
		return NewFile{}, err
	}
	c, err := b.ChunkingStrategy.check("chunking_strategy")
	return NewFile{FileID: b.FileID, Attributes: b.Attributes.Values, Chunking: c}, err
}

func (b BatchBody) check() ([]NewFile, error) {
	if b.FileIDs != nil && b.Files != nil {
		return nil, fault.Param("files", "Send either 'file_ids' or 'files', not both.").WithCode("invalid_value")
	}
	c, err := b.ChunkingStrategy.check("chunking_strategy")
	if err := httpapi.First(err, httpapi.Required("file_ids", b.FileIDs != nil || b.Files != nil)); err != nil {
		return nil, err
	}
	var out []NewFile
	if b.FileIDs != nil {
		if err := httpapi.First(httpapi.NotEmpty("file_ids", len(b.FileIDs)), httpapi.MaxItems("file_ids", len(b.FileIDs), MaxBatch)); err != nil {
			return nil, err
		}
		for _, id := range b.FileIDs {
			out = append(out, NewFile{FileID: id, Attributes: b.Attributes.Values, Chunking: c})
		}
		return out, nil
	}
	if err := httpapi.First(httpapi.NotEmpty("files", len(b.Files)), httpapi.MaxItems("files", len(b.Files), MaxBatch)); err != nil {
		return nil, err
	}
	for i, f := range b.Files {
		n, err := f.check()
		if err != nil {
			if e := fault.As(err); e != nil {
				located := *e
				located.Param = fmt.Sprintf("files[%d].%s", i, e.Param)
				err = &located
			}
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
