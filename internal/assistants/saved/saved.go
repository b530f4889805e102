package saved

import (
	"context"
	"fmt"
	"slices"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/assistants"
	"github.com/parley-ai/parley/internal/assistants/object"
	"github.com/parley-ai/parley/internal/assistants/reach"
	"github.com/parley-ai/parley/internal/assistants/thread"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Service runs the operation. All fields are required.
type Service struct {
	DB         *store.DB
	Assistants *assistants.Service
	Threads    *thread.Service
	Reach      *reach.Keeper
}

// What became of an object.
const (
	Added   = "added"
	Skipped = "skipped" // it was there already
	Refused = "refused" // see the reason
)

// Outcome is what became of an object.
type Outcome struct {
	Object string `json:"object"`
	ID     string `json:"id"`
	Is     string `json:"outcome" enum:"added,skipped,refused"`
	Reason string `json:"reason,omitempty" doc:"Why it was refused."`
}

// Report says what became of objects.
type Report struct {
	Outcomes            []Outcome `json:"outcomes"`
	MissingFiles        []string  `json:"missing_files" doc:"Files that are referred to and that the project does not have."`
	MissingVectorStores []string  `json:"missing_vector_stores"`
	UnknownModels       []string  `json:"unknown_models" doc:"Models of assistants that nothing answers to: they are kept, and runs need another one."`
}

// errDry undoes the transaction of a trial.
var errDry = fmt.Errorf("saved: a trial")

// Import takes objects in, in the order of Sort, each in a transaction of its own. With dry set nothing is kept, and the report says what
// would be: an object which needs another one of the same call, or of the ids planned, is judged as if that were there.
func (s *Service) Import(ctx context.Context, who actor.Actor, items []Item, dry bool, planned ...string) (Report, error) {
	Sort(items)
	in := importing{Service: s, who: who, dry: dry, would: map[string]bool{}}
	for _, id := range planned {
		in.would[id] = dry
	}
	for _, it := range items {
		is, err := in.take(ctx, it)
		out := Outcome{Object: it.Object, ID: it.ID, Is: is}
		if err != nil {
			if k := fault.KindOf(err); k == fault.Unavailable || ctx.Err() != nil {
				return in.report, err // of the database, not of the object
			}
			if e := fault.As(err); e != nil {
				out.Is, out.Reason = Refused, e.Message
			} else {
				out.Is, out.Reason = Refused, err.Error()
			}
		}
		in.report.Outcomes = append(in.report.Outcomes, out)
	}
	for _, list := range []*[]string{&in.report.MissingFiles, &in.report.MissingVectorStores, &in.report.UnknownModels} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return in.report, nil
}

// importing is one call of Import.
type importing struct {
	*Service
	who    actor.Actor
	dry    bool
	would  map[string]bool // of a trial: ids that would be there
	report Report
}

// refused says why an object is not taken in.
func refused(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// take takes one object in.
func (in *importing) take(ctx context.Context, it Item) (is string, err error) {
	add, err := in.reader(ctx, it)
	if err != nil {
		return Refused, err
	}
	is = Added
	err = in.DB.Tx(ctx, func(tx *store.Tx) error {
		is = Added
		taken, own, err := in.taken(ctx, tx, it)
		switch {
		case err != nil:
			return err
		case taken && !own:
			return refused("Its id belongs to another project of this server.")
		case taken:
			is = Skipped
			return nil
		}
		if err := add(tx); err != nil {
			return err
		}
		if in.dry {
			return errDry
		}
		return nil
	})
	if err == errDry {
		in.would[it.ID], in.would[it.Thread], err = true, true, nil
	}
	return is, err
}

func (in *importing) taken(ctx context.Context, tx *store.Tx, it Item) (taken, own bool, err error) {
	kinds := map[string]string{"thread": thread.Threads, "thread.message": thread.Messages, "thread.run": thread.Runs, "thread.run.step": thread.Steps}
	if it.Object == "assistant" {
		return in.Assistants.Taken(ctx, tx, in.who, it.ID)
	}
	return in.Threads.Taken(ctx, tx, in.who, kinds[it.Object], it.ID)
}

// reader reads an object and returns what adds it.
func (in *importing) reader(ctx context.Context, it Item) (func(tx *store.Tx) error, error) {
	switch it.Object {
	case "assistant":
		return in.assistant(ctx, it)
	case "thread":
		return in.thread(ctx, it)
	case "thread.message":
		return in.message(ctx, it)
	case "thread.run":
		return in.run(ctx, it)
	}
	t, err := readStep(it.JSON)
	if err != nil {
		return nil, wrong(err)
	}
	t.Org, t.Project = in.who.Org, in.who.Project
	return func(tx *store.Tx) error {
		if _, err := in.Threads.Run(ctx, tx, t.ThreadID, t.RunID); err != nil {
			if in.would[t.RunID] {
				return nil
			}
			return refused("Its run %s is not there: take that in with it.", t.RunID)
		}
		if _, err := in.Threads.Lock(ctx, tx, in.who, t.ThreadID); err != nil {
			return err
		}
		return in.Threads.InsertStep(ctx, tx, &t)
	}, nil
}

// wrong is the refusal of an object that cannot be read.
func wrong(err error) error {
	if fault.As(err) != nil {
		return err
	}
	return refused("%s.", err)
}

func (in *importing) assistant(ctx context.Context, it Item) (func(tx *store.Tx) error, error) {
	a, files, vectors, err := readAssistant(it.JSON)
	if err != nil {
		return nil, wrong(err)
	}
	if err := in.Assistants.Resolve(ctx, in.who, a.Model); err != nil {
		in.report.UnknownModels = append(in.report.UnknownModels, a.Model)
	}
	if a.VectorStore, err = in.vectorStore(ctx, vectors); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		there, err := in.there(ctx, tx, files)
		if err != nil {
			return err
		}
		_, err = in.Assistants.Restore(ctx, tx, in.who, a, there)
		return err
	}, nil
}

// vectorStore is the one of the named that the project has; the others are noted.
func (in *importing) vectorStore(ctx context.Context, ids []string) (there string, err error) {
	for _, id := range ids {
		_, err := in.Reach.Stores.Get(ctx, in.who, id)
		switch {
		case err == nil:
			there = id
		case fault.KindOf(err) == fault.NotFound:
			in.report.MissingVectorStores = append(in.report.MissingVectorStores, id)
		default:
			return "", err
		}
	}
	return there, nil
}

// there are the files that the project has; the others are noted.
func (in *importing) there(ctx context.Context, tx *store.Tx, ids []string) ([]string, error) {
	out := []string{}
	for _, id := range ids {
		_, err := in.Reach.Files.Hold(ctx, tx, in.who, id)
		switch {
		case err == nil:
			out = append(out, id)
		case fault.KindOf(err) == fault.NotFound:
			in.report.MissingFiles = append(in.report.MissingFiles, id)
		default:
			return nil, err
		}
	}
	return out, nil
}

func (in *importing) thread(ctx context.Context, it Item) (func(tx *store.Tx) error, error) {
	t, vectors, err := readThread(it.JSON)
	if err != nil {
		return nil, wrong(err)
	}
	if t.VectorStore, err = in.vectorStore(ctx, vectors); err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		t := t
		if t.CodeFiles != nil {
			if t.CodeFiles, err = in.there(ctx, tx, t.CodeFiles); err != nil {
				return err
			}
		}
		_, err := in.Threads.RestoreThread(ctx, tx, in.who, t)
		return err
	}, nil
}

// room finds the thread of an object and locks it; make has one made that is not there.
func (in *importing) room(ctx context.Context, tx *store.Tx, id string, make *object.Thread) (object.Thread, error) {
	t, err := in.Threads.Lock(ctx, tx, in.who, id)
	if fault.KindOf(err) != fault.NotFound {
		return t, err
	}
	if make == nil && !in.would[id] {
		return t, refused("Its thread %s is not there: take that in with it.", id)
	}
	if make == nil {
		make = &object.Thread{ID: id}
	}
	if added, err := in.Threads.RestoreThread(ctx, tx, in.who, *make); err != nil {
		return t, err
	} else if !added {
		return t, refused("The id of its thread, %s, belongs to another project of this server, or to a thread that was deleted a moment ago.", id)
	}
	return in.Threads.Lock(ctx, tx, in.who, id)
}

func (in *importing) message(ctx context.Context, it Item) (func(tx *store.Tx) error, error) {
	m, err := readMessage(it.JSON)
	if err != nil {
		return nil, wrong(err)
	}
	return func(tx *store.Tx) error {
		t, err := in.room(ctx, tx, m.ThreadID, &object.Thread{ID: m.ThreadID, Created: m.Created})
		if err != nil {
			return err
		}
		if t.Messages >= object.MaxMessages {
			return refused("Its thread has %d messages, as many as a thread may have.", t.Messages)
		}
		if run, err := in.Threads.Active(ctx, tx, t.ID); err != nil {
			return err
		} else if run != "" {
			return refused("Can't add messages to %s while a run %s is active.", t.ID, run)
		}
		there, err := in.there(ctx, tx, filesOf(&m))
		if err != nil {
			return err
		}
		attached := slices.DeleteFunc(slices.Clone(m.Attachments), func(a object.Attachment) bool { return !slices.Contains(there, a.FileID) })
		if err := in.Threads.AttachIn(ctx, tx, in.who, &t, attached); err != nil {
			return err
		}
		message := m
		return in.Threads.Append(ctx, tx, in.who, t.ID, &message)
	}, nil
}

// filesOf are the ids of files that a message names.
func filesOf(m *object.Message) []string {
	var out []string
	for _, a := range m.Attachments {
		out = append(out, a.FileID)
	}
	for _, p := range m.Content {
		if p.Type == object.ImageFilePart {
			out = append(out, p.Image.FileID)
		}
		if p.Text != nil {
			for _, a := range p.Text.Annotations {
				out = append(out, a.FileID)
			}
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(id string) bool { return id == "" })
}

func (in *importing) run(ctx context.Context, it Item) (func(tx *store.Tx) error, error) {
	r, err := readRun(it.JSON)
	if err != nil {
		return nil, wrong(err)
	}
	return func(tx *store.Tx) error {
		if _, err := in.room(ctx, tx, r.ThreadID, nil); err != nil {
			return err
		}
		run := r
		return in.Threads.InsertRun(ctx, tx, in.who, &run)
	}, nil
}
