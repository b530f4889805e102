package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/config"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func setting(t *testing.T, c *config.Config, key string) config.Setting {
	t.Helper()
	for _, s := range c.Settings() {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("no setting %s", key)
	return config.Setting{}
}

func TestDefaults(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	c, err := config.Load(config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	home, _ := os.UserHomeDir()
	if c.Addr != "127.0.0.1:8080" || c.Home != filepath.Join(home, ".parley") ||
		c.DB != "sqlite://"+filepath.ToSlash(filepath.Join(home, ".parley", "parley.db")) ||
		!filepath.IsAbs(c.Cache) || c.Limits.MaxBody != 32e6 || c.ShutdownGrace != 30*time.Second ||
		c.Limits.QueueLength != 256 || c.Engine.IdleUnload != 15*time.Minute || len(c.Remotes) != 0 || len(c.Aliases) != 0 {
		t.Errorf("%+v", c)
	}
	for _, s := range c.Settings() {
		if s.Source != "default" || s.Doc == "" || !strings.HasPrefix(s.Env, "PARLEY_") {
			t.Errorf("%+v", s)
		}
	}
}

func TestLayers(t *testing.T) {
	home := t.TempDir()
	file := write(t, filepath.Join(home, "config.yaml"), `
addr: 127.0.0.1:1
db: postgres://parley:hunter2@db/parley
log:
  level: debug
limits:
  # max_body is set by the variable
  queue_length: 7
  max_body: 1000000
engine:
  idle_unload: 0
aliases:
  gpt-3.5-turbo: smol
  my.own: other
remotes:
  - name: vllm
    url: http://user:pw@10.0.0.1:8000/v1
    api_key: sk-secret
    models: [a, b]
`)
	c, err := config.Load(config.Options{
		Environ: []string{"PARLEY_HOME=" + home, "PARLEY_ADDR=127.0.0.1:2", "PARLEY_LIMITS_MAX_BODY=2MiB", "PARLEY_ENGINE_THREADS=3",
			"PARLEY_DB_FULL_SYNC=true", "PARLEY_PORT=tcp://10.0.0.9:80", "PARLEY_LIMITS_MAX_BODI=1", "PARLEY_TEST_HOME=/x", "PATH=/bin"},
		Flags: map[string]any{"addr": ":3", "engine.context": 4096},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != ":3" || c.Log.Level != "debug" || c.Limits.QueueLength != 7 || c.Limits.MaxBody != 2<<20 || c.Engine.Threads != 3 ||
		!c.DBFullSync || c.Engine.Context != 4096 || c.Aliases["gpt-3.5-turbo"] != "smol" || c.Aliases["my.own"] != "other" || c.Engine.IdleUnload != 0 ||
		len(c.Remotes) != 1 || c.Remotes[0].APIKey != "sk-secret" || strings.Join(c.Remotes[0].Models, ",") != "a,b" {
		t.Errorf("%+v", c)
	}
	for key, want := range map[string]string{
		"addr": "flag --addr", "engine.context": "flag --engine-context", "limits.max_body": "env PARLEY_LIMITS_MAX_BODY",
		"log.level": "file " + file, "log.format": "default", "home": "env PARLEY_HOME",
	} {
		if got := setting(t, c, key).Source; got != want {
			t.Errorf("%s comes from %q, want %q", key, got, want)
		}
	}
	if v := setting(t, c, "limits.max_body").Value; v != "2MiB" {
		t.Errorf("max_body prints as %s", v)
	}
	if len(c.Warnings) != 2 || !strings.Contains(strings.Join(c.Warnings, " "), "did you mean PARLEY_LIMITS_MAX_BODY?") {
		t.Errorf("warnings %q", c.Warnings)
	}
	for _, s := range c.Settings() {
		for _, secret := range []string{"hunter2", "sk-secret", ":pw@"} {
			if strings.Contains(s.Value, secret) {
				t.Errorf("%s shows %s: %s", s.Key, secret, s.Value)
			}
		}
	}
	if v := setting(t, c, "db").Value; v != "postgres://parley:********@db/parley" {
		t.Errorf("db prints as %s", v)
	}
}

func TestEnvironmentLists(t *testing.T) {
	c, err := config.Load(config.Options{Environ: []string{
		"PARLEY_HOME=" + t.TempDir(), `PARLEY_ALIASES={"gpt-4": "big", "a.b": "c"}`,
		`PARLEY_REMOTES=[{name: ollama, url: "http://127.0.0.1:11434/v1"}]`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Aliases["gpt-4"] != "big" || c.Aliases["a.b"] != "c" || len(c.Remotes) != 1 || c.Remotes[0].URL != "http://127.0.0.1:11434/v1" {
		t.Errorf("%+v %+v", c.Aliases, c.Remotes)
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want string
	}{
		{nil, "[*]"},
		{[]string{"PARLEY_ALLOW_ORIGINS="}, "[]"},
		{[]string{"PARLEY_ALLOW_ORIGINS=https://a.example,http://localhost:3000"}, "[https://a.example http://localhost:3000]"},
	} {
		cfg, err := config.Load(config.Options{Environ: append([]string{"PARLEY_HOME=" + t.TempDir()}, c.env...)})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(cfg.Origins()); got != c.want {
			t.Errorf("%v: %s, want %s", c.env, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	home := t.TempDir()
	for _, c := range []struct {
		name, file string
		env        []string
		flags      map[string]any
		want       []string
	}{
		{name: "unknown key", file: "adr: x\nlimits:\n  max_bodi: 1\nmax_body: 2", want: []string{"adr (file ", "did you mean addr?", "limits.max_bodi", "did you mean limits.max_body?", "max_body (file"}},
		{name: "nothing alike", file: "zzzzzzzz: 1", want: []string{"zzzzzzzz (file ", "is no setting"}},
		{name: "group", file: "limits: 5", want: []string{"limits (file ", "is a group"}},
		{name: "unknown in a list", file: "remotes: [{name: x, url: http://h, nme: y}]", want: []string{"remotes (file ", "nme"}},
		{name: "yaml", file: "addr: [", want: []string{"configuration file "}},
		{name: "unknown flag", flags: map[string]any{"engine.thread": 1}, want: []string{"engine.thread (flag)", "engine.threads"}},
		{name: "addr", env: []string{"PARLEY_ADDR=localhost"}, want: []string{"addr (env PARLEY_ADDR)", "HOST:PORT"}},
		{name: "port", flags: map[string]any{"addr": "h:99999"}, want: []string{"addr (flag --addr)"}},
		{name: "number", env: []string{"PARLEY_ENGINE_THREADS=many"}, want: []string{"engine.threads (env PARLEY_ENGINE_THREADS)", "whole number"}},
		{name: "bool", env: []string{"PARLEY_DB_FULL_SYNC=perhaps"}, want: []string{"db_full_sync", "true or false"}},
		{name: "duration", env: []string{"PARLEY_SHUTDOWN_GRACE=30"}, want: []string{"shutdown_grace", "30s"}},
		{name: "duration in file", file: "shutdown_grace: 30", want: []string{"shutdown_grace (file", "30s"}},
		{name: "size", env: []string{"PARLEY_LIMITS_MAX_BODY=big"}, want: []string{"limits.max_body", "32MB"}},
		{name: "mail", env: []string{"PARLEY_MAIL_URL=http://u:hunter2@h", "PARLEY_MAIL_FROM=nobody"}, want: []string{"mail.url", "smtp://USER", "mail.from", "parley@example.com"}},
		{name: "sso", env: []string{"PARLEY_SSO_ISSUER=http://idp.example.com", "PARLEY_SSO_SCOPES=email"}, want: []string{"sso.issuer", "https://HOST", "sso.client_id", "sso.scopes", "openid", "base_url"}},
		{name: "redis", env: []string{"PARLEY_REDIS_URL=http://u:secret@h", "PARLEY_REDIS_AWAY=ajar"}, want: []string{"redis.url", "redis://USER", "redis.away", "open or closed"}},
		{name: "small size", env: []string{"PARLEY_LIMITS_MAX_BODY=5"}, want: []string{"limits.max_body", "1KiB"}},
		{name: "several", env: []string{"PARLEY_LOG_LEVEL=loud", "PARLEY_LOG_FORMAT=xml", "PARLEY_ENGINE_SLOTS=-1"}, want: []string{"log.level", "log.format", "engine.slots (env PARLEY_ENGINE_SLOTS)"}},
		{name: "db", env: []string{"PARLEY_DB=mysql://u:hidden@h/d"}, want: []string{"db (env PARLEY_DB)", "sqlite://PATH"}},
		{name: "empty sqlite", env: []string{"PARLEY_DB=sqlite://"}, want: []string{"db (env PARLEY_DB)", "sqlite://PATH"}},
		{name: "list", env: []string{"PARLEY_REMOTES=[{"}, want: []string{"remotes (env PARLEY_REMOTES)", "YAML"}},
		{name: "remote", file: "remotes: [{name: a, url: ftp://x}, {name: a, url: http://h/v1}]", want: []string{"entry 1", "entry 2", "http://HOST:PORT/v1"}},
		{name: "alias", file: "aliases: {a: a}", want: []string{"aliases (file"}},
		{name: "base url", env: []string{"PARLEY_BASE_URL=parley.example"}, want: []string{"base_url", "https://HOST"}},
		{name: "proxies", file: "trusted_proxies: '10.0.0.0/8, all'", want: []string{"trusted_proxies (file", `"all"`, "10.0.0.0/8"}},
		{name: "sessions", file: "sessions: {idle: 1s, lifetime: -1h}", want: []string{"sessions.idle (file", "sessions.lifetime (file"}},
		{name: "origins", file: "allow_origins: 'https://a.example, https://b.example/'", want: []string{"allow_origins (file", "https://b.example/", "https://HOST"}},
		{name: "home in home", file: "home: /elsewhere", want: []string{"home (file ", "--home"}},
		{name: "empty home", flags: map[string]any{"home": ""}, want: []string{"home (flag --home)", "empty"}},
		{name: "no such file", env: []string{"PARLEY_CONFIG=/no/such/file"}, want: []string{"/no/such/file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, filepath.Join(home, "config.yaml"), c.file)
			_, err := config.Load(config.Options{Environ: append([]string{"PARLEY_HOME=" + home}, c.env...), Flags: c.flags})
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q\n does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("a password is shown: %v", err)
			}
		})
	}
}

func TestHomeThatIsAFile(t *testing.T) {
	home := write(t, filepath.Join(t.TempDir(), "home"), "")
	_, err := config.Load(config.Options{Environ: []string{"PARLEY_HOME=" + home}})
	if err == nil || !strings.Contains(err.Error(), "home (env PARLEY_HOME): "+home+" is a file") {
		t.Error(err)
	}
}

func TestFileChoice(t *testing.T) {
	dir := t.TempDir()
	a := write(t, filepath.Join(dir, "a.yaml"), "log: {level: warn}\nhome: "+dir)
	b := write(t, filepath.Join(dir, "b.yaml"), "log: {level: error}\nhome: "+dir+"\nlimits:\n  # none\n")
	c, err := config.Load(config.Options{Environ: []string{"PARLEY_CONFIG=" + a}})
	if err != nil || c.Log.Level != "warn" || c.Home != dir {
		t.Errorf("PARLEY_CONFIG: %v", err)
	}
	c, err = config.Load(config.Options{File: b, Environ: []string{"PARLEY_CONFIG=" + a}})
	if err != nil || c.Log.Level != "error" {
		t.Errorf("--config: %v", err)
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[string]config.Size{"0": 0, "12": 12, "1KB": 1000, "1 kib": 1024, "1.5MB": 1.5e6, "8GB": 8e9, "2GiB": 2 << 30, "3b": 3, "4m": 4e6, "1TiB": 1 << 40} {
		var s config.Size
		if err := s.UnmarshalText([]byte(in)); err != nil || s != want {
			t.Errorf("%q is %d, %v; want %d", in, s, err, want)
		}
		var again config.Size
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%d prints as %s, which is %d", s, s, again)
		}
	}
	for _, in := range []string{"", "x", "-1", "1XB", "NaN", "1e40", "MB"} {
		var s config.Size
		if err := s.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q was taken as %d", in, s)
		}
	}
}

func TestTrustedProxies(t *testing.T) {
	c := &config.Config{Proxies: "10.1.2.3/8, 192.0.2.1,::ffff:192.0.2.2 fd00::/8"}
	got, err := c.TrustedProxies()
	if want := "[10.0.0.0/8 192.0.2.1/32 192.0.2.2/32 fd00::/8]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v %v, want %s", got, err, want)
	}
	for _, bad := range []string{"x", "10.0.0.0/33", "fe80::1%eth0"} {
		if _, err := (&config.Config{Proxies: bad}).TrustedProxies(); err == nil {
			t.Errorf("%s is a network", bad)
		}
	}
}
