package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/gguf"
)

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func TestLocalFilesStayWhereTheyAre(t *testing.T) {
	r := open(t, nil)
	path := chatModel.file(t, "My Model.Q4_1.GGUF")
	in := r.mustPull(t, path, PullOptions{})
	want := Installed{
		Name: "my-model.q4_1", Title: "Test", Kind: catalog.Chat, Engine: "llama", Licence: "apache-2.0", Ref: path, Source: path, Path: path,
		SHA256: in.Files[0].SHA256, Bytes: in.Files[0].Bytes, Layout: LayoutAsIs, Weights: "Q4_1", Arch: "llama", Parameters: 64, Context: 8192,
		KVBytes: 512, Template: true, PulledAt: testTime.UnixMilli(),
	}
	want.Files = in.Files
	if fmt.Sprint(in) != fmt.Sprint(want) {
		t.Errorf("%+v\nwant %+v", in, want)
	}
	if r.store.Has(in.SHA256, 0) {
		t.Error("the file was copied into the cache")
	}
}

func TestKindsAreReadFromTheFile(t *testing.T) {
	r := open(t, nil)
	for name, row := range map[string]struct {
		model model
		kind  catalog.Kind
	}{
		"chat.gguf":     {chatModel, catalog.Chat},
		"vectors.gguf":  {model{arch: "bert", pooling: 1}, catalog.Embeddings},
		"reranker.gguf": {model{arch: "bert", pooling: 4}, catalog.Reranker},
	} {
		if in := r.mustPull(t, row.model.file(t, name), PullOptions{}); in.Kind != row.kind {
			t.Errorf("%s is %s", name, in.Kind)
		}
	}
}

func TestBadReferences(t *testing.T) {
	r := open(t, nil)
	text := filepath.Join(t.TempDir(), "x.gguf")
	if err := os.WriteFile(text, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "short.gguf")
	data := chatModel.bytes(t)
	if err := os.WriteFile(short, data[:len(data)-30], 0o644); err != nil {
		t.Fatal(err)
	}
	for ref, row := range map[string]struct {
		kind fault.Kind
		want string
	}{
		"qwen3-900b":                        {fault.NotFound, "qwen3-8b"},
		"hf:nonsense":                       {fault.Invalid, "hf:OWNER/REPO"},
		"hf:me/x:m-00001-of-00002.gguf":     {fault.Invalid, "one part"},
		"./no/such.gguf":                    {fault.NotFound, "no file"},
		t.TempDir():                         {fault.Invalid, "parley convert"},
		text:                                {fault.Invalid, "not a GGUF"},
		short:                               {fault.Invalid, "cut short"},
		"https://user:pw@127.0.0.1:1/x?t=s": {fault.Unavailable, "127.0.0.1:1"},
	} {
		_, err := r.Pull(t.Context(), ref, PullOptions{})
		if err == nil || fault.KindOf(err) != row.kind || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", ref, err)
		}
		if err != nil && (strings.Contains(err.Error(), "user:pw") || strings.Contains(err.Error(), "t=s")) {
			t.Errorf("a secret is in %v", err)
		}
	}
	if _, err := r.Pull(t.Context(), text, PullOptions{Layout: "tiny"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("layout tiny: %v", err)
	}
	if len(r.Installed()) != 0 {
		t.Error("something bad was installed")
	}
}

func TestPullByURL(t *testing.T) {
	r := open(t, nil)
	data := chatModel.bytes(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }))
	defer server.Close()
	in := r.mustPull(t, server.URL+"/files/chat.gguf?token=secret#sha256="+sum(data), PullOptions{Name: "mine"})
	if in.Name != "mine" || in.SHA256 != sum(data) || strings.Contains(in.Ref+in.Source, "secret") {
		t.Errorf("%+v", in)
	}
	manifest, err := os.ReadFile(manifestPath(r.home))
	if err != nil || strings.Contains(string(manifest), "secret") {
		t.Errorf("the manifest has the URL's secret, %v", err)
	}
	_, err = r.Pull(t.Context(), server.URL+"/chat.gguf#sha256="+sum(nil), PullOptions{})
	if err == nil || !strings.Contains(err.Error(), sum(nil)) || !strings.Contains(err.Error(), sum(data)) {
		t.Errorf("a wrong pin: %v", err)
	}
}

func TestPullFromAHubByRepository(t *testing.T) {
	data := chatModel.bytes(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/api/models/me/m-GGUF/tree/main", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `[{"type":"file","path":"M-Q4_K_M.gguf","size":1,"lfs":{"oid":"%s","size":%d}}]`, sum(data), len(data))
	})
	mux.HandleFunc("/me/m-GGUF/resolve/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Linked-Etag", `"`+sum(data)+`"`)
		w.Header().Set("X-Repo-Commit", strings.Repeat("a", 40))
		w.Write(data)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	t.Setenv("HF_ENDPOINT", server.URL)
	t.Setenv("HF_TOKEN", "")
	r := open(t, nil)
	in := r.mustPull(t, "hf:me/m-GGUF", PullOptions{})
	if in.Name != "m-q4_k_m" || in.SHA256 != sum(data) || in.Source != "hf:me/m-GGUF@"+strings.Repeat("a", 40)+":M-Q4_K_M.gguf" {
		t.Errorf("%+v", in)
	}
}

func TestPreparationAfterAPull(t *testing.T) {
	for name, row := range map[string]struct {
		weights gguf.Type
		asked   string
		layout  string
		loaded  string
	}{
		"Q4_1 by itself becomes lossless": {gguf.Q4_1, "", LayoutLossless, "Q8_0"},
		"Q4_1 fast":                       {gguf.Q4_1, LayoutFast, LayoutFast, "Q4_0"},
		"Q4_1 as it is":                   {gguf.Q4_1, LayoutAsIs, LayoutAsIs, "Q4_1"},
		"Q5_1 by itself":                  {gguf.Q5_1, "", LayoutLossless, "Q8_0"},
		"Q8_0 is left":                    {gguf.Q8_0, "", LayoutAsIs, "Q8_0"},
		"Q4_0 is left":                    {gguf.Q4_0, LayoutFast, LayoutAsIs, "Q4_0"},
		"F16 is left":                     {gguf.F16, "", LayoutAsIs, "F16"},
		"F16 fast when asked":             {gguf.F16, LayoutFast, LayoutFast, "Q4_0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, nil)
			p := &fakePreparer{t: t}
			in := r.mustPull(t, model{weights: row.weights, template: "x"}.file(t, "m.gguf"), PullOptions{Layout: row.asked, Preparer: p})
			if in.Layout != row.layout || in.Weights != row.loaded {
				t.Errorf("layout %s, weights %s", in.Layout, in.Weights)
			}
			if (in.Prepared != nil) != (row.layout != LayoutAsIs) {
				t.Errorf("prepared: %+v", in.Prepared)
			}
		})
	}
}

func TestPreparationIsMadeOnceMeasuredAndKept(t *testing.T) {
	r := open(t, nil)
	p := &fakePreparer{t: t}
	path := chatModel.file(t, "m.gguf")
	var stages []string
	in := r.mustPull(t, path, PullOptions{Preparer: p, Progress: func(pr Progress) { stages = append(stages, pr.Stage) }})
	made := in.Prepared
	if made == nil || made.From != in.Files[0].SHA256 || *made.ScoreBefore != -800 || *made.ScoreAfter != -801 || made.ScoreTokens != 300 ||
		made.Library != filepath.Base(r.settings.Library) {
		t.Fatalf("%+v", made)
	}
	if !strings.Contains(strings.Join(stages, " "), "prepare") {
		t.Errorf("stages %v", stages)
	}
	if p.scored[0].Text != ScoreText || p.scored[0].Spec.Library != r.settings.Library || p.scored[1].Spec.Path == p.scored[0].Spec.Path {
		t.Errorf("scored %+v", p.scored)
	}
	// Another home with the same cache, and the same home again, need no work.
	other := open(t, func(o *Options) { o.Cache, o.Settings = r.store.Dir, r.settings })
	if again := other.mustPull(t, path, PullOptions{Preparer: p}); again.SHA256 != in.SHA256 || *again.Prepared.ScoreAfter != -801 {
		t.Errorf("%+v", again)
	}
	if p.made != 1 {
		t.Errorf("prepared %d times, want once", p.made)
	}
	// Another layout begins from the pulled file, and back again is remembered.
	fast, err := r.Prepare(t.Context(), in.Name, PullOptions{Layout: LayoutFast, Preparer: p})
	if err != nil || fast.Layout != LayoutFast || *fast.Prepared.ScoreAfter != -830 || fast.Prepared.From != in.Files[0].SHA256 {
		t.Fatalf("%+v %v", fast, err)
	}
	asIs, err := r.Prepare(t.Context(), in.Name, PullOptions{Layout: LayoutAsIs, Preparer: p})
	if err != nil || asIs.Path != path || asIs.Prepared != nil {
		t.Fatalf("%+v %v", asIs, err)
	}
	if _, err := r.Prepare(t.Context(), in.Name, PullOptions{Preparer: p}); err != nil || p.made != 2 {
		t.Errorf("prepared %d times, want twice; %v", p.made, err)
	}
	if _, err := r.Prepare(t.Context(), "absent", PullOptions{Preparer: p}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("absent: %v", err)
	}
}

func TestFailedPreparationInstallsNothing(t *testing.T) {
	r := open(t, nil)
	p := &fakePreparer{t: t, failing: errors.New("the child ended")}
	_, err := r.Pull(t.Context(), chatModel.file(t, "m.gguf"), PullOptions{Preparer: p})
	if err == nil || !strings.Contains(err.Error(), "the child ended") || len(r.Installed()) != 0 {
		t.Errorf("err = %v, installed %v", err, r.Installed())
	}
	left, _ := filepath.Glob(filepath.Join(r.store.Dir, "partial", "*"))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestUpgradeMovesTheNames(t *testing.T) {
	r := open(t, nil)
	r.mustPull(t, model{weights: gguf.Q8_0, template: "x", rows: 64}.file(t, "old.gguf"), PullOptions{})
	if _, err := r.Upgrade(t.Context(), chatModel.file(t, "new.gguf"), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := r.resolve(t, "gpt-4").Served; got != "new" {
		t.Errorf("gpt-4 is served by %s", got)
	}
	if got := r.resolve(t, "code-davinci-002").Served; got != "new" {
		t.Errorf("code is served by %s", got)
	}
}

func TestANoIsRemembered(t *testing.T) {
	r := open(t, nil)
	for _, offers := range [][]string{{"server a"}, {"server a", "catalog b"}} {
		if err := r.Decline(t.Context(), offers); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Open(Options{Home: r.home, Cache: r.store.Dir})
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Declined(); len(got) != 2 || got[0] != "server a" || got[1] != "catalog b" {
		t.Errorf("after a restart: %v", got)
	}
}

func TestRecommend(t *testing.T) {
	for memory, want := range map[int64]string{
		1 << 30: "", 3 << 30: "qwen3-0.6b", 5 << 30: "smollm2-1.7b-instruct", 8 << 30: "qwen3-4b-instruct-2507",
		16 << 30: "qwen3-4b-instruct-2507", 64 << 30: "qwen3-30b-a3b-instruct-2507",
	} {
		r := open(t, func(o *Options) { o.Memory = memory })
		got := ""
		if e := r.Recommend(catalog.Chat, true); e != nil {
			got = e.Name
		}
		if got != want {
			t.Errorf("%d GB: %q, want %q", memory>>30, got, want)
		}
		if e := r.Recommend(catalog.Chat, false); e != nil {
			t.Errorf("without the hub: %s", e.Name)
		}
	}
}

func TestCgroupLimit(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := cgroupLimit(root); got != 0 {
		t.Errorf("without control groups: %d", got)
	}
	put("proc/self/cgroup", "5:memory:/a\n0::/user/session\n")
	put("sys/fs/cgroup/user/session/memory.max", "max\n")
	put("sys/fs/cgroup/user/memory.max", "4000000000\n")
	if got := cgroupLimit(root); got != 4_000_000_000 {
		t.Errorf("the parent's limit: %d", got)
	}
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "3000000000\n")
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
	if got := cgroupLimit(root); got != 3_000_000_000 {
		t.Errorf("version 1: %d", got)
	}
}

func TestConvertRefusesWhatItDoesNotKnow(t *testing.T) {
	err := Convert(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "x"), "", nil)
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "model.safetensors") {
		t.Errorf("err = %v", err)
	}
	if err := Convert(t.Context(), t.TempDir(), "x", "q3", nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("err = %v", err)
	}
}

func TestVerifyInstalledChecksEveryFile(t *testing.T) {
	r := open(t, nil)
	in := r.mustPull(t, chatModel.file(t, "m.gguf"), PullOptions{Preparer: &fakePreparer{t: t}})
	if err := r.VerifyInstalled(t.Context(), in, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(in.Path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in.Path, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.VerifyInstalled(t.Context(), in, nil); err == nil || !strings.Contains(err.Error(), in.SHA256) {
		t.Errorf("err = %v", err)
	}
}
