package manage

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/echo"
	"github.com/parley-ai/parley/internal/engine/pool"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/gguf"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	begin    = time.Date(2024, 1, 25, 12, 0, 0, 0, time.UTC)
	operator = actor.Actor{Org: "org-operator", User: "user-1", Operator: true}
	browser  = actor.Actor{Org: "org-operator", User: "user-1", Operator: true, Session: "sess_1"}
)

// world is a service over a real registry and a real pool whose engine is the echo, which is a fake.
type world struct {
	*Service
	t    *testing.T
	reg  *models.Registry
	pool *pool.Pool
	file []byte // a GGUF file's head, as a server has it
	url  string // of that server; /slow waits in the middle until the gate is closed
	gate chan struct{}
}

// modelFile is a GGUF file that this program can describe, and no model.
func modelFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	kv := func(key string, v any) gguf.KV { return gguf.KV{Key: key, Value: gguf.Value{V: v}} }
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	err = gguf.Write(f, []gguf.KV{
		kv("general.architecture", "llama"), kv("general.name", "Little"), kv("general.license", "mit"), kv("llama.context_length", uint32(8192)),
		kv("llama.block_count", uint32(2)), kv("llama.embedding_length", uint32(64)), kv("llama.attention.head_count", uint32(4)), kv("llama.attention.head_count_kv", uint32(4)),
	}, []gguf.Tensor{{Name: "w", Dims: []int64{32, 2}, Type: gguf.Q8_0}}, func(_ int, w io.Writer) error {
		size, _ := gguf.Q8_0.Size(64)
		_, err := w.Write(make([]byte, size))
		return err
	})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{t: t, file: modelFile(t), gate: make(chan struct{})}
	origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		file := w.file
		if strings.HasPrefix(r.URL.Path, "/slow") {
			rw.Header().Set("Content-Length", strconv.Itoa(len(file)))
			half := len(file) / 2
			_, _ = rw.Write(file[:half])
			_ = http.NewResponseController(rw).Flush()
			file = file[half:]
			select {
			case <-w.gate:
			case <-r.Context().Done():
				return
			}
		}
		if strings.HasPrefix(r.URL.Path, "/missing") {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write(file)
	}))
	t.Cleanup(origin.Close)
	w.url = origin.URL
	clk := clock.NewFake(begin)
	var err error
	if w.reg, err = models.Open(models.Options{Home: t.TempDir(), Cache: t.TempDir(), HTTP: http.DefaultClient, Public: egress.Downloads(), Clock: clk, Memory: 16 << 30, Settings: models.Settings{
		Library: t.TempDir(), Remotes: []models.Remote{{Name: "up", URL: "http://127.0.0.1:9/v1", Models: []models.RemoteModel{{Name: "m", Window: 100}}}},
	}}); err != nil {
		t.Fatal(err)
	}
	opener := echo.Opener(echo.Options{})
	w.pool = pool.New(pool.Options{Openers: map[string]engine.Opener{"remote": opener, "llama": opener}, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = w.pool.Close(context.Background()) })
	w.Service = New(Options{DB: db, Clock: clk, Logger: slog.New(slog.DiscardHandler), Models: w.reg, Pool: w.pool, Queue: 5, Budget: 1 << 30})
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func sqlite(t *testing.T) *store.DB { return storetest.Open(t, storetest.SQLite(t), store.Options{}) }

// wait looks until a pull is in a state.
func (w *world) wait(id, state string) Pull {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		for _, p := range w.Pulls() {
			if p.ID == id && p.State == state {
				return p
			}
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the pull is not %s: %+v", state, w.Pulls())
		}
	}
}

// waitState looks until a model is in a state.
func (w *world) waitState(name string, want engine.State) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		m, err := w.Model(w.t.Context(), name)
		if err != nil {
			w.t.Fatal(err)
		}
		if m.State == want {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s is %s, want %s", name, m.State, want)
		}
	}
}

func (w *world) lines(db *store.DB) string {
	w.t.Helper()
	var out []string
	if err := audit.New(db, clock.System).Export(w.t.Context(), operator, audit.Filter{}, func(l audit.Line) error {
		out = append(out, l.Type+" "+l.Object)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(out, "; ")
}

// TestAModelsLife: pulled, loaded, in use, unloaded while it is, made the default, removed with its file; each with its line.
func TestAModelsLife(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := open(t, db)
		p, err := w.Start(t.Context(), operator, NewPull{Model: w.url + "/little.gguf?signature=secret", Layout: "as-is"})
		if err != nil || p.State != PullRunning || strings.Contains(p.Name, "secret") {
			t.Fatalf("%+v %v", p, err)
		}
		p = w.wait(p.ID, PullDone)
		if p.Model != "little" || p.Ended != begin.Unix() {
			t.Errorf("%+v", p)
		}
		all, err := w.Models(t.Context())
		if err != nil || len(all) != 2 || all[0].Name != "little" || all[0].Window != 8192 || all[0].Needs == 0 || all[0].State != engine.StateCold || all[0].Licence != "mit" ||
			all[1].Name != "up/m" || all[1].Remote != "up" || all[1].Window != 100 {
			t.Fatalf("%+v %v", all, err)
		}
		if len(all[0].Defaults) == 0 || len(all[0].Aliases) == 0 {
			t.Errorf("an installed model answers before a remote one of unknown size: %+v", all)
		}
		if m, err := w.Load(t.Context(), operator, "little"); err != nil || m.State == engine.StateCold {
			t.Fatalf("%+v %v", m, err)
		}
		w.waitState("little", engine.StateReady)
		spec := w.reg.Serving()[0].Spec
		spec.Queue = 5
		lease, err := w.pool.Use(t.Context(), spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.Unload(t.Context(), operator, "little")
		if err != nil || m.State != StateUnloading || m.Active != 1 {
			t.Errorf("%+v %v", m, err)
		}
		lease.Release()
		w.waitState("little", engine.StateCold)
		if _, err := w.Unload(t.Context(), operator, "little"); fault.KindOf(err) != fault.Conflict {
			t.Errorf("what is not loaded: %v", err)
		}
		if m, err = w.SetDefault(t.Context(), operator, catalog.Chat, "up/m"); err != nil || len(m.Defaults) == 0 {
			t.Errorf("%+v %v", m, err)
		}
		gone, err := w.Remove(t.Context(), operator, "little", true)
		if err != nil || len(gone.Files) != 1 || gone.Freed != int64(len(w.file)) {
			t.Errorf("%+v %v", gone, err)
		}
		want := "model.pull_started " + w.url + "/little.gguf; model.loaded little; model.unloaded little; model.default_updated chat; model.removed little"
		if got := w.lines(db); len(got) != len(want) {
			t.Errorf("audit log: %s\nwant, in the order of ids: %s", got, want)
		}
	})
}

func TestPullsAreOneAndCanBeCanceled(t *testing.T) {
	db := sqlite(t)
	w := open(t, db)
	in := NewPull{Model: w.url + "/slow.gguf", Layout: "as-is"}
	var ids sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, err := w.Start(t.Context(), operator, in)
			if err != nil {
				t.Error(err)
			}
			ids.Store(p.ID, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	if n != 1 || len(w.Pulls()) != 1 {
		t.Fatalf("%d pulls of one thing", n)
	}
	id := w.Pulls()[0].ID
	part := w.o.Models.Store().Partial(w.url + "/slow.gguf")
	for range 500 { // until it has begun
		if info, err := os.Stat(part); err == nil && info.Size() > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if p, err := w.End(t.Context(), operator, id); err != nil || p.State != PullCanceled || p.Ended == 0 {
		t.Errorf("%+v %v", p, err)
	}
	if info, err := os.Stat(part); err != nil || info.Size() == 0 {
		t.Errorf("nothing is left to go on from: %v", err)
	}
	if p, err := w.End(t.Context(), operator, id); err != nil || p.State != PullCanceled || len(w.Pulls()) != 0 {
		t.Errorf("forgotten: %+v %v %v", p, err, w.Pulls())
	}
	for _, path := range []string{part, part + ".json"} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a forgotten pull left %s: %v", path, err)
		}
	}
	if _, err := w.End(t.Context(), operator, id); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	// Asked for again it comes.
	close(w.gate)
	p, err := w.Start(t.Context(), operator, in)
	if err != nil {
		t.Fatal(err)
	}
	w.wait(p.ID, PullDone)
	bad, err := w.Start(t.Context(), operator, NewPull{Model: w.url + "/missing.gguf"})
	if err != nil {
		t.Fatal(err)
	}
	if bad = w.wait(bad.ID, PullFailed); !strings.Contains(bad.Error, "404") {
		t.Errorf("%+v", bad)
	}
}

func TestWhatCannotBePulled(t *testing.T) {
	w := open(t, sqlite(t))
	for _, tt := range []struct {
		who   actor.Actor
		in    NewPull
		param string
	}{
		{operator, NewPull{}, "model"},
		{operator, NewPull{Model: strings.Repeat("x", 2001)}, "model"},
		{operator, NewPull{Model: "x", Layout: "upside-down"}, "layout"},
		{operator, NewPull{Model: "x", Name: "a b"}, "name"},
		{browser, NewPull{Model: "/etc/passwd"}, "model"},
		{browser, NewPull{Model: "http://127.0.0.1/x.gguf"}, "model"},
		{browser, NewPull{Model: "no-such-model"}, "model"},
	} {
		if _, err := w.Start(t.Context(), tt.who, tt.in); fault.As(err) == nil || fault.As(err).Param != tt.param {
			t.Errorf("%+v: %v", tt.in, err)
		}
	}
	if len(w.Pulls()) != 0 {
		t.Errorf("%+v", w.Pulls())
	}
}

// TestBrowsersPullFromPublicAddresses: nobody looks about in the server's network by naming addresses of it in a browser.
func TestBrowsersPullFromPublicAddresses(t *testing.T) {
	w := open(t, sqlite(t))
	var reached atomic.Int64
	inside := httptest.NewUnstartedServer(http.NotFoundHandler())
	inside.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			reached.Add(1)
		}
	}
	inside.Config.ErrorLog = log.New(io.Discard, "", 0)
	inside.StartTLS()
	t.Cleanup(inside.Close)
	p, err := w.Start(t.Context(), browser, NewPull{Model: inside.URL + "/m.gguf"})
	if err != nil {
		t.Fatal(err)
	}
	p = w.wait(p.ID, PullFailed)
	if reached.Load() != 0 || !strings.Contains(p.Error, "it is private or reserved") || !strings.Contains(p.Error, "parley pull") {
		t.Errorf("%d connections: %s", reached.Load(), p.Error)
	}
	// On the server's machine one may.
	if p, err = w.Start(t.Context(), operator, NewPull{Model: inside.URL + "/m.gguf"}); err != nil {
		t.Fatal(err)
	}
	if w.wait(p.ID, PullFailed); reached.Load() == 0 { // its certificate is nobody's
		t.Error("the operator did not reach it")
	}
}

// as is a fake: everybody is one.
type as actor.Actor

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return actor.Actor(a), nil }

// TestMembersSeeNoPaths: where the operator's files and servers are is nobody else's.
func TestMembersSeeNoPaths(t *testing.T) {
	w := open(t, sqlite(t))
	pulls := map[string]string{"/srv/secret/m.gguf": "m.gguf", w.url + "/missing/n.gguf": "n.gguf", "hf:owner": "hf:owner"}
	for ref := range pulls {
		p, err := w.Start(t.Context(), operator, NewPull{Model: ref})
		if err != nil {
			t.Fatal(err)
		}
		w.wait(p.ID, PullFailed)
	}
	list := func(who actor.Actor) (text string, out []Pull) {
		api, err := httpapi.New(httpapi.Options{Auth: as(who), Logger: slog.New(slog.DiscardHandler), Routes: w.Routes()})
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/pulls", nil))
		var page httpapi.List[Pull]
		if err := json.Unmarshal(rec.Body.Bytes(), &page); err != nil {
			t.Fatalf("%s: %v", rec.Body, err)
		}
		return rec.Body.String(), page.Data
	}
	member := actor.Actor{Org: "org-b", User: "user-2", Scopes: []string{actor.ModelsRead}}
	text, seen := list(member)
	for _, hidden := range []string{"/srv", "secret", "127.0.0.1", "missing", "http"} {
		if strings.Contains(text, hidden) {
			t.Errorf("a member reads %q: %s", hidden, text)
		}
	}
	for i, p := range w.Pulls() {
		if len(seen) <= i || seen[i].ID != p.ID || seen[i].State != PullFailed || seen[i].Name != pulls[p.Name] || seen[i].Error == "" {
			t.Errorf("of %+v a member sees %+v", p, seen)
		}
	}
	browser := browser
	browser.Scopes = []string{actor.All}
	if text, _ := list(browser); !strings.Contains(text, "/srv/secret/m.gguf") {
		t.Errorf("the operator reads %s", text)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	db := sqlite(t)
	w := open(t, db)
	_, load := w.Load(t.Context(), operator, "nope")
	_, unload := w.Unload(t.Context(), operator, "nope")
	_, remove := w.Remove(t.Context(), operator, "up/m", true) // remote ones are the configuration's
	_, choose := w.SetDefault(t.Context(), operator, catalog.Chat, "nope")
	for what, err := range map[string]error{"load": load, "unload": unload, "remove": remove, "choose": choose} {
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := w.SetDefault(t.Context(), operator, "speech", "up/m"); fault.As(err) == nil || fault.As(err).Param != "kind" {
		t.Errorf("%v", err)
	}
	if _, err := w.SetDefault(t.Context(), operator, catalog.Embeddings, "up/m"); fault.As(err) == nil || fault.As(err).Param != "model" {
		t.Errorf("a chat model for embeddings: %v", err)
	}
	if got := w.lines(db); got != "" {
		t.Errorf("what failed left lines: %s", got)
	}
}

func TestCatalogSaysWhatFits(t *testing.T) {
	w := open(t, sqlite(t))
	recommended, fits, too := 0, 0, 0
	for _, o := range w.Catalog() {
		if o.Recommended {
			recommended++
			if !o.Fits {
				t.Errorf("%s is recommended and does not fit", o.Name)
			}
		}
		if o.Fits {
			fits++
		} else if too++; o.Memory <= 16<<30/5*3 {
			t.Errorf("%s takes %d and is said not to fit", o.Name, o.Memory)
		}
	}
	if recommended == 0 || fits == 0 || too == 0 {
		t.Errorf("%d recommended, %d fit, %d do not", recommended, fits, too)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	at := func(seconds float64, stage string, done, total int64) (float64, float64) {
		return m.at(begin.Add(time.Duration(seconds*float64(time.Second))), models.Progress{Stage: stage, Done: done, Total: total})
	}
	if s, l := at(0, "download", 0, 1000); s != 0 || l != 0 {
		t.Errorf("nothing is known at once: %v %v", s, l)
	}
	if s, l := at(1, "download", 100, 1000); s != 100 || l != 9 {
		t.Errorf("%v %v", s, l)
	}
	for i := 2; i <= 20; i++ {
		at(float64(i), "download", int64(100+10*(i-1)), 1000)
	}
	if s, _ := at(21, "download", 300, 1000); s < 9.9 || s > 10.1 {
		t.Errorf("the speed of lately: %v", s)
	}
	if s, l := at(22, "verify", 10, 1000); s != 0 || l != 0 {
		t.Errorf("another stage: %v %v", s, l)
	}
}
