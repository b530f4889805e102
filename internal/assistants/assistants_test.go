package assistants

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/assistantstest"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/assistants/wire"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	ann = actor.Actor{Org: "org-a", Project: "proj_a", Scopes: []string{"*"}}
	bob = actor.Actor{Org: "org-b", Project: "proj_b", Scopes: []string{"*"}}
)

// house is a service with fakes below it.
type house struct {
	*Service
	t      *testing.T
	stores *assistantstest.Stores
}

func newHouse(t *testing.T, db *store.DB) *house {
	stores := &assistantstest.Stores{}
	uploads := assistantstest.Files{"org-a": {"file-tune": "fine-tune"}, "org-b": {"file-b": "assistants"}}
	for i := range 30 {
		uploads["org-a"][fmt.Sprintf("file-%d", i)] = "assistants"
	}
	s := &Service{DB: db, Clock: clock.System, Reach: &reach.Keeper{Files: uploads, Stores: stores}, Resolve: func(_ context.Context, _ actor.Actor, model string) error {
		if model != "gpt-4" {
			return fault.New(fault.NotFound, "The model '%s' does not exist", model).WithCode("model_not_found")
		}
		return nil
	}}
	return &house{Service: s, t: t, stores: stores}
}

// decode reads a body as the routes do and makes the change that it asks for.
func (h *house) decode(v wire.Version, body string) (object.AssistantChange, error) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	in, err := wire.Decode[wire.AssistantBody](httptest.NewRecorder(), r)
	if err != nil {
		return object.AssistantChange{}, err
	}
	return in.Change(v)
}

func (h *house) create(v wire.Version, body string) (object.Assistant, error) {
	c, err := h.decode(v, body)
	if err != nil {
		return object.Assistant{}, err
	}
	return h.Create(h.t.Context(), ann, c, v == wire.V1)
}

func (h *house) update(v wire.Version, id, body string) (object.Assistant, error) {
	c, err := h.decode(v, body)
	if err != nil {
		return object.Assistant{}, err
	}
	return h.Update(h.t.Context(), ann, id, c, v == wire.V1)
}

func (h *house) must(a object.Assistant, err error) object.Assistant {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	again, err := h.Get(h.t.Context(), ann, a.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, v := range []wire.Version{wire.V1, wire.V2} {
		if was, is := member(h.t, v.Assistant(a), ""), member(h.t, v.Assistant(again), ""); !reflect.DeepEqual(was, is) {
			h.t.Errorf("%s: what was answered is not what is kept:\n%v\n%v", v, was, is)
		}
	}
	return again
}

// member is a part of a value's JSON: "" is all of it.
func member(t *testing.T, v any, path string) any {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := httpapi.JSON(rec, http.StatusOK, v); err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	if path == "" {
		return out
	}
	for _, name := range strings.Split(path, ".") {
		m, _ := out.(map[string]any)
		out = m[name]
	}
	return out
}

// want compares a part of what a generation sees with JSON.
func (h *house) want(v wire.Version, a object.Assistant, path, text string) {
	h.t.Helper()
	var want any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		h.t.Fatal(err)
	}
	if got := member(h.t, v.Assistant(a), path); !reflect.DeepEqual(got, want) {
		h.t.Errorf("%s sees %s %v, want %v", v, path, got, want)
	}
}

func TestSeenThroughBoth(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)

		t.Run("retrieval of v1", func(t *testing.T) {
			a := h.must(h.create(wire.V1, `{"model": "gpt-4", "tools": [{"type": "retrieval"}], "file_ids": ["file-1", "file-2"]}`))
			h.want(wire.V1, a, "tools", `[{"type": "retrieval"}]`)
			h.want(wire.V1, a, "file_ids", `["file-1", "file-2"]`)
			h.want(wire.V2, a, "tools", `[{"type": "file_search"}]`)
			h.want(wire.V2, a, "tool_resources", `{"file_search": {"vector_store_ids": ["`+a.VectorStore+`"]}}`)
			if got := h.stores.In(a.VectorStore); !reflect.DeepEqual(got, []string{"file-1", "file-2"}) {
				t.Errorf("the store has %v", got)
			}
			// Code Interpreter comes: the files are for both.
			a = h.must(h.update(wire.V1, a.ID, `{"tools": [{"type": "retrieval"}, {"type": "code_interpreter"}]}`))
			h.want(wire.V2, a, "tool_resources.code_interpreter.file_ids", `["file-1", "file-2"]`)
			// One goes.
			a = h.must(h.update(wire.V1, a.ID, `{"file_ids": ["file-2"]}`))
			if got := h.stores.In(a.VectorStore); !reflect.DeepEqual(got, []string{"file-2"}) {
				t.Errorf("the store has %v", got)
			}
			// A store of the user's own takes the place of the one that was made.
			made, mine := a.VectorStore, h.stores.Add(ann.Org, "file-9")
			a = h.must(h.update(wire.V2, a.ID, `{"tool_resources": {"file_search": {"vector_store_ids": ["`+mine+`"]}}}`))
			h.want(wire.V1, a, "file_ids", `["file-2"]`) // Code Interpreter's
			if h.stores.In(made) != nil {
				t.Error("the store that was made is still there")
			}
			if err := h.Delete(t.Context(), ann, a.ID); err != nil {
				t.Fatal(err)
			}
			if h.stores.In(mine) == nil {
				t.Error("the user's own store went with the assistant")
			}
		})

		t.Run("code interpreter of v1", func(t *testing.T) {
			a := h.must(h.create(wire.V1, `{"model": "gpt-4", "tools": [{"type": "code_interpreter"}], "file_ids": ["file-3"]}`))
			h.want(wire.V2, a, "tool_resources", `{"code_interpreter": {"file_ids": ["file-3"]}}`)
			if a.VectorStore != "" {
				t.Error("a vector store was made for an assistant that does not search")
			}
			a = h.must(h.update(wire.V1, a.ID, `{"tools": [{"type": "retrieval"}]}`))
			h.want(wire.V2, a, "tool_resources", `{"file_search": {"vector_store_ids": ["`+a.VectorStore+`"]}}`)
			if err := h.Delete(t.Context(), ann, a.ID); err != nil {
				t.Fatal(err)
			}
			if h.stores.In(a.VectorStore) != nil {
				t.Error("the store that was made stays behind")
			}
		})

		t.Run("v2", func(t *testing.T) {
			mine := h.stores.Add(ann.Org, "file-7")
			a := h.must(h.create(wire.V2, `{"model": "gpt-4", "name": "A", "instructions": "Be brief.", "temperature": 0.25, "top_p": 0.5, "response_format": {"type": "json_object"},
				"tools": [{"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": {"score_threshold": 0.5}}}, {"type": "code_interpreter"},
					{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}}],
				"tool_resources": {"code_interpreter": {"file_ids": ["file-4", "file-5"]}, "file_search": {"vector_store_ids": ["`+mine+`"]}}, "metadata": {"n": 1, "b": true}}`))
			h.want(wire.V1, a, "tools", `[{"type": "retrieval"}, {"type": "code_interpreter"}, {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}}]`)
			h.want(wire.V1, a, "file_ids", `["file-4", "file-5"]`)
			h.want(wire.V2, a, "metadata", `{"n": "1", "b": "true"}`)
			// v1 changes what it knows, and leaves the rest.
			a = h.must(h.update(wire.V1, a.ID, `{"name": null, "description": "D", "tools": [{"type": "retrieval"}, {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}}], "file_ids": ["file-4"]}`))
			h.want(wire.V2, a, "name", `null`)
			h.want(wire.V2, a, "instructions", `"Be brief."`)
			h.want(wire.V2, a, "temperature", `0.25`)
			h.want(wire.V2, a, "top_p", `0.5`)
			h.want(wire.V2, a, "response_format", `{"type": "json_object"}`)
			h.want(wire.V2, a, "tools", `[{"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": {"score_threshold": 0.5}}},
				{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}}]`)
			if got := h.stores.In(mine); !reflect.DeepEqual(got, []string{"file-7", "file-4"}) {
				t.Errorf("the user's store has %v", got)
			}
			a = h.must(h.update(wire.V2, a.ID, `{"response_format": "auto", "tool_resources": {"file_search": {"vector_store_ids": []}}}`))
			h.want(wire.V2, a, "response_format", `"auto"`)
			h.want(wire.V2, a, "tool_resources", `{"file_search": {"vector_store_ids": []}}`)
			a = h.must(h.update(wire.V2, a.ID, `{"tool_resources": {"file_search": {"vector_stores": [{"file_ids": ["file-8"], "chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 100}}}]}}}`))
			if got := h.stores.In(a.VectorStore); !reflect.DeepEqual(got, []string{"file-8"}) || a.OwnStore {
				t.Errorf("the new store has %v, own %t", got, a.OwnStore)
			}
		})
	})
}

func TestFilesOfV1(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		a := h.must(h.create(wire.V1, `{"model": "gpt-4", "tools": [{"type": "retrieval"}]}`))
		for i := range object.MaxFiles {
			if _, err := h.AttachFile(ctx, ann, a.ID, fmt.Sprintf("file-%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.AttachFile(ctx, ann, a.ID, "file-0"); err != nil {
			t.Errorf("a file that is there already: %v", err)
		}
		if _, err := h.AttachFile(ctx, ann, a.ID, "file-20"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("the 21st file: %v", err)
		}
		if err := h.DetachFile(ctx, ann, a.ID, "file-3"); err != nil {
			t.Fatal(err)
		}
		if err := h.DetachFile(ctx, ann, a.ID, "file-3"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("taking it away again: %v", err)
		}
		a, err := h.Get(ctx, ann, a.ID)
		if err != nil || len(a.Files) != 19 || len(h.stores.In(a.VectorStore)) != 19 {
			t.Errorf("%d files, %d in the store, %v", len(a.Files), len(h.stores.In(a.VectorStore)), err)
		}
		for _, bad := range []string{"file-b", "file-none", "file-tune"} {
			if _, err := h.AttachFile(ctx, ann, a.ID, bad); fault.As(err) == nil || fault.As(err).Param != "file_id" {
				t.Errorf("%s: %v", bad, err)
			}
		}
		if err := db.Tx(ctx, func(tx *store.Tx) error { return h.FileDeleted(ctx, tx, files.File{ID: "file-4", Org: ann.Org}) }); err != nil {
			t.Fatal(err)
		}
		if _, err := h.File(ctx, ann, a.ID, "file-4"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a deleted file: %v", err)
		}
	})
}

func TestAnothersAssistantIsNotFound(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		a := h.must(h.create(wire.V1, `{"model": "gpt-4", "file_ids": ["file-1"]}`))
		for name, try := range map[string]func() error{
			"get": func() error { _, err := h.Get(ctx, bob, a.ID); return err },
			"update": func() error {
				_, err := h.Update(ctx, bob, a.ID, object.AssistantChange{Model: "gpt-4"}, false)
				return err
			},
			"delete": func() error { return h.Delete(ctx, bob, a.ID) },
			"file":   func() error { _, err := h.File(ctx, bob, a.ID, "file-1"); return err },
			"attach": func() error { _, err := h.AttachFile(ctx, bob, a.ID, "file-b"); return err },
			"detach": func() error { return h.DetachFile(ctx, bob, a.ID, "file-1") },
			"page":   func() error { _, _, err := h.List(ctx, bob, store.Paging{After: a.ID}); return err },
		} {
			if err := try(); fault.KindOf(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		if all, more, err := h.List(ctx, bob, store.Paging{}); err != nil || more || len(all) != 0 {
			t.Errorf("another organization sees %v, %v, %v", all, more, err)
		}
		c, err := h.decode(wire.V2, `{"model": "gpt-4", "tool_resources": {"file_search": {"vector_store_ids": ["`+h.stores.Add(ann.Org)+`"]}}}`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Create(ctx, bob, c, false); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization's vector store: %v", err)
		}
	})
}

func TestRefused(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	h := newHouse(t, db)
	long := strings.Repeat("é", 600)
	pairs := make([]string, 17)
	for i := range pairs {
		pairs[i] = fmt.Sprintf(`"k%d": "v"`, i)
	}
	many := strings.TrimSuffix(strings.Repeat(`{"type": "code_interpreter"},`, 129), ",")
	for name, c := range map[string]struct {
		v                 wire.Version
		body, param, code string
		text              string
	}{
		"no model":            {wire.V2, `{}`, "model", "missing_required_parameter", "Missing required parameter: 'model'."},
		"unknown model":       {wire.V2, `{"model": "x"}`, "", "model_not_found", "The model 'x' does not exist"},
		"name":                {wire.V2, `{"model": "gpt-4", "name": "` + long + `"}`, "name", "string_above_max_length", "Invalid 'name': string too long. Expected a string with maximum length 256, but got a string with length 600 instead."},
		"description":         {wire.V1, `{"model": "gpt-4", "description": "` + long + `"}`, "description", "string_above_max_length", "Invalid 'description': string too long. Expected a string with maximum length 512, but got a string with length 600 instead."},
		"instructions":        {wire.V1, `{"model": "gpt-4", "instructions": "` + strings.Repeat("a", 256_001) + `"}`, "instructions", "string_above_max_length", ""},
		"tools":               {wire.V2, `{"model": "gpt-4", "tools": [` + many + `]}`, "tools", "array_above_max_length", "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead."},
		"a tool twice":        {wire.V2, `{"model": "gpt-4", "tools": [{"type": "file_search"}, {"type": "file_search"}]}`, "tools[1]", "invalid_value", ""},
		"file_search in v1":   {wire.V1, `{"model": "gpt-4", "tools": [{"type": "code_interpreter"}, {"type": "file_search"}]}`, "tools[1].type", "invalid_value", "Invalid value: 'file_search'. Supported values are: 'code_interpreter', 'function', and 'retrieval'."},
		"retrieval in v2":     {wire.V2, `{"model": "gpt-4", "tools": [{"type": "retrieval"}]}`, "tools[0].type", "invalid_value", "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', and 'file_search'."},
		"file_ids in v2":      {wire.V2, `{"model": "gpt-4", "file_ids": []}`, "file_ids", "unknown_parameter", "Unknown parameter: 'file_ids'."},
		"resources in v1":     {wire.V1, `{"model": "gpt-4", "tool_resources": {}}`, "tool_resources", "unknown_parameter", "Unknown parameter: 'tool_resources'."},
		"21 files":            {wire.V1, `{"model": "gpt-4", "file_ids": ["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"]}`, "file_ids", "array_above_max_length", ""},
		"no such file":        {wire.V1, `{"model": "gpt-4", "file_ids": ["file-1", "file-x"]}`, "file_ids[1]", "", "No file found with id 'file-x'."},
		"metadata":            {wire.V2, `{"model": "gpt-4", "metadata": {` + strings.Join(pairs, ",") + `}}`, "metadata", "object_above_max_properties", "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead."},
		"a long value":        {wire.V2, `{"model": "gpt-4", "metadata": {"k": "` + long + `"}}`, "metadata.k", "string_above_max_length", "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 600 instead."},
		"a long key":          {wire.V1, `{"model": "gpt-4", "metadata": {"` + strings.Repeat("k", 65) + `": ""}}`, "metadata", "property_name_above_max_length", ""},
		"a list as a value":   {wire.V2, `{"model": "gpt-4", "metadata": {"k": []}}`, "metadata.k", "invalid_type", ""},
		"a function's name":   {wire.V2, `{"model": "gpt-4", "tools": [{"type": "function", "function": {"name": "a b"}}]}`, "tools[0].function.name", "invalid_value", "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'."},
		"a function's schema": {wire.V1, `{"model": "gpt-4", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]}`, "tools[0].function.parameters", "invalid_function_parameters", ""},
		"no function":         {wire.V1, `{"model": "gpt-4", "tools": [{"type": "function"}]}`, "tools[0].function", "missing_required_parameter", "Missing required parameter: 'tools[0].function'."},
		"temperature":         {wire.V2, `{"model": "gpt-4", "temperature": 2.5}`, "temperature", "decimal_above_max_value", ""},
		"two stores":          {wire.V2, `{"model": "gpt-4", "tool_resources": {"file_search": {"vector_store_ids": ["vs_1", "vs_2"]}}}`, "tool_resources.file_search.vector_store_ids", "array_above_max_length", ""},
		"response_format":     {wire.V2, `{"model": "gpt-4", "response_format": "json"}`, "response_format", "invalid_value", "Invalid value: 'json'. Supported values are: 'auto'."},
		"json_schema":         {wire.V2, `{"model": "gpt-4", "response_format": {"type": "json_schema"}}`, "response_format.json_schema", "missing_required_parameter", ""},
		"unknown":             {wire.V2, `{"model": "gpt-4", "colour": 1}`, "colour", "unknown_parameter", "Unrecognized request argument supplied: colour"},
		"not JSON":            {wire.V2, `{"model": `, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.create(c.v, c.body)
			e := fault.As(err)
			if e == nil || e.Param != c.param || e.Code != c.code || c.text != "" && e.Message != c.text {
				t.Errorf("got %#v (%v)", e, err)
			}
		})
	}
	if all, _, err := h.List(t.Context(), ann, store.Paging{}); err != nil || len(all) != 0 {
		t.Errorf("something was kept: %v, %v", all, err)
	}
}
