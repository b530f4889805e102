package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// servers are those of a database, as a test says.
type servers struct {
	id    string
	alive map[string]bool
}

func (s *servers) ID() string { return s.id }
func (s *servers) Alive(context.Context, store.Q) (map[string]bool, error) {
	return maps.Clone(s.alive), nil
}

// bench is the service over a database and a directory.
type bench struct {
	*files.Service
	t       *testing.T
	db      *store.DB
	blobs   *blob.Dir
	clock   *clock.Fake
	servers *servers
}

var (
	ann = actor.Actor{Org: "org-1", Project: "proj_1", User: "user-1"}
	bob = actor.Actor{Org: "org-1", Project: "proj_2", User: "user-2"}
	eve = actor.Actor{Org: "org-2", Project: "proj_3", User: "user-3"}
)

func newBench(t *testing.T, db *store.DB) *bench {
	t.Helper()
	dir, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	b := &bench{t: t, db: db, blobs: dir, clock: clock.NewFake(time.Date(2023, 11, 6, 0, 0, 0, 0, time.UTC)), servers: &servers{"srv_1", map[string]bool{"srv_1": true}}}
	b.Service = b.on("srv_1")
	return b
}

// on is the service as another server of the same database and the same store has it.
func (b *bench) on(server string) *files.Service {
	return files.NewService(files.Options{
		DB: b.db, Blobs: b.blobs, Clock: b.clock, Logger: slog.New(slog.DiscardHandler), Servers: &servers{server, b.servers.alive}, MaxStored: 1000,
	})
}

func (b *bench) create(who actor.Actor, name, purpose, content string) files.File {
	b.t.Helper()
	f, err := b.Create(context.Background(), who, files.New{Name: name, Purpose: purpose, Body: strings.NewReader(content)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.clock.Advance(time.Second)
	return f
}

func (b *bench) content(who actor.Actor, id string) (string, error) {
	r, _, err := b.Open(context.Background(), who, id)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), errors.Join(err, r.Close())
}

// stored are the contents in the store.
func (b *bench) stored() []string {
	b.t.Helper()
	keys := []string{}
	for info, err := range b.blobs.List(context.Background(), "") {
		if err != nil {
			b.t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// clean checks that no content and no byte is left.
func (b *bench) clean(org string) {
	b.t.Helper()
	if keys := b.stored(); len(keys) != 0 {
		b.t.Errorf("left in the store: %v", keys)
	}
	var rows int
	if err := b.db.Read().QueryRow(context.Background(), `SELECT COUNT(*) FROM file_blobs`).Scan(&rows); err != nil || rows != 0 {
		b.t.Errorf("%d contents are known, %v", rows, err)
	}
	if t, err := b.Stored(context.Background(), org); err != nil || t.Bytes != 0 || t.Files != 0 {
		b.t.Errorf("counted: %+v, %v", t, err)
	}
}

func each(t *testing.T, f func(t *testing.T, b *bench)) {
	storetest.Run(t, func(t *testing.T, db *store.DB) { f(t, newBench(t, db)) })
}

func kind(t *testing.T, err error, want fault.Kind, words string) {
	t.Helper()
	if fault.KindOf(err) != want || err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want kind %d with %q", err, want, words)
	}
}

func TestLife(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		f := b.create(ann, `C:\Users\ann\Übersicht 1.PDF`, files.Assistants, "hello")
		if f.Name != "Übersicht 1.PDF" || f.Bytes != 5 || f.Status != files.Processed || f.MediaType != "application/pdf" || !strings.HasPrefix(f.ID, "file-") ||
			f.SHA256 != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
			t.Errorf("%+v", f)
		}
		if got, err := b.Get(ctx, ann, f.ID); err != nil || got != f {
			t.Errorf("%+v, %v", got, err)
		}
		if text, err := b.content(ann, f.ID); err != nil || text != "hello" {
			t.Errorf("%q, %v", text, err)
		}
		// Another project's and another organization's do not exist.
		for _, who := range []actor.Actor{bob, eve} {
			_, err := b.Get(ctx, who, f.ID)
			kind(t, err, fault.NotFound, "No such File object: "+f.ID)
			_, err = b.content(who, f.ID)
			kind(t, err, fault.NotFound, "No such File object")
			kind(t, b.Delete(ctx, who, f.ID), fault.NotFound, "No such File object")
			if list, _, err := b.List(ctx, who, files.ListQuery{}); err != nil || len(list) != 0 {
				t.Errorf("%v, %v", list, err)
			}
		}
		for _, id := range []string{"", "file-", "file-nothing", "/abs/path", "file-\x00", strings.Repeat("x", 5000)} {
			_, err := b.Get(ctx, ann, id)
			kind(t, err, fault.NotFound, "No such File object")
		}
		open, _, err := b.Open(ctx, ann, f.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(ctx, ann, f.ID); err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(open); err != nil || string(text) != "hello" {
			t.Errorf("who was reading got %q, %v", text, err)
		}
		if err := open.Close(); err != nil {
			t.Error(err)
		}
		kind(t, b.Delete(ctx, ann, f.ID), fault.NotFound, "No such File object")
		b.clean("org-1")
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var ids []string
		for i, purpose := range []string{files.Assistants, files.Vision, files.Assistants, files.UserData} {
			ids = append(ids, b.create(ann, fmt.Sprintf("Report_%d.txt", i), purpose, "x").ID)
		}
		list := func(q files.ListQuery) string {
			t.Helper()
			got, more, err := b.List(context.Background(), ann, q)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, f := range got {
				out = append(out, fmt.Sprint(slices.Index(ids, f.ID)))
			}
			return fmt.Sprint(strings.Join(out, ""), more)
		}
		for _, tt := range []struct {
			q    files.ListQuery
			want string
		}{
			{files.ListQuery{}, "3210false"},
			{files.ListQuery{Paging: store.Paging{Order: "asc", Limit: 3}}, "012true"},
			{files.ListQuery{Paging: store.Paging{After: ids[2], Limit: files.MaxList}}, "10false"},
			{files.ListQuery{Paging: store.Paging{After: ids[0]}}, "false"},
			{files.ListQuery{Purpose: files.Assistants}, "20false"},
			{files.ListQuery{Purpose: "nothing"}, "false"},
			{files.ListQuery{Search: "report_2"}, "2false"},
			{files.ListQuery{Search: "REPORT%"}, "false"},
			{files.ListQuery{Search: "T_3.", Purpose: files.UserData}, "3false"},
		} {
			if got := list(tt.q); got != tt.want {
				t.Errorf("%+v: %s, want %s", tt.q, got, tt.want)
			}
		}
		_, _, err := b.List(context.Background(), ann, files.ListQuery{Paging: store.Paging{After: "file-gone"}})
		kind(t, err, fault.NotFound, "No such File object: file-gone")
		_, _, err = b.List(context.Background(), ann, files.ListQuery{Paging: store.Paging{Limit: files.MaxList + 1}})
		kind(t, err, fault.Invalid, "10001 is greater than the maximum of 10000")
	})
}

// cut is a content whose client goes away.
type cut struct{ r io.Reader }

var errGone = errors.New("the client went away")

func (c cut) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		err = errGone
	}
	return n, err
}

func TestNothingIsLeft(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		more := int64(1 << 20)
		if err := b.SetLimit(ctx, ann, "org-1", &more); err != nil {
			t.Fatal(err)
		}
		half := files.New{Name: "a", Purpose: files.UserData, Body: cut{bytes.NewReader(make([]byte, 300<<10))}}
		if _, err := b.Create(ctx, ann, half); !errors.Is(err, errGone) {
			t.Errorf("%v", err)
		}
		if err := b.SetLimit(ctx, ann, "org-1", nil); err != nil {
			t.Fatal(err)
		}
		_, err := b.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: strings.NewReader("12345"), Max: 4})
		kind(t, err, fault.TooLarge, "larger than")
		_, err = b.Create(ctx, ann, files.New{Name: "a", Purpose: "nothing", Body: strings.NewReader("1")})
		kind(t, err, fault.Invalid, "'nothing' is not one of ['fine-tune', ")
		_, err = b.Create(ctx, ann, files.New{Name: "a", Purpose: files.FineTune, Body: strings.NewReader("1")})
		kind(t, err, fault.Invalid, "Line 1 is not a dictionary")
		_, err = b.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: strings.NewReader("1"), Then: func(context.Context, *store.Tx, files.File) error { return errGone }})
		if !errors.Is(err, errGone) {
			t.Errorf("%v", err)
		}
		_, err = b.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: bytes.NewReader(make([]byte, 1001))})
		kind(t, err, fault.Invalid, "more than its limit of 1000")
		b.clean("org-1")
	})
}

// A content of a server that was killed while it wrote, or right after, is removed by another; one of a living server stays.
func TestKilled(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		b.servers.alive["srv_2"] = true
		other := b.on("srv_2")
		reading, write := io.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := other.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: reading})
			kind(t, err, fault.Unavailable, "cut off from its database")
		})
		if _, err := write.Write([]byte("some")); err != nil {
			t.Fatal(err)
		}
		known := func() (n int) {
			t.Helper()
			if err := b.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM file_blobs`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if err := b.Tidy(ctx); err != nil || known() != 1 {
			t.Fatalf("%v; %d known of one that is being written", err, known())
		}
		delete(b.servers.alive, "srv_2")
		if err := b.Tidy(ctx); err != nil || known() != 0 {
			t.Fatalf("%v; %d known of a dead server's", err, known())
		}
		// It was not dead after all, and comes to its end: the file is refused, and nothing stays.
		if err := write.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		b.clean("org-1")
	})
}

func TestExpiry(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		f, err := b.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: strings.NewReader("1"), Keep: time.Hour})
		if err != nil || f.Expires.Sub(f.Created) != time.Hour {
			t.Fatalf("%+v, %v", f, err)
		}
		stays := b.create(ann, "b", files.UserData, "1")
		var told []string
		b.OnDelete(func(_ context.Context, _ *store.Tx, f files.File) error { told = append(told, f.ID); return nil })
		b.clock.Advance(time.Hour)
		_, err = b.Get(ctx, ann, f.ID)
		kind(t, err, fault.NotFound, "No such File object")
		if list, _, err := b.List(ctx, ann, files.ListQuery{}); err != nil || len(list) != 1 || list[0].ID != stays.ID {
			t.Errorf("%v, %v", list, err)
		}
		if err := b.Tidy(ctx); err != nil || !slices.Equal(told, []string{f.ID}) || len(b.stored()) != 1 {
			t.Errorf("%v; told %v; stored %v", err, told, b.stored())
		}
	})
}

func TestHooks(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		f := b.create(ann, "a", files.UserData, "1")
		refuse := true
		b.OnDelete(func(ctx context.Context, tx *store.Tx, f files.File) error {
			if refuse {
				return fault.New(fault.Conflict, "The file is in use.")
			}
			return nil
		})
		kind(t, b.Delete(ctx, ann, f.ID), fault.Conflict, "in use")
		if text, err := b.content(ann, f.ID); err != nil || text != "1" {
			t.Errorf("%q, %v", text, err)
		}
		refuse = false
		if err := b.Delete(ctx, ann, f.ID); err != nil {
			t.Error(err)
		}
		b.clean("org-1")
	})
}

// Two who upload at once do not pass the limit together; with a limit of its own an organization may store more.
func TestLimit(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		var wg sync.WaitGroup
		var mu sync.Mutex
		stored := 0
		for range 8 {
			wg.Go(func() {
				_, err := b.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: bytes.NewReader(make([]byte, 300))})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					stored++
				} else {
					kind(t, err, fault.Invalid, "limit of 1000")
				}
			})
		}
		wg.Wait()
		if got, err := b.Stored(ctx, "org-1"); err != nil || stored != 3 || got != (files.Totals{Bytes: 900, Files: 3, Max: 1000}) || len(b.stored()) != 3 {
			t.Errorf("%d stored, %+v, %v, %d contents", stored, got, err, len(b.stored()))
		}
		more := int64(5000)
		if err := b.SetLimit(ctx, ann, "org-1", &more); err != nil {
			t.Fatal(err)
		}
		b.create(ann, "a", files.UserData, strings.Repeat("x", 2000))
		if got, err := b.Stored(ctx, "org-1"); err != nil || got != (files.Totals{Bytes: 2900, Files: 4, Max: 5000, Own: true}) {
			t.Errorf("%+v, %v", got, err)
		}
		if err := b.SetLimit(ctx, ann, "org-1", nil); err != nil {
			t.Fatal(err)
		}
		_, err := b.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: strings.NewReader("x")})
		kind(t, err, fault.Invalid, "2901 bytes")
		b.create(eve, "a", files.UserData, "another organization's")
	})
}

// A deleted organization's contents go, also one that is being uploaded.
func TestForget(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx := context.Background()
		b.create(ann, "a", files.UserData, "1")
		keeps := b.create(eve, "a", files.UserData, "1")
		reading, write := io.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := b.Create(ctx, ann, files.New{Name: "a", Purpose: files.UserData, Body: reading})
			kind(t, err, fault.Unavailable, "")
		})
		if _, err := write.Write([]byte("some")); err != nil {
			t.Fatal(err)
		}
		if err := b.db.Tx(ctx, func(tx *store.Tx) error {
			if _, err := b.Service.Forget(ctx, tx, "org-1"); err != nil {
				return err
			}
			for _, table := range []string{"files", "file_totals"} { // as package deletion does
				if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE org_id = 'org-1'`); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := b.Tidy(ctx); err != nil {
			t.Fatal(err)
		}
		if err := write.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if keys := b.stored(); len(keys) != 1 {
			t.Errorf("%v", keys)
		}
		if text, err := b.content(eve, keeps.ID); err != nil || text != "1" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"": "file", "a.txt": "a.txt", "/etc/passwd": "passwd", `C:\x\y.pdf`: "y.pdf", "..": "file", "a/..": "file", "a\x00b\n.txt": "ab.txt", "/": "file",
		strings.Repeat("é", 300) + ".txt": strings.Repeat("é", 125) + ".txt", "\xff\xfe.bin": ".bin",
	} {
		if got := files.CleanName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestExamples(t *testing.T) {
	chat := `{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi."}]}`
	call := `{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1"}]}, {"role": "tool", "tool_call_id": "call_1", "content": "1"}, {"role": "assistant", "content": "1", "weight": 0}], "tools": []}`
	pair := `{"prompt": "", "completion": " b", "metadata": 1}`
	for text, want := range map[string]string{
		chat + "\n" + call:                 "",
		pair + "\r\n\n" + pair + "\n":      "",
		"":                                 "no examples",
		"\n \n":                            "no examples",
		pair + "\n[]":                      "Line 2 is not a dictionary (HINT: line starts with: \"[]\")",
		pair + "\n" + `{"prompt": "a"`:     "Line 2 is not a dictionary (HINT: line starts with: \"{\"p...\")",
		"\ufeff" + pair:                    "byte order mark",
		`{"prompt": 1, "completion": "a"}`: "'prompt' is no string on line 1",
		`{"completion": "a"}`:              "Missing 'prompt' key on line 1. (HINT: line starts with: \"{\"c...\")",
		pair + "\n" + chat:                 "Line 2 has the form of chat messages, and the lines before it that of prompt and completion",
		`{"messages": []}`:                 "Line 1: 'messages' is empty",
		`{"messages": "a"}`:                "Line 1: 'messages' is no list",
		`{"messages": [{"role": "user"}]}`: "message 1 has no content",
		`{"messages": [{"content": "a"}]}`: "message 1 has no role",
		`{"messages": [{"role": "x"}]}`:    "the role 'x', which is not one of ['system', ",
		`{"messages": [{"role": "user", "content": "a"}]}`:                                  "no message of the assistant",
		`{"messages": [{"role": "assistant"}]}`:                                             "neither content nor a call",
		`{"messages": [{"role": "assistant", "content": 1}]}`:                               "message 1 is no text",
		`{"messages": [{"role": "tool", "content": "a"}]}`:                                  "has no tool_call_id",
		`{"messages": [{"role": "function", "content": "a"}]}`:                              "of a function has no name",
		`{"messages": [{"role": "user", "content": "a", "weight": 1}]}`:                     "the weight of message 1",
		`{"messages": [{"role": "assistant", "content": "a", "weight": 2}]}`:                "the weight of message 1",
		`{"prompt": "` + strings.Repeat("x", 17<<20) + `", "completion": "b"}`:              "Line 1 is longer than 16 MB",
		pair + "\n" + `{"prompt": "` + strings.Repeat("y", 1<<20) + `", "completion": "b"}`: "",
	} {
		err := files.CheckExamples(strings.NewReader(text))
		switch {
		case want == "" && err != nil:
			t.Errorf("%.60s: %v", text, err)
		case want != "":
			kind(t, err, fault.Invalid, want)
		}
	}
	if err := files.CheckExamples(cut{strings.NewReader(pair)}); !errors.Is(err, errGone) {
		t.Errorf("%v", err)
	}
}

// FuzzCheckExamples: whatever is uploaded is taken or refused in words, and what is taken is JSON in all of its lines.
func FuzzCheckExamples(f *testing.F) {
	for _, s := range []string{"", "{}", `{"prompt": "a", "completion": "b"}`, `{"messages": [{"role": "assistant", "content": "a"}]}`, "\ufeff{}", "{\"a\":1,\"a\":2}\n[]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := files.CheckExamples(strings.NewReader(text))
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); err == nil && line != "" && line[0] != '{' {
				t.Errorf("%q was taken with the line %q", text, line)
			}
		}
	})
}
