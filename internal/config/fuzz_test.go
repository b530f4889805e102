package config_test

import (
	"path/filepath"
	"testing"

	"github.com/parley-ai/parley/internal/config"
)

// FuzzLoad feeds anything as the configuration's file and as variables: it becomes settings that can be
// printed, or an error.
func FuzzLoad(f *testing.F) {
	f.Add("addr: 127.0.0.1:1\nlimits:\n  max_body: 1MB\n", "PARLEY_LIMITS_MAX_BODY", "32MiB")
	f.Add("remotes: [{name: x, url: http://h/v1, models: [a]}]\naliases: {gpt-4: x}", "PARLEY_ALIASES", `{"a":"b"}`)
	f.Add("limits: 5\n", "PARLEY_REMOTES", "[1]")
	f.Add("a: &a [1]\nb: [*a, *a]\nlimits: {max_body: .inf}", "PARLEY_ENGINE_MEMORY_BUDGET", "1e300")
	f.Add("limits: {body_timeout: 5}", "PARLEY_LIMITS_BODY_TIMEOUT", "1h")
	f.Add("? [a, b]\n: {c: d}\n", "PARLEY_X", "\xff")
	home := f.TempDir()
	f.Setenv("HOME", home)
	f.Fuzz(func(t *testing.T, text, name, value string) {
		path := write(t, filepath.Join(t.TempDir(), "config.yaml"), text)
		c, err := config.Load(config.Options{File: path, Environ: []string{name + "=" + value, "PARLEY_HOME=" + home}})
		if (c == nil) == (err == nil) {
			t.Fatalf("%v and %v", c, err)
		}
		if err == nil && len(c.Settings()) == 0 {
			t.Error("no settings")
		}
	})
}

// FuzzSize: what is read as a size is one, and is written as the same.
func FuzzSize(f *testing.F) {
	for _, s := range []string{"32MB", "1.5 GiB", "-1", "1e400", "NaN", "9223372036854775807", "0x10p3", "İB", "1_0K"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, again config.Size
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		if s < 0 {
			t.Errorf("%q is %d", text, s)
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s && s < 1<<53 {
			t.Errorf("%q is %d, written %s, and then %d: %v", text, s, s, again, err)
		}
	})
}
