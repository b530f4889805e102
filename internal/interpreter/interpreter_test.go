package interpreter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/interpreter"
	"github.com/parley-ai/parley/internal/sandbox"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

type servers struct {
	id    string
	alive map[string]bool
}

func (s *servers) ID() string { return s.id }
func (s *servers) Alive(context.Context, store.Q) (map[string]bool, error) {
	return maps.Clone(s.alive), nil
}

var (
	ann = actor.Actor{Org: "org-1", Project: "proj_1", User: "user-1"}
	bob = actor.Actor{Org: "org-1", Project: "proj_2", User: "user-2"}
)

// bench is the service over real sandboxes, a database and a directory.
type bench struct {
	*interpreter.Service
	t       *testing.T
	db      *store.DB
	files   *files.Service
	clock   *clock.Fake
	boxes   *sandbox.Runtime
	began   int
	servers map[string]bool
}

// boxes opens real sandboxes, or skips with the reason.
func boxes(t *testing.T, limits sandbox.Limits, most int) *sandbox.Runtime {
	t.Helper()
	cache := os.Getenv("PARLEY_TEST_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(dir, "parley")
	}
	r, err := sandbox.Open(sandbox.Options{Cache: cache, Limits: limits, Most: most})
	if err != nil {
		t.Skipf("NO SANDBOX ON THIS MACHINE, CODE INTERPRETER IS NOT TESTED: %v", err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func newBench(t *testing.T, db *store.DB, limits sandbox.Limits) *bench {
	t.Helper()
	b := &bench{t: t, db: db, clock: clock.NewFake(time.Date(2024, 4, 17, 0, 0, 0, 0, time.UTC)), boxes: boxes(t, limits, 0), servers: map[string]bool{"srv_1": true, "srv_2": true}}
	dir, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	b.files = files.NewService(files.Options{DB: db, Blobs: dir, Clock: b.clock, Logger: slog.New(slog.DiscardHandler), Servers: &servers{"srv_1", b.servers}})
	b.Service = b.on("srv_1")
	b.files.OnDelete(func(ctx context.Context, tx *store.Tx, f files.File) error { return b.FileDeleted(ctx, tx, f.ID) })
	return b
}

// on is the service as a server of the database has it.
func (b *bench) on(server string) *interpreter.Service {
	s := interpreter.New(interpreter.Options{
		DB: b.db, Files: b.files, Servers: &servers{server, b.servers}, Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
		Sandboxes: func() (interpreter.Sandboxes, error) { return b.boxes, nil }, Started: func(actor.Actor) { b.began++ },
	})
	b.t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			b.t.Error(err)
		}
	})
	return s
}

func (b *bench) upload(who actor.Actor, name, content string) string {
	b.t.Helper()
	f, err := b.files.Create(context.Background(), who, files.New{Name: name, Purpose: files.Assistants, Body: strings.NewReader(content)})
	if err != nil {
		b.t.Fatal(err)
	}
	return f.ID
}

func (b *bench) read(who actor.Actor, id string) string {
	b.t.Helper()
	r, _, err := b.files.Open(context.Background(), who, id)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// call runs code as a model would have it run.
func (b *bench) call(s *interpreter.Service, who actor.Actor, key, code string, attached ...string) (agent.Result, []agent.Output) {
	b.t.Helper()
	r, told, err := b.try(s, who, key, code, attached...)
	if err != nil {
		b.t.Fatalf("%.60q: %v", code, err)
	}
	return r, told
}

func (b *bench) try(s *interpreter.Service, who actor.Actor, key, code string, attached ...string) (agent.Result, []agent.Output, error) {
	b.t.Helper()
	tool, err := s.Tool(context.Background(), who, key, attached)
	if err != nil {
		b.t.Fatal(err)
	}
	arguments, err := json.Marshal(map[string]string{"code": code})
	if err != nil {
		b.t.Fatal(err)
	}
	var told []agent.Output
	r, err := tool.Call(context.Background(), who, agent.Call{ID: "call_1", Name: interpreter.Name, Arguments: string(arguments)}, func(o agent.Output) { told = append(told, o) })
	b.clock.Advance(time.Second)
	return r, told, err
}

func (b *bench) want(r agent.Result, parts ...string) {
	b.t.Helper()
	for _, p := range parts {
		if !strings.Contains(r.Text, p) {
			b.t.Errorf("%q lacks %q", r.Text, p)
		}
	}
}

// gone waits until no sandbox is left.
func (b *bench) gone() {
	b.t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		open, _ := b.boxes.Counts()
		if open == 0 {
			return
		}
		if time.Since(began) > 30*time.Second {
			b.t.Fatalf("%d sandboxes are left", open)
		}
	}
}

func fileAt(r agent.Result, path string) (f agent.File) {
	for _, one := range r.Files {
		if one.Path == path {
			return one
		}
	}
	return f
}

func TestFilesInAndOut(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		b := newBench(t, db, sandbox.Limits{})
		sales := b.upload(ann, "sales 2023.csv", "month,total\nJan,10\nFeb,32\n")
		other := b.upload(ann, "sales 2023.csv", "month,total\nMar,1\n")
		odd := b.upload(ann, "a\x01b.txt", "odd")

		tool, err := b.Tool(context.Background(), ann, "thread_1", []string{sales, other, odd, "file-gone"})
		if err != nil {
			t.Fatal(err)
		}
		about := tool.Definition().Description
		for _, name := range []string{"/mnt/data/sales 2023.csv", "/mnt/data/sales 2023_2.csv", "/mnt/data/ab.txt"} {
			if !strings.Contains(about, name) {
				t.Errorf("the model is not told of %s: %s", name, about)
			}
		}
		r, told := b.call(b.Service, ann, "thread_1", `
import pandas as pd, matplotlib.pyplot as plt
df = pd.concat([pd.read_csv('/mnt/data/sales 2023.csv'), pd.read_csv('/mnt/data/sales 2023_2.csv')])
print(df.total.sum())
plt.plot(df.total); plt.show()
print('and')
df.to_csv('/mnt/data/out.csv', index=False)
open('/mnt/data/sales 2023.csv', 'a').write('Apr,7\n')
import os; os.makedirs('sub', exist_ok=True); open('sub/deep.txt', 'w').write('deep'); os.symlink('/etc/passwd', 'link.txt'); os.mkfifo('fifo')`, sales, other, odd)
		b.want(r, "43\n", "1 image(s)", "[made: /mnt/data/out.csv", "sandbox:/mnt/data/out.csv", "[made: /mnt/data/sub/deep.txt", "2 things in /mnt/data")
		if len(r.Outputs) != 3 || r.Outputs[0].Text != "43\n" || r.Outputs[1].FileID == "" || !strings.HasPrefix(r.Outputs[2].Text, "and\n") {
			t.Errorf("outputs: %+v", r.Outputs)
		}
		if len(told) < 3 {
			t.Errorf("told as it came: %+v", told)
		}
		image, err := b.files.Get(context.Background(), ann, r.Outputs[1].FileID)
		if err != nil || image.Purpose != files.AssistantsOutput || !strings.HasPrefix(b.read(ann, image.ID), "\x89PNG") {
			t.Errorf("the chart: %+v %v", image, err)
		}
		out := fileAt(r, "/mnt/data/out.csv")
		if got := b.read(ann, out.ID); got != "month,total\nJan,10\nFeb,32\nMar,1\n" {
			t.Errorf("out.csv: %q", got)
		}
		if changed := fileAt(r, "/mnt/data/sales 2023.csv"); changed.ID == sales || !strings.HasSuffix(b.read(ann, changed.ID), "Apr,7\n") || strings.Contains(b.read(ann, sales), "Apr") {
			t.Errorf("the file that was changed: %+v", changed)
		}
		if f := fileAt(r, "/mnt/data/link.txt"); f.ID != "" {
			t.Errorf("a link came out: %+v", f)
		}
		if _, err := b.files.Get(context.Background(), bob, out.ID); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another project sees it: %v", err)
		}
		// What was made before may be linked to later, and is not made again.
		r, _ = b.call(b.Service, ann, "thread_1", "df.total.max()", sales, other, odd)
		if strings.Contains(r.Text, "made:") || fileAt(r, "/mnt/data/out.csv").ID != out.ID || !strings.HasPrefix(r.Text, "np.int64(32)") {
			t.Errorf("later: %+v", r)
		}
		// One that comes later.
		late := b.upload(ann, "out.csv", "late")
		r, _ = b.call(b.Service, ann, "thread_1", "print(open('/mnt/data/out_2.csv').read())", sales, other, odd, late)
		b.want(r, "late")

		t.Run("a session that ended is made anew", func(t *testing.T) {
			b.t = t
			b.clock.Advance(interpreter.Idle)
			b.Tidy()
			b.gone()
			r, _ := b.call(b.Service, ann, "thread_1", "import os\nprint('df' in globals(), sorted(os.listdir('.')), open('out.csv').read(), open('sales 2023.csv').read()[-6:])", sales, other, odd, late)
			b.want(r, "False ['ab.txt', 'out.csv', 'out_2.csv', 'sales 2023.csv', 'sales 2023_2.csv', 'sub'] month,total", "Apr,7", "The earlier session had ended", "/mnt/data/sub/deep.txt")
			if b.began != 2 {
				t.Errorf("%d sessions were counted, want 2", b.began)
			}
			r, _ = b.call(b.Service, ann, "thread_1", "1")
			if strings.Contains(r.Text, "earlier session") {
				t.Errorf("told twice: %q", r.Text)
			}
		})
		t.Run("files that are gone", func(t *testing.T) {
			b.t = t
			b.call(b.Service, ann, "thread_1", "import os; os.remove('sub/deep.txt')")
			if err := b.files.Delete(context.Background(), ann, out.ID); err != nil {
				t.Fatal(err)
			}
			b.clock.Advance(interpreter.Idle)
			b.Tidy()
			r, _ := b.call(b.Service, ann, "thread_1", "import os\nprint(os.path.exists('out.csv'), os.path.exists('sub/deep.txt'), os.path.exists('out_2.csv'))")
			b.want(r, "False False True")
		})
		t.Run("another one's thread", func(t *testing.T) {
			b.t = t
			r, _ := b.call(b.Service, bob, "thread_1", "import os\nprint(os.listdir('/mnt/data'), 'df' in globals())")
			b.want(r, "[] False")
			if strings.Contains(r.Text, "earlier session") {
				t.Errorf("bob is told of ann's session: %q", r.Text)
			}
		})
		t.Run("another server goes on", func(t *testing.T) {
			b.t = t
			two := b.on("srv_2")
			b.call(b.Service, ann, "thread_1", "where = 'srv_1'")
			r, _ := b.call(two, ann, "thread_1", "print('where' in globals()); open('two.txt', 'w').write('2')")
			b.want(r, "False", "earlier session had ended")
			r, _ = b.call(b.Service, ann, "thread_1", "print('where' in globals(), open('two.txt').read())")
			b.want(r, "False 2", "earlier session had ended")
		})
		t.Run("sessions of a killed server end", func(t *testing.T) {
			b.servers["srv_2"] = false
			if err := b.Recover(context.Background()); err != nil {
				t.Fatal(err)
			}
			var open int
			if err := db.Read().QueryRow(context.Background(), `SELECT COUNT(*) FROM interpreter_sessions WHERE ended_at = 0 AND server_id = 'srv_2'`).Scan(&open); err != nil || open != 0 {
				t.Errorf("%d open, %v", open, err)
			}
			var runs, millis int
			if err := db.Read().QueryRow(context.Background(), `SELECT SUM(runs), SUM(millis) FROM interpreter_sessions`).Scan(&runs, &millis); err != nil || runs < 8 || millis <= 0 {
				t.Errorf("%d runs, %d ms, %v", runs, millis, err)
			}
		})
	})
}

func TestEndsOfCalls(t *testing.T) {
	b := newBench(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), sandbox.Limits{Time: 2 * time.Second, Memory: 256 << 20, Disk: 32 << 20, Output: 50000, OneFile: 1 << 20})
	r, _ := b.call(b.Service, ann, "t", "open('a.txt', 'w').write('kept')\ndef f(x):\n    return x.upper()\nf(3)")
	b.want(r, "Traceback", "AttributeError: 'int' object has no attribute 'upper'", "[made: /mnt/data/a.txt")
	r, _ = b.call(b.Service, ann, "t", "while True: pass")
	b.want(r, "stopped after 2s")
	r, _ = b.call(b.Service, ann, "t", "import os; os._exit(1)")
	b.want(r, "exited with status 1", "Variables and imports are gone, files are there")
	r, _ = b.call(b.Service, ann, "t", "print('f' in globals(), open('a.txt').read())")
	b.want(r, "False kept")
	r, _ = b.call(b.Service, ann, "t", "x = []\nwhile True: x.append(os.urandom(1) * (16 << 20)) if 'os' in globals() else exec('import os')")
	if !strings.Contains(r.Text, "MemoryError") && !strings.Contains(r.Text, "MB of memory") {
		t.Errorf("memory: %q", r.Text)
	}
	r, _ = b.call(b.Service, ann, "t", "x = None\nprint('x' * 100000)")
	b.want(r, "bytes are left out here", "longer than 50000 bytes")
	if len(r.Text) > 14000 {
		t.Errorf("the model is told %d bytes", len(r.Text))
	}
	r, _ = b.call(b.Service, ann, "t", "open('big.bin', 'wb').write(bytes(2 << 20))")
	b.want(r, "big.bin is larger than")
	r, _ = b.call(b.Service, ann, "t", "for i in range(30): open(f'f{i}', 'w').write('x')")
	b.want(r, "10 more files were made")
	r, _ = b.call(b.Service, ann, "t", "pass")
	b.want(r, "made: /mnt/data/f")
	r, _ = b.call(b.Service, ann, "t", "pass")
	b.want(r, "ran and printed nothing")
	large := b.upload(ann, "large.bin", strings.Repeat("x", 33<<20))
	r, _ = b.call(b.Service, ann, "t", "1", large)
	b.want(r, "large.bin is not there", "1\n")

	ctx, cancel := context.WithCancel(context.Background())
	tool, err := b.Tool(ctx, ann, "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, cancel)
	if r, err := tool.Call(ctx, ann, agent.Call{Arguments: `{"code":"import time; time.sleep(1.9)"}`}, func(agent.Output) {}); err == nil {
		t.Errorf("a cancelled call has a result: %+v", r)
	}
	r, _ = b.call(b.Service, ann, "t", "2")
	b.want(r, "2")
	if err := b.End(context.Background(), ann, "t"); err != nil {
		t.Fatal(err)
	}
	b.gone()
}

func TestArguments(t *testing.T) {
	b := newBench(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), sandbox.Limits{})
	tool, err := b.Tool(context.Background(), ann, "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	for arguments, want := range map[string]string{
		`{"code":"6*7"}`: "42", `6*7`: "42", `{"input":"6*7"}`: "42", "```python\n6*7\n```": "42", `{"code":"` + "```py\\n6*7\\n```" + `"}`: "42",
		`{"code": 5}`: "have no code", `{"code":"6*7`: "are not JSON", `{}`: "have no code", `{"code":"  "}`: "no code to run", `{1: 2}[1]`: "2",
	} {
		r, err := tool.Call(context.Background(), ann, agent.Call{Arguments: arguments}, func(agent.Output) {})
		got := r.Text
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", arguments, got, want)
		}
	}
}

// TestTogether has many owners and several calls of each at once: more than there are sandboxes.
func TestTogether(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	b := newBench(t, db, sandbox.Limits{})
	few := boxes(t, sandbox.Limits{}, 2)
	s := interpreter.New(interpreter.Options{
		DB: db, Files: b.files, Servers: &servers{"srv_1", b.servers}, Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
		Sandboxes: func() (interpreter.Sandboxes, error) { return few, nil },
	})
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var wg sync.WaitGroup
	var mu sync.Mutex
	busy := 0
	for i := range 3 {
		for range 2 {
			wg.Go(func() {
				tool, err := s.Tool(context.Background(), ann, fmt.Sprint("thread_", i), nil)
				if err != nil {
					t.Error(err)
					return
				}
				for range 3 {
					r, err := tool.Call(context.Background(), ann, agent.Call{Arguments: fmt.Sprintf(`{"code":"mine = %d\nimport time; time.sleep(0.05)\nprint(mine)"}`, i)}, func(agent.Output) {})
					mu.Lock()
					if fault.KindOf(err) == fault.Overloaded {
						busy++
					} else if err != nil || !strings.HasPrefix(r.Text, fmt.Sprint(i)) {
						t.Errorf("%d: %q %v", i, r.Text, err)
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if open, _ := few.Counts(); open > 2 {
		t.Errorf("%d sandboxes", open)
	}
	t.Logf("%d calls were told that all are in use", busy)
}

func TestOffSaysWhy(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	s := interpreter.New(interpreter.Options{
		DB: db, Servers: &servers{"srv_1", nil}, Clock: clock.System, Logger: slog.New(slog.DiscardHandler),
		Sandboxes: func() (interpreter.Sandboxes, error) {
			_, err := sandbox.Open(sandbox.Options{Kind: sandbox.Off})
			return nil, err
		},
	})
	if _, err := s.Tool(context.Background(), ann, "t", nil); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "sandbox.kind is off") {
		t.Error(err)
	}
	if _, err := sandbox.Open(sandbox.Options{Cache: t.TempDir()}); fault.KindOf(err) != fault.Unavailable || !slices.ContainsFunc([]string{"parley setup code-interpreter", "needs Linux"}, func(p string) bool { return strings.Contains(err.Error(), p) }) {
		t.Error(err)
	}
}
