package assistants

import (
	"context"
	"slices"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// Service runs the operations. All fields are required.
type Service struct {
	DB    *store.DB
	Clock clock.Clock
	Reach *reach.Keeper
	// Resolve refuses the name of a model that the actor cannot ask for.
	Resolve func(ctx context.Context, who actor.Actor, model string) error
}

func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// Create makes an assistant. v1 says that files are as v1 has them: for all tools.
func (s *Service) Create(ctx context.Context, who actor.Actor, c object.AssistantChange, v1 bool) (a object.Assistant, err error) {
	defer fault.Wrap(&err, "assistants.Create")
	if c.Model == "" {
		return a, fault.Param("model", "Missing required parameter: 'model'.").WithCode("missing_required_parameter")
	}
	if err := s.check(ctx, who, &c); err != nil {
		return a, err
	}
	now := s.now()
	err = s.DB.Tx(ctx, func(tx *store.Tx) error {
		a = object.Assistant{ID: ids.New(object.AssistantID), Metadata: object.Metadata{}, Tools: []object.Tool{}, Created: now, Updated: now}
		if _, err := s.insert(ctx, tx, who, &a); err != nil {
			return err
		}
		return s.apply(ctx, tx, who, &a, c, v1)
	})
	return a, err
}

// check refuses a change before a transaction is begun.
func (s *Service) check(ctx context.Context, who actor.Actor, c *object.AssistantChange) error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.Model != "" {
		if err := s.Resolve(ctx, who, c.Model); err != nil {
			return err
		}
	}
	return s.Reach.Check(ctx, who, &c.Resources)
}

// apply changes an assistant that is locked and writes it.
func (s *Service) apply(ctx context.Context, tx *store.Tx, who actor.Actor, a *object.Assistant, c object.AssistantChange, v1 bool) error {
	if c.Model != "" {
		a.Model = c.Model
	}
	set(&a.Name, c.Name)
	set(&a.Description, c.Description)
	set(&a.Instructions, c.Instructions)
	if c.Tools != nil {
		a.Tools = keepOptions(a.Tools, c.Tools, v1)
	}
	if c.Metadata != nil {
		a.Metadata = c.Metadata
	}
	if c.Temperature != nil {
		a.Temperature = c.Temperature
	}
	if c.TopP != nil {
		a.TopP = c.TopP
	}
	if c.FormatGiven {
		a.ResponseFormat = c.ResponseFormat
	}
	if c.ReasoningEffort != "" {
		a.ReasoningEffort = c.ReasoningEffort
	}
	a.Updated = s.now()
	var err error
	if v1 {
		err = s.files(ctx, tx, who, a, c)
	} else {
		err = s.resources(ctx, tx, who, a, &c.Resources)
	}
	if err != nil {
		return err
	}
	return s.update(ctx, tx, who, a)
}

func set(to **string, m object.Maybe) {
	if !m.Given {
		return
	}
	*to = m.Text
	if m.Text != nil {
		text := object.Plain(*m.Text)
		*to = &text
	}
}

// keepOptions are the tools of a change: v1 has no words for the options of file search and of functions, which stay.
func keepOptions(old, tools []object.Tool, v1 bool) []object.Tool {
	if !v1 {
		return tools
	}
	out := slices.Clone(tools)
	for i := range out {
		for _, o := range old {
			switch {
			case out[i].Type == object.FileSearch && o.Type == object.FileSearch:
				out[i].Search = o.Search
			case out[i].Type == object.FunctionTool && o.Type == object.FunctionTool && out[i].Function.Name == o.Function.Name && out[i].Function.Strict == nil:
				f := *out[i].Function
				f.Strict = o.Function.Strict
				out[i].Function = &f
			}
		}
	}
	return out
}

// files gives an assistant the files of v1: those named, or those that it has when only its tools change.
func (s *Service) files(ctx context.Context, tx *store.Tx, who actor.Actor, a *object.Assistant, c object.AssistantChange) error {
	if c.Files == nil && c.Tools == nil {
		return nil
	}
	wanted := c.Files
	if wanted == nil {
		wanted = a.FileIDs()
	} else if err := s.Reach.Hold(ctx, tx, who, "file_ids", wanted...); err != nil {
		return err
	}
	old := map[string]object.File{}
	for _, f := range a.Files {
		old[f.ID] = f
	}
	search := object.Has(a.Tools, object.FileSearch)
	code := object.Has(a.Tools, object.CodeInterpreter) || !search
	link := reach.Link{Store: a.VectorStore, Own: a.OwnStore}
	var in, out []string
	a.Files = nil
	for _, id := range wanted {
		if slices.ContainsFunc(a.Files, func(f object.File) bool { return f.ID == id }) {
			continue
		}
		f, known := old[id]
		if !known {
			f = object.File{ID: id, Created: a.Updated}
		}
		if search && !f.Search {
			in = append(in, id)
		}
		if !search && f.Search {
			out = append(out, id)
		}
		f.Code, f.Search = code, search
		a.Files = append(a.Files, f)
		delete(old, id)
	}
	for id, f := range old {
		if f.Search {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	if err := s.Reach.Detach(ctx, tx, who, link, out...); err != nil {
		return err
	}
	link, err := s.Reach.Attach(ctx, tx, who, link, a.ID, in...)
	a.VectorStore, a.OwnStore = link.Store, link.Own
	return err
}

// resources gives an assistant the tool_resources of v2.
func (s *Service) resources(ctx context.Context, tx *store.Tx, who actor.Actor, a *object.Assistant, c *object.ResourcesChange) error {
	link, err := s.Reach.Relink(ctx, tx, who, reach.Link{Store: a.VectorStore, Own: a.OwnStore}, c)
	if err != nil {
		return err
	}
	if link.Store != a.VectorStore {
		for i := range a.Files {
			a.Files[i].Search = false
		}
	}
	a.VectorStore, a.OwnStore = link.Store, link.Own
	if c.CodeFiles != nil {
		if err := s.Reach.Hold(ctx, tx, who, "tool_resources.code_interpreter.file_ids", c.CodeFiles...); err != nil {
			return err
		}
		for i := range a.Files {
			a.Files[i].Code = slices.Contains(c.CodeFiles, a.Files[i].ID)
		}
		for _, id := range c.CodeFiles {
			if !slices.ContainsFunc(a.Files, func(f object.File) bool { return f.ID == id }) {
				a.Files = append(a.Files, object.File{ID: id, Code: true, Created: a.Updated})
			}
		}
	}
	a.Files = slices.DeleteFunc(a.Files, func(f object.File) bool { return !f.Code && !f.Search })
	return nil
}

// List returns a page of the project's assistants, and whether there are more behind it.
func (s *Service) List(ctx context.Context, who actor.Actor, p store.Paging) ([]object.Assistant, bool, error) {
	return s.page(ctx, who, p)
}

// Get returns an assistant.
func (s *Service) Get(ctx context.Context, who actor.Actor, id string) (object.Assistant, error) {
	return s.assistant(ctx, s.DB.Read(), who, id)
}

// GetIn is Get as a transaction sees it.
func (s *Service) GetIn(ctx context.Context, q store.Q, who actor.Actor, id string) (object.Assistant, error) {
	return s.assistant(ctx, q, who, id)
}

// Update changes an assistant; v1 as of Create.
func (s *Service) Update(ctx context.Context, who actor.Actor, id string, c object.AssistantChange, v1 bool) (a object.Assistant, err error) {
	defer fault.Wrap(&err, "assistants.Update(%s)", id)
	if err := s.check(ctx, who, &c); err != nil {
		return a, err
	}
	err = s.DB.Tx(ctx, func(tx *store.Tx) error {
		if a, err = s.lock(ctx, tx, who, id); err != nil {
			return err
		}
		return s.apply(ctx, tx, who, &a, c, v1)
	})
	return a, err
}

// Delete removes an assistant, and the vector store that was made for it. Threads that it worked on stay.
func (s *Service) Delete(ctx context.Context, who actor.Actor, id string) (err error) {
	defer fault.Wrap(&err, "assistants.Delete(%s)", id)
	return s.DB.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if err := s.Reach.Remove(ctx, tx, who, reach.Link{Store: a.VectorStore, Own: a.OwnStore}); err != nil {
			return err
		}
		return s.remove(ctx, tx, id)
	})
}

// AttachFile gives an assistant a file in the way of v1. One that it has stays as it is.
func (s *Service) AttachFile(ctx context.Context, who actor.Actor, id, fileID string) (f object.File, err error) {
	defer fault.Wrap(&err, "assistants.AttachFile(%s)", id)
	err = s.DB.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if err := s.Reach.Hold(ctx, tx, who, "file_id", fileID); err != nil {
			return err
		}
		wanted := a.FileIDs()
		if !slices.Contains(wanted, fileID) {
			wanted = append(wanted, fileID)
		}
		if len(wanted) > object.MaxFiles {
			return fault.Param("file_id", "Assistant %s has %d files, as many as an assistant may have. Remove one first.", id, object.MaxFiles).WithCode("array_above_max_length")
		}
		a.Updated = s.now()
		if err := s.files(ctx, tx, who, &a, object.AssistantChange{Files: wanted}); err != nil {
			return err
		}
		f, _ = fileOf(&a, fileID)
		return s.update(ctx, tx, who, &a)
	})
	return f, err
}

// fileOf finds a file of an assistant.
func fileOf(a *object.Assistant, id string) (object.File, bool) {
	for _, f := range a.Files {
		if f.ID == id {
			return f, true
		}
	}
	return object.File{}, false
}

// File returns a file of an assistant.
func (s *Service) File(ctx context.Context, who actor.Actor, id, fileID string) (object.File, error) {
	a, err := s.Get(ctx, who, id)
	if err != nil {
		return object.File{}, err
	}
	f, ok := fileOf(&a, fileID)
	if !ok {
		return f, notFound("file", fileID)
	}
	return f, nil
}

// DetachFile takes a file from an assistant. The upload stays.
func (s *Service) DetachFile(ctx context.Context, who actor.Actor, id, fileID string) (err error) {
	defer fault.Wrap(&err, "assistants.DetachFile(%s)", id)
	return s.DB.Tx(ctx, func(tx *store.Tx) error {
		a, err := s.lock(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if _, ok := fileOf(&a, fileID); !ok {
			return notFound("file", fileID)
		}
		wanted := slices.DeleteFunc(a.FileIDs(), func(f string) bool { return f == fileID })
		a.Updated = s.now()
		if err := s.files(ctx, tx, who, &a, object.AssistantChange{Files: wanted}); err != nil {
			return err
		}
		return s.update(ctx, tx, who, &a)
	})
}
