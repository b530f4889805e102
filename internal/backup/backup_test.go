package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/parley-ai/parley/internal/backup"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/dump"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit"
)

var quiet = slog.New(slog.DiscardHandler)

// source is a database as it lies, without a server.
func source(db *store.DB, home string) *backup.Source {
	return &backup.Source{DB: db, Home: home, Version: "test", Clock: clock.System, Flush: func(context.Context) error { return nil }}
}

// contents are all rows of a database, table by table, each in an order of their own.
func contents(t *testing.T, db *store.DB) map[string][]string {
	t.Helper()
	snap, err := dump.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	tables, err := snap.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, table := range tables {
		if backup.Left[table.Name] != "" {
			continue
		}
		names := slices.Clone(table.Columns)
		slices.SortFunc(names, func(a, b dump.Column) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
		table.Columns = names // migrations may have added them in another order
		out[table.Name] = []string{}
		for row, err := range snap.Rows(t.Context(), table.All()) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range row {
				if row[i], err = table.Columns[i].Value(row[i]); err != nil {
					t.Fatal(err)
				}
			}
			data, err := dump.AppendRow(nil, row)
			if err != nil {
				t.Fatal(err)
			}
			out[table.Name] = append(out[table.Name], string(data))
		}
		slices.Sort(out[table.Name])
	}
	return out
}

type note struct{ N int }

func (note) Kind() string { return "backup.note" }

// filled is the backup of a database in which a server has worked.
func filled(t *testing.T, url string) []byte {
	t.Helper()
	file, _ := worked(t, url, shortDir(t))
	return file
}

// worked is filled, with a key of the server's, which has its home in a directory.
func worked(t *testing.T, url, home string) (file []byte, key string) {
	t.Helper()
	s := testkit.Start(t, testkit.Options{DB: url, Log: quiet, Config: map[string]any{"home": home}})
	for i := range 3 {
		if resp, text := s.Call(http.MethodPost, "/v1/chat/completions", map[string]any{
			"model": "echo", "messages": []map[string]string{{"role": "user", "content": "바람 'and' \"sea\" " + fmt.Sprint(i)}},
		}); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", resp.Status, text)
		}
		s.Clock.Advance(40 * 24 * time.Hour) // another month
	}
	for path, body := range map[string]any{
		"/api/chats":   map[string]any{"title": "A chat\n\\N\t"},
		"/api/presets": map[string]any{"name": "kept", "mode": "chat", "settings": map[string]any{"x": "\u2028"}, "shared": true},
	} {
		if resp, text := s.Call(http.MethodPost, path, body); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", path, resp.Status, text)
		}
	}
	db := storetest.Open(t, url, store.Options{Logger: quiet})
	j, err := jobs.New(t.Context(), db, jobs.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	jobs.Register(j, jobs.Kind{}, func(context.Context, note) error { return nil })
	if err := db.Tx(t.Context(), func(tx *store.Tx) error { return j.Enqueue(t.Context(), tx, note{7}) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	m, err := source(db, t.TempDir()).Write(t.Context(), &out, backup.Options{Files: true})
	if err != nil {
		t.Fatal(err)
	}
	if m.Jobs == 0 || m.Rows["usage_requests"] != 3 || m.Rows["presets"] != 1 || m.Rows["api_keys"] == 0 {
		t.Fatalf("the manifest: %+v", m)
	}
	return out.Bytes(), s.Key
}

func sqlite(t testing.TB) string   { return storetest.SQLite(t) }
func postgres(t testing.TB) string { return storetest.Postgres(t) }

func TestRestoreGivesEveryRowBack(t *testing.T) {
	kinds := map[string]func(testing.TB) string{"sqlite": sqlite, "postgres": postgres}
	for from := range kinds {
		for to := range kinds {
			t.Run(from+" to "+to, func(t *testing.T) {
				target := kinds[to](t)
				url := kinds[from](t)
				file := filled(t, url)
				var last atomic.Int64
				h, m, err := backup.Restore(t.Context(), bytes.NewReader(file), backup.Target{DB: target, Home: t.TempDir(), Log: quiet, Tell: last.Store})
				if err != nil {
					t.Fatal(err)
				}
				if h.Database != from || last.Load() != m.Total() {
					t.Errorf("header %+v, told %d of %d rows", h, last.Load(), m.Total())
				}
				was, is := storetest.Open(t, url, store.Options{Logger: quiet}), storetest.Open(t, target, store.Options{Logger: quiet})
				a, b := contents(t, was), contents(t, is)
				for table, rows := range a {
					if !slices.Equal(rows, b[table]) {
						t.Errorf("%s: %d rows became %d:\n%q\n%q", table, len(rows), len(b[table]), rows, b[table])
					}
				}
				if was.InstanceID() != is.InstanceID() {
					t.Errorf("the installation is another: %s, %s", was.InstanceID(), is.InstanceID())
				}
				// The job that was due is done there.
				done := make(chan int, 9)
				j, err := jobs.New(t.Context(), is, jobs.Options{Logger: quiet})
				if err != nil {
					t.Fatal(err)
				}
				jobs.Register(j, jobs.Kind{}, func(_ context.Context, n note) error { done <- n.N; return nil })
				if err := j.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				defer j.Stop(context.WithoutCancel(t.Context()))
				select {
				case n := <-done:
					if n != 7 {
						t.Errorf("the job has become %d", n)
					}
				case <-time.After(time.Minute):
					t.Error("the job was not carried")
				}
			})
		}
	}
}

// TestServerGoesOnFromARestoredDatabase: what a server counts on, it finds; what it writes next has room, also in a month that was restored.
func TestServerGoesOnFromARestoredDatabase(t *testing.T) {
	for name, kind := range map[string]func(testing.TB) string{"sqlite": sqlite, "postgres": postgres} {
		t.Run(name, func(t *testing.T) {
			target := kind(t)
			home := shortDir(t) // the key that opens what is sealed is in it
			file, key := worked(t, sqlite(t), home)
			if _, _, err := backup.Restore(t.Context(), bytes.NewReader(file), backup.Target{DB: target, Log: quiet}); err != nil {
				t.Fatal(err)
			}
			s := testkit.Start(t, testkit.Options{DB: target, Log: quiet, Config: map[string]any{"home": home}})
			header := map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json"}
			if resp, text := s.CallWith(header, http.MethodPost, "/v1/chat/completions", `{"model":"echo","messages":[{"role":"user","content":"x"}]}`); resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %s", resp.Status, text)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(contents(t, storetest.Open(t, target, store.Options{Logger: quiet}))["usage_requests"]); got != 4 {
				t.Errorf("%d rows of usage, want the 3 restored ones and a new one", got)
			}
		})
	}
}

// TestBackupUnderLoad: what was answered before a backup began is in it, and every row in it is whole.
func TestBackupUnderLoad(t *testing.T) {
	home := shortDir(t)
	s := testkit.Start(t, testkit.Options{Log: quiet, Config: map[string]any{"home": home}})
	ctx, stop := context.WithCancel(t.Context())
	var answered atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				resp, text := s.Call(http.MethodPost, "/v1/completions", map[string]any{"model": "echo", "prompt": "one two", "max_tokens": 2})
				if resp.StatusCode != http.StatusOK {
					t.Errorf("%s %s", resp.Status, text)
					return
				}
				answered.Add(1)
			}
		})
	}
	for answered.Load() < 200 && !t.Failed() {
		time.Sleep(time.Millisecond)
	}
	for _, path := range []string{"/admin/backup", "/api/operator/backup"} {
		if resp, text := s.Call(http.MethodGet, path, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("the network has %s: %s %.80q", path, resp.Status, text)
		}
	}
	for range 3 {
		before := answered.Load()
		var file bytes.Buffer
		resp, err := socket(home).Get("http://parley/admin/backup")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&file, resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		_, m, err := backup.Verify(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		after := answered.Load() + 8
		if n := m.Rows["usage_requests"]; n < before || n > after {
			t.Errorf("%d rows of usage; %d requests were answered before, at most %d after", n, before, after)
		}
		target := sqlite(t)
		if _, _, err := backup.Restore(t.Context(), bytes.NewReader(file.Bytes()), backup.Target{DB: target, Log: quiet}); err != nil {
			t.Fatal(err)
		}
		// The sums and the rows are of one moment: what is in the sums, by the writer's mark, adds up to them.
		db := storetest.Open(t, target, store.Options{Logger: quiet})
		var rolled, summed int64
		if err := db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM usage_requests r JOIN usage_writers w ON r.id / 1099511627776 = w.id WHERE r.id <= w.rolled`).Scan(&rolled); err != nil {
			t.Fatal(err)
		}
		if err := db.Read().QueryRow(t.Context(), `SELECT COALESCE(SUM(requests), 0) FROM usage_rollups WHERE kind = 'all' AND span = 86400`).Scan(&summed); err != nil {
			t.Fatal(err)
		}
		if rolled != summed || rolled < before {
			t.Errorf("%d rows are in the sums, which have %d; %d were answered before", rolled, summed, before)
		}
	}
	stop()
	wg.Wait()
}

func TestDamagedBackupsAreRefused(t *testing.T) {
	file := filled(t, sqlite(t))
	flipped := bytes.Clone(file)
	flipped[len(flipped)/2] ^= 1
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "cut": file[:len(file)-10], "half": file[:len(file)/2], "flipped": flipped,
	} {
		if _, _, err := backup.Verify(bytes.NewReader(data)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: verified: %v", name, err)
		}
		home := t.TempDir()
		path := filepath.Join(home, "parley.db")
		_, _, err := backup.Restore(t.Context(), bytes.NewReader(data), backup.Target{DB: "sqlite://" + path, Home: home, Log: quiet})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: restored: %v", name, err)
		}
		left, err := os.ReadDir(home)
		if err != nil || len(left) != 0 {
			t.Errorf("%s: left behind: %v, %v", name, left, err)
		}
	}
}

func TestOnlyIntoWhatIsEmpty(t *testing.T) {
	file := filled(t, sqlite(t))
	storetest.RunURL(t, func(t *testing.T, url string) {
		db := storetest.Open(t, url, store.Options{Logger: quiet})
		before := contents(t, db)
		_, _, err := backup.Restore(t.Context(), bytes.NewReader(file), backup.Target{DB: url, Log: quiet})
		if fault.KindOf(err) != fault.Conflict {
			t.Errorf("into a database with tables: %v", err)
		}
		if after := contents(t, db); len(after) != len(before) || len(after["meta"]) != len(before["meta"]) {
			t.Error("the database has changed")
		}
	})
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "models.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := backup.Restore(t.Context(), bytes.NewReader(file), backup.Target{DB: sqlite(t), Home: home, Log: quiet}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("into a home with models: %v", err)
	}
}

// TestFilesComeAlong: the list of models and contents, the key only when it is asked for.
func TestFilesComeAlong(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{"models.json": "{}\n", "blobs/files/file-1": "content", "secret.key": "k\n", "config.yaml": "db: secret", "id": "home_x"} {
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	db := storetest.Open(t, sqlite(t), store.Options{Logger: quiet})
	if err := jobs.Prepare(t.Context(), db, quiet); err != nil {
		t.Fatal(err)
	}
	for _, withKey := range []bool{false, true} {
		var file bytes.Buffer
		m, err := source(db, home).Write(t.Context(), &file, backup.Options{Files: true, Key: withKey})
		if err != nil || m.Key != withKey {
			t.Fatalf("%+v, %v", m, err)
		}
		into := t.TempDir()
		if _, _, err := backup.Restore(t.Context(), &file, backup.Target{DB: "sqlite://" + filepath.Join(into, "parley.db"), Home: into, Log: quiet}); err != nil {
			t.Fatal(err)
		}
		var names []string
		list, err := os.ReadDir(into)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			names = append(names, e.Name())
		}
		want := []string{"blobs", "models.json", "parley.db"}
		if withKey {
			want = append(want, "secret.key")
		}
		if !slices.Equal(names, want) {
			t.Errorf("with the key %v: %q", withKey, names)
		}
		if data, err := os.ReadFile(filepath.Join(into, "blobs/files/file-1")); err != nil || string(data) != "content" {
			t.Errorf("%q, %v", data, err)
		}
	}
}

// TestKilledRestore: a process that dies while it restores leaves what says so, and the restore can be run again.
func TestKilledRestore(t *testing.T) {
	if os.Getenv("PARLEY_TEST_RESTORE_DB") != "" {
		_, _, err := backup.Restore(t.Context(), os.Stdin, backup.Target{DB: os.Getenv("PARLEY_TEST_RESTORE_DB"), Home: os.Getenv("PARLEY_TEST_RESTORE_HOME"), Log: quiet,
			Tell: func(int64) {
				fmt.Println("restoring")
				time.Sleep(time.Hour) // until it is killed
			}})
		t.Fatalf("the restore was not killed: %v", err)
	}
	file := filled(t, sqlite(t))
	storetest.RunURL(t, func(t *testing.T, url string) {
		home := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledRestore$")
		cmd.Env = append(os.Environ(), "PARLEY_TEST_RESTORE_DB="+url, "PARLEY_TEST_RESTORE_HOME="+home)
		cmd.Stdin = bytes.NewReader(file)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("restoring"))); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		if backup.Finished(home) == nil {
			t.Error("the home does not say that its restore did not finish")
		}
		if db, err := store.Open(t.Context(), url, store.Options{Logger: quiet}); err == nil {
			if db.Dialect() == store.Postgres {
				t.Error("the database opens, though its restore did not finish")
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			// Of SQLite nothing has the database's name: this Open made a new one.
			if err := os.Remove(url[len("sqlite://"):]); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := backup.Restore(t.Context(), bytes.NewReader(file), backup.Target{DB: url, Home: home, Log: quiet}); err != nil {
			t.Fatalf("again: %v", err)
		}
		if err := backup.Finished(home); err != nil {
			t.Error(err)
		}
		if got := len(contents(t, storetest.Open(t, url, store.Options{Logger: quiet}))["usage_requests"]); got != 3 {
			t.Errorf("%d rows of usage, want 3", got)
		}
	})
}

// TestFullDisk: a writer that fails ends a backup with its error.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("the system has no /dev/full")
	}
	defer full.Close()
	db := storetest.Open(t, sqlite(t), store.Options{Logger: quiet})
	if err := jobs.Prepare(t.Context(), db, quiet); err != nil {
		t.Fatal(err)
	}
	if _, err := source(db, t.TempDir()).Write(t.Context(), full, backup.Options{}); err == nil {
		t.Error("a backup onto a full disk succeeded")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	db, err := store.Open(context.Background(), storetest.SQLite(f), store.Options{Logger: quiet})
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	if err := jobs.Prepare(context.Background(), db, quiet); err != nil {
		f.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := source(db, f.TempDir()).Write(context.Background(), &file, backup.Options{}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := backup.Verify(bytes.NewReader(data)); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("not said to be a bad file: %v", err)
		}
	})
}

// forged is a file that somebody made: entries by name, in this order, and no manifest.
func forged(t *testing.T, entries ...[2]string) []byte {
	t.Helper()
	var file bytes.Buffer
	zip, err := zstd.NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	out := tar.NewWriter(zip)
	for _, e := range entries {
		err := out.WriteHeader(&tar.Header{Name: e[0], Size: int64(len(e[1])), Mode: 0o600})
		if err == nil {
			_, err = out.Write([]byte(e[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestFilesStayInTheirPlace: an entry of a forged file writes nothing but what belongs into a home.
func TestFilesStayInTheirPlace(t *testing.T) {
	for _, name := range []string{"../x", "/x", "config.yaml", "blobs/../config.yaml", "blobs/../../x", "blobs/a/../../config.yaml", "blobs//x", "blobs/.", "blobs/./x"} {
		file := forged(t, [2]string{"header.json", `{"format":1,"migrations":[1]}`}, [2]string{"home/" + name, "server: evil"})
		around := t.TempDir()
		home := filepath.Join(around, "home")
		_, _, err := backup.Restore(t.Context(), bytes.NewReader(file), backup.Target{DB: "sqlite://" + filepath.Join(home, "parley.db"), Home: home, Log: quiet})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(errors.Unwrap(fault.As(err))), "does not belong into a home") {
			t.Errorf("%s: %v", name, err)
		}
		for _, path := range []string{"x", "home/x", "home/config.yaml", "home/blobs"} {
			if _, err := os.Lstat(filepath.Join(around, path)); err == nil {
				t.Errorf("%s wrote %s", name, path)
			}
		}
	}
}

// TestManySmallRows: rows of a byte each, of which a forged file of some kilobytes can have millions, are not held together.
func TestManySmallRows(t *testing.T) {
	const rows = 16 << 20
	file := forged(t, [2]string{"header.json", `{"format":1,"migrations":[1],"tables":[{"name":"meta","columns":[{"name":"key","kind":"text"}]}]}`},
		[2]string{"tables/meta/000000", strings.Repeat("n", rows)})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := backup.Restore(t.Context(), bytes.NewReader(file), backup.Target{DB: sqlite(t), Log: quiet})
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("a row without a key is in the table")
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 40*rows {
		t.Errorf("%d kB of a file took %d MB", len(file)>>10, grown>>20)
	}
}
