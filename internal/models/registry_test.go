package models

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/discover"
	"github.com/parley-ai/parley/internal/models/gguf"
)

func (r *Registry) resolve(t *testing.T, name string) Resolved {
	t.Helper()
	got, err := r.Resolve(t.Context(), actor.Actor{}, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return got
}

func TestNamesLeadToTheDefaultModels(t *testing.T) {
	r := open(t, nil)
	r.mustPull(t, chatModel.file(t, "Chat.gguf"), PullOptions{})
	r.mustPull(t, model{arch: "bert", context: 512, pooling: 1}.file(t, "vectors.gguf"), PullOptions{})
	for name, want := range map[string]Resolved{
		"gpt-3.5-turbo":          {Served: "chat", Use: UseChat, Window: 4096}, // its snapshot's of January 2024
		"gpt-3.5-turbo-1106":     {Served: "chat", Use: UseChat, Window: 8192},
		"gpt-3.5-turbo-0613":     {Served: "chat", Use: UseChat, Window: 4096},
		"gpt-4-turbo-preview":    {Served: "chat", Use: UseChat, Window: 8192},
		"text-davinci-003":       {Served: "chat", Use: UseCompletion, Window: 4097},
		"code-davinci-002":       {Served: "chat", Use: UseCompletion, Window: 8001},
		"text-davinci-edit-001":  {Served: "chat", Use: UseEdit, Window: 2049},
		"davinci":                {Served: "chat", Use: UseCompletion, Window: 2049},
		"text-embedding-ada-002": {Served: "vectors", Use: UseEmbedding, Window: 512},
		"chat":                   {Served: "chat", Window: 8192},
	} {
		got := r.resolve(t, name)
		if got.Name != name || got.Served != want.Served || got.Use != want.Use || got.Window != want.Window {
			t.Errorf("%s: %+v", name, got)
		}
		if got.Spec.Name != got.Served || got.Spec.Driver != "llama" || got.Spec.Path == "" || got.Spec.SHA256 == "" || got.Spec.Library == "" {
			t.Errorf("%s: spec %+v", name, got.Spec)
		}
	}
	if !r.resolve(t, "text-embedding-ada-002").Spec.Embedding || r.resolve(t, "gpt-4").Spec.Embedding {
		t.Error("the embedding model, and it alone, is to be opened as one")
	}
	// The window of an alias does not change how the model is opened: aliases share one.
	if a, b := r.resolve(t, "gpt-3.5-turbo-0613"), r.resolve(t, "gpt-4"); a.Spec.ContextWindow != 8192 || a.Spec.ContextWindow != b.Spec.ContextWindow {
		t.Errorf("windows of the spec: %d and %d", a.Spec.ContextWindow, b.Spec.ContextWindow)
	}
}

func TestUnknownAndUnservedNames(t *testing.T) {
	r := open(t, nil)
	_, err := r.Resolve(t.Context(), actor.Actor{}, "foo")
	f := fault.As(err)
	if f == nil || f.Kind != fault.NotFound || f.Code != "model_not_found" || f.Param != "model" || !strings.HasPrefix(f.Message, "The model `foo` does not exist or you do not have access to it.") {
		t.Errorf("foo: %#v", err)
	}
	_, err = r.Resolve(t.Context(), actor.Actor{}, "gpt-4")
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "parley pull") {
		t.Errorf("gpt-4 without a model: %v", err)
	}
	if list, err := r.List(t.Context(), actor.Actor{}); err != nil || len(list) != 0 {
		t.Errorf("an empty home lists %v, %v", list, err)
	}
}

func TestListAndGet(t *testing.T) {
	r := open(t, nil)
	r.mustPull(t, chatModel.file(t, "chat.gguf"), PullOptions{})
	list, err := r.List(t.Context(), actor.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(m Model) bool { return m.ID == "gpt-3.5-turbo" })
	want := Model{ID: "gpt-3.5-turbo", Object: "model", Created: 1677610602, OwnedBy: "openai", Served: "chat", Kind: catalog.Chat, Window: 4096, Alias: true, Snapshot: "gpt-3.5-turbo-0613"}
	if i < 0 || list[i] != want {
		t.Errorf("%+v", list)
	}
	if slices.ContainsFunc(list, func(m Model) bool { return m.ID == "text-embedding-ada-002" }) {
		t.Error("a name is listed that nothing answers")
	}
	got, err := r.Get(t.Context(), actor.Actor{}, "chat")
	if err != nil || got.OwnedBy != "parley" || got.Created != testTime.Unix() || got.Alias {
		t.Errorf("chat: %+v, %v", got, err)
	}
	if _, err := r.Get(t.Context(), actor.Actor{}, "foo"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("foo: %v", err)
	}
}

func TestConfiguredAliases(t *testing.T) {
	r := open(t, func(o *Options) {
		o.Settings.Aliases = []Alias{{Name: "gpt-4", Served: "big", Window: 4000}, {Name: "mine", Served: "big"}, {Name: "lost", Served: "absent"}}
		o.Settings.Completion = "big"
	})
	r.mustPull(t, chatModel.file(t, "small.gguf"), PullOptions{})
	r.mustPull(t, model{weights: gguf.Q8_0, template: "x"}.file(t, "big.gguf"), PullOptions{})
	if got := r.resolve(t, "gpt-4"); got.Served != "big" || got.Window != 4000 || got.Use != UseChat {
		t.Errorf("gpt-4: %+v", got)
	}
	if got := r.resolve(t, "mine"); got.Served != "big" || got.Use != "" {
		t.Errorf("mine: %+v", got)
	}
	if got := r.resolve(t, "text-davinci-003"); got.Served != "big" {
		t.Errorf("completions go to %s", got.Served)
	}
	if _, err := r.Resolve(t.Context(), actor.Actor{}, "lost"); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "absent") {
		t.Errorf("lost: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	r := open(t, nil)
	r.mustPull(t, chatModel.file(t, "small.gguf"), PullOptions{})
	old := r.resolve(t, "gpt-4")
	r.mustPull(t, model{weights: gguf.Q8_0, template: "x", rows: 64}.file(t, "large.gguf"), PullOptions{})
	if got := r.resolve(t, "gpt-4").Served; got != "large" {
		t.Errorf("the default is %s, want the largest", got)
	}
	if old.Served != "small" || old.Spec.Name != "small" {
		t.Error("a request under way was changed")
	}
	if err := r.SetDefault(t.Context(), catalog.Chat, "small"); err != nil {
		t.Fatal(err)
	}
	again := open(t, func(o *Options) { o.Home, o.Cache = r.home, r.store.Dir })
	if got := again.resolve(t, "gpt-4").Served; got != "small" {
		t.Errorf("after a restart the default is %s, want what was chosen", got)
	}
	configured := open(t, func(o *Options) {
		o.Home, o.Cache = r.home, r.store.Dir
		o.Settings.Defaults = map[catalog.Kind]string{catalog.Chat: "large"}
	})
	if got := configured.resolve(t, "gpt-4").Served; got != "large" {
		t.Errorf("with a configured default it is %s", got)
	}
	if err := r.SetDefault(t.Context(), catalog.Chat, "gpt-4"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an alias as default: %v", err)
	}
	if err := r.Remove(t.Context(), "small"); err != nil {
		t.Fatal(err)
	}
	if got := r.resolve(t, "gpt-4").Served; got != "large" {
		t.Errorf("after removing the default it is %s", got)
	}
}

func TestRemotes(t *testing.T) {
	r := open(t, func(o *Options) {
		o.Settings.Remotes = []Remote{{Name: "up", URL: "http://127.0.0.1:9/v1/", APIKey: "sk-x", Models: []RemoteModel{{Name: "m", Upstream: "org/m", Window: 2000}}}}
	})
	for _, name := range []string{"up/m", "m", "gpt-3.5-turbo"} {
		got := r.resolve(t, name)
		if got.Spec.Driver != "remote" || got.Spec.URL != "http://127.0.0.1:9/v1" || got.Spec.APIKey != "sk-x" || got.Spec.UpstreamName != "org/m" || got.Window != 2000 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	found := []discover.Found{
		{Program: "LM Studio", URL: "http://127.0.0.1:1234/v1", Models: []discover.Model{{Name: "a/b", Kind: catalog.Embeddings}}},
		{Program: "vLLM", URL: "http://127.0.0.1:8000/v1", Skipped: "it asks for a key"},
		{Program: "llama.cpp", File: "/x.gguf"},
	}
	if err := r.SetRemotes(Remotes(found)); err != nil {
		t.Fatal(err)
	}
	if got := r.resolve(t, "text-embedding-ada-002"); got.Served != "lm-studio/a/b" || !got.Spec.Embedding {
		t.Errorf("%+v", got)
	}
	// Unknown windows of remote models leave the alias's.
	if got := r.resolve(t, "text-embedding-ada-002"); got.Window != 8191 {
		t.Errorf("window %d", got.Window)
	}
	r.mustPull(t, chatModel.file(t, "m.gguf"), PullOptions{})
	if got := r.resolve(t, "m"); got.Spec.Driver != "llama" {
		t.Error("a remote model hides an installed one of the same name")
	}
}

func TestWindowFitsMemory(t *testing.T) {
	in := Installed{Context: 131_072, KVBytes: 128 << 10, Kind: catalog.Chat}
	for _, row := range []struct {
		memory   int64
		setting  int
		want     int
		vectors  bool
		describe string
	}{
		{64 << 30, 0, 131_072, false, "16 GB of cells are a quarter"},
		{16 << 30, 0, 32_768, false, "a quarter of 16 GB"},
		{1 << 30, 0, 4096, false, "never less than 4,096"},
		{64 << 30, 10_000, 10_000, false, "the setting"},
		{0, 0, 131_072, false, "unknown memory"},
		{1 << 30, 0, 131_072, true, "embedding models keep no cells"},
	} {
		r := &Registry{memory: row.memory, settings: Settings{Window: row.setting}}
		if row.vectors {
			in.Kind = catalog.Embeddings
		}
		if got := r.window(in); got != row.want {
			t.Errorf("%s: %d, want %d", row.describe, got, row.want)
		}
	}
}

func TestAnotherProcessIsNoticed(t *testing.T) {
	server := open(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { server.Watch(ctx, time.Millisecond) })
	defer wg.Wait()
	defer cancel()
	command := open(t, func(o *Options) { o.Home, o.Cache = server.home, server.store.Dir })
	command.mustPull(t, chatModel.file(t, "chat.gguf"), PullOptions{})
	deadline := time.After(20 * time.Second)
	for {
		if _, err := server.Resolve(ctx, actor.Actor{}, "chat"); err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the server never noticed")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestPullsSideBySideKeepEachOther(t *testing.T) {
	a := open(t, nil)
	b := open(t, func(o *Options) { o.Home, o.Cache = a.home, a.store.Dir })
	var files [8]string
	for i := range files {
		files[i] = chatModel.file(t, string(rune('a'+i))+".gguf")
	}
	var wg sync.WaitGroup
	for i, file := range files {
		wg.Go(func() {
			if _, err := []*Registry{a, b}[i%2].Pull(t.Context(), file, PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if again := open(t, func(o *Options) { o.Home, o.Cache = a.home, a.store.Dir }); len(again.Installed()) != len(files) {
		t.Errorf("%d of %d models are installed", len(again.Installed()), len(files))
	}
}

func TestCacheCanBeMoved(t *testing.T) {
	r := open(t, nil)
	in := r.mustPull(t, chatModel.file(t, "chat.gguf"), PullOptions{Preparer: &fakePreparer{t: t}})
	moved := filepath.Join(t.TempDir(), "cache")
	if err := os.Rename(r.store.Dir, moved); err != nil {
		t.Fatal(err)
	}
	again := open(t, func(o *Options) { o.Home, o.Cache = r.home, moved })
	if got := again.resolve(t, "chat").Spec.Path; got != filepath.Join(moved, "blobs", "sha256", in.SHA256) {
		t.Errorf("path %s", got)
	}
}

func TestLostFilesAreNamed(t *testing.T) {
	r := open(t, nil)
	path := chatModel.file(t, "chat.gguf")
	r.mustPull(t, path, PullOptions{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	_, err := r.Resolve(t.Context(), actor.Actor{}, "chat")
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), path) {
		t.Errorf("err = %v", err)
	}
}

func TestBrokenManifestIsNotOverwritten(t *testing.T) {
	r := open(t, nil)
	path := manifestPath(r.home)
	if err := os.WriteFile(path, []byte("{broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Home: r.home, Cache: r.store.Dir}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("err = %v", err)
	}
	if _, err := r.Pull(t.Context(), chatModel.file(t, "chat.gguf"), PullOptions{}); err == nil {
		t.Error("a pull went over a manifest that cannot be read")
	}
	if data, _ := os.ReadFile(path); string(data) != "{broken" {
		t.Errorf("the manifest is now %q", data)
	}
}

func TestVerifiedRefusesAlteredFiles(t *testing.T) {
	r := open(t, nil)
	path := chatModel.file(t, "chat.gguf")
	in := r.mustPull(t, path, PullOptions{})
	opened := 0
	open := r.Verified(func(context.Context, engine.Spec, engine.Progress) (engine.Backend, error) { opened++; return nil, nil })
	spec := r.resolve(t, "chat").Spec
	if _, err := open(t.Context(), spec, nil); err != nil || opened != 1 {
		t.Fatal(opened, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	for name, bytes := range map[string][]byte{"altered": data, "cut short": data[:len(data)-8]} {
		if err := os.WriteFile(path, bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := open(t.Context(), spec, nil)
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), in.SHA256) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if opened != 1 {
		t.Error("an altered file was opened")
	}
}

func TestFromConfig(t *testing.T) {
	s := FromConfig(&config.Config{
		Aliases:  map[string]string{"b": "x", "a": "y"},
		Defaults: config.Defaults{Chat: "c", Completion: "d", Embedding: "e"},
		Remotes:  []config.Remote{{Name: "r", URL: "u", APIKey: "k", Models: []string{"m"}}},
		Engine:   config.Engine{Library: "l", Threads: 2, Slots: 3, Cells: 4, Context: 5, PrefixMemory: 6},
	})
	if len(s.Aliases) != 2 || s.Aliases[0].Name != "a" || s.Aliases[0].Served != "y" || s.Defaults[catalog.Chat] != "c" || s.Defaults[catalog.Embeddings] != "e" ||
		s.Completion != "d" || s.Remotes[0].Models[0].Name != "m" || s.Library != "l" || s.Threads != 2 || s.Slots != 3 || s.Cells != 4 || s.Window != 5 || s.PrefixMemory != 6 {
		t.Errorf("%+v", s)
	}
}

func BenchmarkResolve(b *testing.B) {
	r, err := Open(Options{Home: b.TempDir(), Cache: b.TempDir(), Settings: Settings{
		Remotes: []Remote{{Name: "up", URL: "http://127.0.0.1:9/v1", Models: []RemoteModel{{Name: "m"}}}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Resolve(context.Background(), actor.Actor{}, "gpt-3.5-turbo"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestLibraryIsThisPlatformsNewest(t *testing.T) {
	r := open(t, func(o *Options) { o.Settings.Library = "" })
	old, other, newest := t.TempDir(), t.TempDir(), t.TempDir()
	lib := func(dir, platform string, at int64) Installed {
		return Installed{Kind: catalog.Library, Engine: "llama", Dir: dir, Platform: platform, PulledAt: at}
	}
	m := manifest{Models: []Installed{lib(old, Platform, 1), lib(other, "plan9/mips", 9), lib(newest, Platform, 5), lib("/gone", Platform, 7)}}
	if got := r.library(m); got != newest {
		t.Errorf("%s, want %s", got, newest)
	}
	r.settings.Library = "/mine"
	if got := r.library(m); got != "/mine" {
		t.Errorf("%s, want the configured one", got)
	}
}
