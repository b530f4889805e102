package upgrade

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/store/storetest"
)

var (
	makeName  = flag.String("make", "", "write testdata/NAME.tar.zst with the program of -program")
	program   = flag.String("program", "", "the built release")
	buildName = flag.String("build", "", "its commit")
)

// TestMake fills two homes, on SQLite and on PostgreSQL, by the API and the command line of an old program, kills it while an
// answer runs, and packs what it left. scripts/upgrade-fixture.sh runs it.
func TestMake(t *testing.T) {
	if *makeName == "" {
		t.Skip("scripts/upgrade-fixture.sh makes fixtures")
	}
	out := t.TempDir()
	for _, db := range []string{"sqlite", "postgres"} {
		dir := filepath.Join(out, db)
		home := filepath.Join(t.TempDir(), "home")
		if err := os.MkdirAll(home, 0o700); err != nil {
			t.Fatal(err)
		}
		config := "aliases:\n  " + alias + ": " + model + "\n"
		if err := os.WriteFile(filepath.Join(home, "config.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		setting := ""
		if db == "postgres" {
			setting = storetest.Postgres(t)
		}
		s := binary.In(t, *program, home, setting, upstream(t), "OLLAMA_HOST=127.0.0.1:1")
		w := fill(t, s, filepath.Join(dir, "parley.backup"))
		copyHome(t, home, filepath.Join(dir, "home"))
		if setting != "" {
			write(t, filepath.Join(dir, "database.sql"), dumpSchema(t, setting))
		}
		data, err := json.MarshalIndent(w, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "want.json"), data)
	}
	pack(t, out, filepath.Join("testdata", *makeName+".tar.zst"))
}

// fill uses a server as people do, and kills it. A backup is written where the program can make one.
func fill(t *testing.T, s *binary.Server, backup string) want {
	t.Helper()
	w := want{Build: *buildName, Day: time.Now().UTC().Format(time.DateOnly), Models: []string{"all-minilm-l6-v2"}}
	s.Run("pull", w.Models[0])
	s.Launch()
	for _, name := range []string{"program", "other", "ended"} {
		k := key{Name: name, Secret: strings.TrimSpace(s.Run("keys", "create", "--name", name))}
		for line := range strings.Lines(s.Run("keys", "list")) {
			if f := strings.Fields(line); len(f) > 1 && f[1] == name {
				k.ID = f[0]
			}
		}
		if k.ID == "" {
			t.Fatalf("the key %s is not listed", name)
		}
		w.Keys = append(w.Keys, k)
	}
	as := func(i int) caller { return caller{t: t, server: s, key: w.Keys[i].Secret} }
	for i := range 3 {
		w.Keys[0].Used.add(as(0).chat(model, "How many?", i == 1))
	}
	refused := as(0).do(http.StatusServiceUnavailable, http.MethodPost, "/v1/chat/completions", map[string]any{
		"model": model, "messages": []map[string]string{{"role": "user", "content": "refuse"}},
	})
	if !bytes.Contains(refused, []byte("error")) {
		t.Fatalf("refused: %s", refused)
	}
	w.Keys[0].Used.add(used{Requests: 1, Errors: 1})
	w.Keys[1].Used.add(as(1).chat(alias, "How many by another name?", false))
	w.Keys[2].Used.add(as(2).chat(model, "Once.", false))
	s.Run("keys", "revoke", w.Keys[2].ID)
	w.Keys[2].Revoked = true

	c := as(0)
	begin := func() (id string) {
		var chat struct {
			ID string `json:"id"`
		}
		decode(t, c.do(http.StatusOK, http.MethodPost, "/api/chats", map[string]string{"model": model}), &chat)
		return chat.ID
	}
	// say adds a message, or asks again without a text, and returns the ids of the message and its answer.
	say := func(chat string, parent *string, text string) (question, answer string) {
		body := map[string]any{"parent_id": parent}
		if text != "" {
			body["content"] = []map[string]string{{"type": "text", "text": text}}
		}
		u := used{Requests: 1}
		for line := range strings.Lines(string(c.do(http.StatusOK, http.MethodPost, "/api/chats/"+chat+"/messages", body))) {
			data, ok := strings.CutPrefix(line, "data: {\"message\":")
			if !ok {
				continue
			}
			var m struct {
				ID, Role, State string
				Usage           *struct {
					Prompt     int64 `json:"prompt_tokens"`
					Completion int64 `json:"completion_tokens"`
				}
			}
			decode(t, []byte(strings.TrimSuffix(strings.TrimSpace(data), "}")), &m)
			if m.Role == "user" {
				question = m.ID
				continue
			}
			answer = m.ID
			if m.State == "failed" {
				u.Errors = 1
			}
			if m.Usage != nil {
				u.Input, u.Output = m.Usage.Prompt, m.Usage.Completion
			}
		}
		w.Keys[0].Used.add(u)
		return question, answer
	}
	patch := func(chat string, change map[string]any) {
		c.do(http.StatusOK, http.MethodPatch, "/api/chats/"+chat, change)
	}

	branches := begin()
	q1, a1 := say(branches, nil, "Where does the Rhine begin?")
	_, a2 := say(branches, &a1, "And where does it end?")
	say(branches, &q1, "")                         // another answer
	say(branches, &a1, "And how long is it, 라인강?") // another question
	say(branches, nil, "Where does the Danube begin?")
	patch(branches, map[string]any{"current_message_id": a2})
	failed := begin()
	say(failed, nil, "refuse")
	patch(failed, map[string]any{"title": "Übung mit „Fehler“"})
	gone := begin()
	say(gone, nil, "This chat is deleted.")
	c.do(http.StatusOK, http.MethodDelete, "/api/chats/"+gone, nil)
	for _, id := range []string{branches, failed} {
		w.Chats = append(w.Chats, json.RawMessage(c.do(http.StatusOK, http.MethodGet, "/api/chats/"+id, nil)))
	}
	if strings.Contains(help(t), "\n  backup ") {
		if err := os.MkdirAll(filepath.Dir(backup), 0o700); err != nil {
			t.Fatal(err)
		}
		s.Run("backup", backup, "--with-key")
	}

	w.Interrupted = begin()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, err := c.send(ctx, http.MethodPost, "/api/chats/"+w.Interrupted+"/messages",
		map[string]any{"parent_id": nil, "content": []map[string]string{{"type": "text", "text": "hang"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: message.delta") {
	}
	time.Sleep(2 * time.Second) // what the old program writes after its answers is on the disk
	s.Kill()
	return w
}

func help(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(*program, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// copyHome copies what a home keeps: no sockets, no locks, no note of the running server.
func copyHome(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(from, path)
		if !d.Type().IsRegular() || d.Name() == "server.json" || strings.HasSuffix(d.Name(), "lock") || strings.HasSuffix(d.Name(), "-shm") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		write(t, filepath.Join(to, name), data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// dumpSchema is the schema of a database as statements that any schema and version of PostgreSQL takes.
func dumpSchema(t *testing.T, setting string) []byte {
	t.Helper()
	u, err := url.Parse(setting)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	schema := q.Get("search_path")
	q.Del("search_path")
	u.RawQuery = q.Encode()
	dump, err := exec.Command("pg_dump", "--no-owner", "--no-privileges", "--inserts", "--schema="+schema, u.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for line := range bytes.Lines(dump) {
		skip := slices.ContainsFunc([]string{"--", "SET ", "SELECT pg_catalog.set_config", "CREATE SCHEMA ", `\`}, func(start string) bool {
			return bytes.HasPrefix(line, []byte(start))
		})
		if !skip && len(bytes.TrimSpace(line)) > 0 {
			out.Write(bytes.ReplaceAll(line, []byte(schema+"."), nil))
		}
	}
	return out.Bytes()
}

// pack writes a directory as a compressed tar. No path of this machine may be in it.
func pack(t *testing.T, dir, to string) {
	t.Helper()
	user, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	private := [][]byte{[]byte(filepath.Clean(os.TempDir()) + "/"), []byte(user + "/")}
	var out bytes.Buffer
	// SQLite's log has most pages many times, far apart.
	zip, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(16<<20))
	if err != nil {
		t.Fatal(err)
	}
	pack := tar.NewWriter(zip)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		for _, p := range private {
			if bytes.Contains(data, p) {
				t.Errorf("%s contains the path %s", name, p)
			}
		}
		if err := pack.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = pack.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, to, out.Bytes())
	t.Logf("%s: %d bytes", to, out.Len())
}

// unpack is the reverse of pack.
func unpack(t *testing.T, path, to string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	for files := tar.NewReader(zip); ; {
		h, err := files.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(to, filepath.FromSlash(h.Name)), data)
	}
}
