package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resolve fills what depends on other settings and makes paths absolute.
func (c *Config) resolve() error {
	var err error
	if c.Home, err = expand(c.Home); err != nil {
		return c.fail("home", "%v", err)
	}
	if c.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			// A service without a user's directories: models lie beside the rest.
			dir = c.Home
		}
		c.Cache = filepath.Join(dir, "parley")
	}
	if c.Cache, err = expand(c.Cache); err != nil {
		return c.fail("cache", "%v", err)
	}
	if c.DB == "" {
		c.DB = "sqlite://" + filepath.ToSlash(filepath.Join(c.Home, "parley.db"))
	} else if path, ok := strings.CutPrefix(c.DB, "sqlite://"); ok {
		if path, err = expand(path); err != nil {
			return c.fail("db", "write sqlite://PATH")
		}
		c.DB = "sqlite://" + filepath.ToSlash(path)
	}
	if path, ok := strings.CutPrefix(c.Blob.URL, "file://"); ok && path != "" {
		if path, err = expand(path); err != nil {
			return c.fail("blob.url", "write file:///DIR")
		}
		c.Blob.URL = "file://" + filepath.ToSlash(path)
	}
	if c.Engine.Library != "" {
		if c.Engine.Library, err = expand(c.Engine.Library); err != nil {
			return c.fail("engine.library", "%v", err)
		}
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	return nil
}

// check refuses values that cannot work; it reports all of them at once.
func (c *Config) check() error {
	var errs []error
	bad := func(ok bool, key, format string, args ...any) {
		if !ok {
			errs = append(errs, c.fail(key, format, args...))
		}
	}
	for key, dir := range map[string]string{"home": c.Home, "cache": c.Cache} {
		info, err := os.Stat(dir)
		bad(err != nil || info.IsDir(), key, "%s is a file: name a directory", dir)
	}
	_, port, err := net.SplitHostPort(c.Addr)
	n, perr := strconv.Atoi(port)
	bad(err == nil && perr == nil && n >= 0 && n <= 65535, "addr", "%q is no address: write HOST:PORT, such as 127.0.0.1:8080 or :8080", c.Addr)

	u, err := url.Parse(c.DB)
	bad(err == nil && slices.Contains([]string{"sqlite", "postgres", "postgresql"}, u.Scheme), "db",
		"%q is no database: write sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME", maskURL(c.DB))
	bad(c.DBMaxConns >= 4, "db_max_conns", "write 4 or more")

	bad(slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level), "log.level", "%q is no level: write debug, info, warn or error", c.Log.Level)
	bad(slices.Contains([]string{"text", "json"}, c.Log.Format), "log.format", "%q is no format: write text or json", c.Log.Format)

	bad(c.Limits.MaxBody >= 1024, "limits.max_body", "write at least 1KiB")
	for key, d := range map[string]time.Duration{
		"limits.header_timeout": c.Limits.HeaderTimeout, "limits.body_timeout": c.Limits.BodyTimeout,
		"limits.write_timeout": c.Limits.WriteTimeout, "limits.request_timeout": c.Limits.RequestTimeout,
	} {
		bad(d > 0, key, "write a duration above 0, such as 30s")
	}
	bad(c.Limits.Requests >= 0, "limits.requests_per_minute", "write 0 or more")
	bad(c.Limits.Tokens >= 0, "limits.tokens_per_minute", "write 0 or more")
	bad(c.Limits.QueueLength >= 1, "limits.queue_length", "write 1 or more")
	if c.Redis.URL != "" {
		u, err := url.Parse(c.Redis.URL)
		bad(err == nil && slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme), "redis.url", "%q is no Redis: write redis://USER:PASSWORD@HOST:PORT/DB", maskURL(c.Redis.URL))
	}
	bad(c.Redis.Away == "open" || c.Redis.Away == "closed", "redis.away", "%q is no choice: write open or closed", c.Redis.Away)
	if c.Mail.URL != "" {
		u, err := url.Parse(c.Mail.URL)
		bad(err == nil && (u.Scheme == "smtp" || u.Scheme == "smtps") && u.Hostname() != "", "mail.url",
			"%q is no mail server: write smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT", maskURL(c.Mail.URL))
		_, err = mail.ParseAddress(c.Mail.From)
		bad(err == nil, "mail.from", "%q is no address: write parley@example.com or Parley <parley@example.com>", c.Mail.From)
	}
	if sso := c.SSO; sso.Issuer != "" {
		u, err := url.Parse(sso.Issuer)
		local := err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
		bad(isHTTP(sso.Issuer) && (u.Scheme == "https" || local) && u.RawQuery == "" && u.Fragment == "", "sso.issuer", "%q is no provider: write https://HOST/…", maskURL(sso.Issuer))
		bad(sso.ClientID != "", "sso.client_id", "write what the provider calls this server")
		bad(slices.Contains(strings.Fields(sso.Scopes), "openid"), "sso.scopes", "%q lacks openid", sso.Scopes)
		bad(c.BaseURL != "", "base_url", "single sign-on needs it: the provider sends browsers back to BASE_URL/signin/sso/callback")
	}
	kind, rest, _ := strings.Cut(c.Blob.URL, "://")
	bad(c.Blob.URL == "" || slices.Contains([]string{"file", "s3", "gs", "azblob"}, kind) && rest != "", "blob.url", "write file:///DIR, s3://BUCKET, gs://BUCKET or azblob://CONTAINER")
	bad(slices.Contains([]string{"auto", "true", "false"}, c.StatusPage), "status_page", "%q is no choice: write true, false or auto", c.StatusPage)
	bad(c.RetentionDays >= 0 && c.RetentionDays <= 365, "retention_days", "write 0 to 365")
	bad(c.ShutdownGrace >= 0, "shutdown_grace", "write a duration, such as 30s")
	bad(c.Engine.IdleUnload >= 0, "engine.idle_unload", "write a duration, such as 15m, or 0 for never")
	bad(c.Engine.HangAfter >= 0, "engine.hang_after", "write a duration, such as 60s, or 0 for never")
	for key, v := range map[string]int{
		"engine.threads": c.Engine.Threads, "engine.slots": c.Engine.Slots, "engine.cells": c.Engine.Cells, "engine.context": c.Engine.Context,
	} {
		bad(v >= 0, key, "write 0 or more")
	}
	bad(c.Engine.Slots <= 256, "engine.slots", "write 256 or less")
	for _, origin := range c.Origins() {
		bad(origin == "*" || isOrigin(origin), "allow_origins", "%q is no origin of web pages: write https://HOST, or *", origin)
	}
	_, perr = c.TrustedProxies()
	bad(perr == nil, "trusted_proxies", "%v: write networks such as 10.0.0.0/8, with commas between them", perr)
	bad(c.Sessions.Idle >= time.Minute, "sessions.idle", "write a duration of 1m or more, such as 720h")
	bad(c.Sessions.Lifetime == 0 || c.Sessions.Lifetime >= time.Minute, "sessions.lifetime", "write a duration of 1m or more, such as 12h, or 0 for never")
	bad(c.BaseURL == "" || isHTTP(c.BaseURL), "base_url", "%q is no address: write https://HOST", c.BaseURL)

	for name, model := range c.Aliases {
		bad(name != "" && model != "" && name != model, "aliases", "%q: %q: write NAME: MODEL with two different names", name, model)
	}
	seen := map[string]bool{}
	b := c.Sandbox
	bad(slices.Contains([]string{"auto", "gvisor", "bubblewrap", "off"}, b.Kind), "sandbox.kind", "write auto, gvisor, bubblewrap or off")
	bad(b.Pool >= 0 && b.Most >= 1 && b.Pool <= b.Most, "sandbox.pool", "write 0 to sandbox.most, which is 1 or more")
	bad(b.Idle >= time.Second, "sandbox.idle", "write 1s or more")
	limits := append([]SandboxLimits{{"", b.CPUs, b.Memory, b.Disk, b.PIDs, b.Time, b.Output}}, b.Organizations...)
	for i, l := range limits {
		key := "sandbox"
		if i > 0 {
			key = fmt.Sprintf("sandbox.organizations[%d]", i-1)
			bad(l.Organization != "", key, "name the organization by its id")
		}
		// 0 is as for all, or the default.
		bad(l.CPUs == 0 || l.CPUs >= 0.1, key+".cpus", "write 0.1 or more")
		bad(l.Memory == 0 || l.Memory >= 64<<20, key+".memory", "write 64MiB or more")
		bad(l.Disk == 0 || l.Disk >= 1<<20, key+".disk", "write 1MiB or more")
		bad(l.PIDs == 0 || l.PIDs >= 4, key+".pids", "write 4 or more")
		bad(l.Time == 0 || l.Time >= time.Second, key+".time", "write 1s or more")
		bad(l.Output == 0 || l.Output >= 1000, key+".output", "write 1000 or more")
	}
	for i, r := range c.Remotes {
		bad(r.Name != "" && !seen[r.Name], "remotes", "entry %d: each needs a name of its own", i+1)
		bad(isHTTP(r.URL), "remotes", "entry %d: %q is no address: write url: http://HOST:PORT/v1", i+1, maskURL(r.URL))
		seen[r.Name] = true
	}
	return errors.Join(errs...)
}

// TrustedProxies are the networks whose word on where a request came from is believed. A lone address is a network of one.
func (c *Config) TrustedProxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range strings.FieldsFunc(c.Proxies, func(r rune) bool { return r == ',' || r == ' ' }) {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			out = append(out, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no network", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Origins are the origins of web pages that may call with an API key: none, or "*" for all.
func (c *Config) Origins() []string {
	return strings.FieldsFunc(c.AllowOrigins, func(r rune) bool { return r == ',' || r == ' ' })
}

// PublicStatus reports whether everybody may see the status page. With auto only while the server listens for this machine alone and no
// other address is said to lead to it: what is up and what was down is nobody's secret on one's own machine, and on others the operator decides.
func (c *Config) PublicStatus() bool {
	if c.StatusPage != "auto" {
		return c.StatusPage == "true"
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil || !isLoopback(host) {
		return false
	}
	u, err := url.Parse(c.BaseURL)
	return c.BaseURL == "" || err == nil && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isOrigin reports whether browsers could send s as Origin.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && isHTTP(s) && s == u.Scheme+"://"+u.Host
}

func isHTTP(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// fail returns an error that names the setting and its source.
func (c *Config) fail(key, format string, args ...any) error {
	source := "default"
	for _, s := range c.settings {
		if s.Key == key {
			source = s.Source
		}
	}
	return fmt.Errorf("%s (%s): %s", key, source, fmt.Sprintf(format, args...))
}

const mask = "********"

// maskURL hides the password of an address, if there is one.
func maskURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable address)"
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "x")
		s = strings.Replace(u.String(), ":x@", ":"+mask+"@", 1)
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "x")
		u.RawQuery = q.Encode()
		s = strings.Replace(u.String(), "password=x", "password="+mask, 1)
	}
	return s
}

// print writes a value as one would in a file, with keys and passwords masked.
func (f field) print(c *Config) string {
	v := reflect.ValueOf(c).Elem().FieldByIndex(f.index).Interface()
	switch v := v.(type) {
	case []Remote:
		masked := make([]map[string]any, len(v))
		for i, r := range v {
			masked[i] = map[string]any{"name": r.Name, "url": maskURL(r.URL), "models": r.Models}
			if r.APIKey != "" {
				masked[i]["api_key"] = mask
			}
		}
		return jsonText(masked)
	case map[string]string, []SandboxLimits:
		return jsonText(v)
	case string:
		if f.tag.Get("secret") != "" && v != "" {
			return mask
		}
		if strings.Contains(v, "://") {
			return maskURL(v)
		}
		return v
	}
	return fmt.Sprint(v)
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// suggest returns ", did you mean …?" when a known name is close to a wrong one.
func suggest[T any](wrong string, known map[string]T) string {
	best, dist := "", len(wrong)/3+2
	for name := range known {
		// The last part alone is a likely slip too: max_body for limits.max_body.
		d := distance(wrong, name)
		if strings.HasSuffix(name, "."+wrong) {
			d = 1
		}
		if d < dist || d == dist && best != "" && name < best {
			best, dist = name, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// distance is the number of letters to insert, delete or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
