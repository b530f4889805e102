package capi

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersions runs TestGreedy, TestState and TestGrammar in a process of its own for each library directory that
// PARLEY_TEST_LLAMA_LIBS lists, because a process loads one library.
func TestVersions(t *testing.T) {
	_, model := assets(t)
	dirs := filepath.SplitList(os.Getenv("PARLEY_TEST_LLAMA_LIBS"))
	if len(dirs) == 0 {
		t.Skip("PARLEY_TEST_LLAMA_LIBS lists no directories of further library versions: `make test` unpacks them there")
	}
	seen := map[string]bool{}
	for _, dir := range dirs {
		found, err := Find(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(found.Release, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^(TestGreedy|TestState|TestGrammar)$", "-test.v")
			cmd.Env = append(os.Environ(), "PARLEY_TEST_LLAMA_LIB="+dir, "PARLEY_TEST_TEXT_MODEL="+model)
			out, err := cmd.CombinedOutput()
			if err != nil || strings.Count(string(out), "release "+found.Release+",") != 3 {
				t.Errorf("%v\n%s", err, out)
			}
		})
		seen[found.Release] = true
	}
	for _, l := range layouts {
		if !seen[l.release] {
			t.Errorf("release %s is in the table and was not tried", l.release)
		}
	}
}

func TestTableIsSound(t *testing.T) {
	for _, l := range layouts {
		for what, s := range map[string]structure{"model": l.model, "context": l.context, "quantize": l.quantize} {
			used := make([]string, s.size)
			for _, f := range s.fields {
				if f.offset%f.kind.size() != 0 || f.offset+f.kind.size() > s.size {
					t.Errorf("%s %s: %s at %d does not fit into %d bytes", l.release, what, f.name, f.offset, s.size)
					continue
				}
				for i := range f.kind.size() {
					if used[f.offset+i] != "" {
						t.Errorf("%s %s: %s and %s overlap", l.release, what, f.name, used[f.offset+i])
					}
					used[f.offset+i] = f.name
				}
			}
			if s.size > wordsMax*8 || s.size%8 != 0 {
				t.Errorf("%s %s: %d bytes", l.release, what, s.size)
			}
		}
		for _, name := range []string{"load_mode", "progress_callback", "vocab_only"} {
			if !l.model.set(&block{}, name, 1) {
				t.Errorf("%s lacks the model parameter %s", l.release, name)
			}
		}
		for _, name := range []string{"n_ctx", "n_batch", "n_ubatch", "n_seq_max", "n_threads", "n_threads_batch", "flash_attn_type", "kv_unified", "swa_full", "embeddings"} {
			if !l.context.set(&block{}, name, 1) {
				t.Errorf("%s lacks the context parameter %s", l.release, name)
			}
		}
		for _, name := range []string{"ftype", "nthread", "allow_requantize"} {
			if !l.quantize.set(&block{}, name, 1) {
				t.Errorf("%s lacks the quantize parameter %s", l.release, name)
			}
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	s := structure{size: 24, fields: []field{{"a", 0, i32, -1}, {"b", 8, f32, 0.5}, {"c", 16, flag, 1}}}
	var good block
	good.setBytes(s.image())
	if err := s.verify("x", &good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*block){
		"a at 0":  func(b *block) { b.W[0] = 1 },
		"b at 8":  func(b *block) { s.set(b, "b", 0.25) },
		"c at 16": func(b *block) { s.set(b, "c", 0) },
		"byte 24": func(b *block) { b.W[3] = 1 }, // a longer struct
		"byte 4":  func(b *block) { b.W[0] |= 1 << 32 },
	} {
		b := good
		change(&b)
		if err := s.verify("x", &b); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIdentify(t *testing.T) {
	for _, c := range []struct{ release, version, want, err string }{
		{"v0.5.0", "0.5.0-dev", "v0.5.0", ""},
		{"", "0.5.0", "v0.5.0", ""},
		{"b8095", "", "b8095", ""},
		{"b1", "", "", `release "b1" is not known`},
		{"b8095", "0.5.0", "", "should say"},
		{"v0.5.0", "", "", "lacks llama_version"},
		{"", "", "", "cannot tell"},
		{"", "9.9.9", "", "cannot tell"},
	} {
		l, err := identify(c.release, c.version)
		if l.release != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("identify(%q, %q) = %q, %v", c.release, c.version, l.release, err)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Find(dir); err == nil || !strings.Contains(err.Error(), "parley pull") {
		t.Errorf("an empty directory: %v", err)
	}
	for _, name := range []string{"libllama.b8095.so", "libggml.b8095.so", "libggml-base.so", "libggml-cpu-haswell.so", "libllama-common.so", "llama-addon.node"} {
		write(name, "")
	}
	if f, err := Find(dir); err != nil || f.Release != "b8095" || len(f.CPU) != 1 || filepath.Base(f.Llama) != "libllama.b8095.so" {
		t.Errorf("found %+v, %v", f, err)
	}
	write("_nlcBuildMetadata.json", `{"buildOptions":{"llamaCpp":{"release":"b10361"}}}`)
	if _, err := Find(dir); err == nil || !strings.Contains(err.Error(), "by its metadata") {
		t.Errorf("names and metadata that differ: %v", err)
	}
}
