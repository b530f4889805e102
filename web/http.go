package web

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// noncePlaceholder stands in index.html where each response gets its own nonce. The scroll lock of
// dialogs adds a <style> element; the nonce allows that one without allowing every inline style.
const noncePlaceholder = "__CSP_NONCE__"

// Handler serves the app: files of the build, and index.html for every other page path. In a binary
// without the app each page says how to build one.
func Handler() http.Handler {
	fsys, ok := FS()
	if !ok {
		return http.HandlerFunc(serveMissing)
	}
	return newApp(fsys)
}

// Serves tells whether the app answers this request: a page that a browser navigates to, or a file. All
// else is an API call to an unknown path, which deserves an API error. The server asks it for paths
// that no route has.
func Serves(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	p := path.Clean("/" + r.URL.Path)
	switch {
	case isAPI(p):
		return false
	case p == "/", path.Ext(p) != "":
		return true
	}
	return isPagePath(p) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func isAPI(p string) bool {
	for _, prefix := range []string{"/v1", "/api"} {
		if p == prefix || strings.HasPrefix(p, prefix+"/") {
			return true
		}
	}
	return false
}

// isPagePath refuses the APIs' paths and names of files, so that a missing script is a 404 and not a
// page that the browser would try to run.
func isPagePath(p string) bool {
	p = path.Clean("/" + p)
	return !isAPI(p) && !strings.HasPrefix(p+"/", "/assets/") && path.Ext(p) == ""
}

// file is what is known of one built file before it is asked for.
type file struct {
	contentType string
	etag        string // empty for hashed names, whose content never changes
	br, gz      bool   // a compressed variant lies beside it
}

type app struct {
	fsys  fs.FS
	index []byte
	files map[string]file
}

func newApp(fsys fs.FS) *app {
	a := &app{fsys: fsys, files: map[string]file{}}
	a.index, _ = fs.ReadFile(fsys, "index.html")
	exists := func(name string) bool {
		_, err := fs.Stat(fsys, name)
		return err == nil
	}
	_ = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "index.html" {
			return err
		}
		ext := path.Ext(name)
		if (ext == ".br" || ext == ".gz") && exists(strings.TrimSuffix(name, ext)) {
			return nil
		}
		f := file{contentType: contentType(ext), br: exists(name + ".br"), gz: exists(name + ".gz")}
		if !strings.HasPrefix(name, "assets/") {
			body, err := fs.ReadFile(fsys, name)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(body)
			f.etag = hex.EncodeToString(sum[:8])
		}
		a.files[name] = f
		return nil
	})
	return a
}

// contentType names the types that the build makes itself: the machine's own table of types differs
// from host to host.
func contentType(ext string) string {
	switch ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if f, ok := a.files[name]; ok {
		a.serveFile(w, r, name, f)
		return
	}
	if name != "" && name != "index.html" && !isPagePath(r.URL.Path) {
		secure(w.Header(), "")
		http.NotFound(w, r)
		return
	}
	nonce := newNonce()
	body := bytes.ReplaceAll(a.index, []byte(noncePlaceholder), []byte(nonce))
	servePage(w, r, http.StatusOK, nonce, body)
}

func (a *app) serveFile(w http.ResponseWriter, r *http.Request, name string, f file) {
	h := w.Header()
	secure(h, "")
	h.Set("Content-Type", f.contentType)
	variant, encoding := name, ""
	if f.br || f.gz {
		h.Set("Vary", "Accept-Encoding")
		switch accepted := r.Header.Get("Accept-Encoding"); {
		case f.br && accepts(accepted, "br"):
			variant, encoding = name+".br", "br"
		case f.gz && accepts(accepted, "gzip"):
			variant, encoding = name+".gz", "gzip"
		}
	}
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	if f.etag == "" {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		// One tag per representation: a cache must not answer a gzip request with brotli bytes.
		etag := `"` + f.etag + encoding + `"`
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		if strings.Contains(r.Header.Get("If-None-Match"), etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	src, err := a.fsys.Open(variant)
	if err != nil {
		http.Error(w, "file not readable", http.StatusInternalServerError)
		return
	}
	defer src.Close()
	if info, err := src.Stat(); err == nil {
		h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = io.Copy(w, src)
}

// accepts reads one coding from an Accept-Encoding header; `br;q=0` refuses it.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, isQ := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !isQ || err != nil || weight > 0
	}
	return false
}

func servePage(w http.ResponseWriter, r *http.Request, status int, nonce string, body []byte) {
	h := w.Header()
	secure(h, nonce)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// secure sets what keeps a page to itself: no script but our own files, no picture from elsewhere (a
// model's answer could carry a chat away in an image address), no frame around it, no referrer (the
// sign-in address holds a token).
func secure(h http.Header, nonce string) {
	style := "'self'"
	if nonce != "" {
		style += " 'nonce-" + nonce + "'"
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src "+style+
		"; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'"+
		"; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), payment=(), usb=()")
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// serveMissing answers for a binary without the app: the API works, the page says what is missing.
func serveMissing(w http.ResponseWriter, r *http.Request) {
	if !isPagePath(r.URL.Path) {
		secure(w.Header(), "")
		http.NotFound(w, r)
		return
	}
	servePage(w, r, http.StatusOK, "", []byte(missingPage))
}

const missingPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Parley</title>
</head>
<body>
<main>
<h1>Parley is running, without its web app</h1>
<p>This binary was built without the tag <code>web</code>. The API works; for the pages, build it with the app:</p>
<pre>make build
bin/parley serve</pre>
<p>That needs Node 20 or newer. The API's documents are at <a href="/openapi.json">/openapi.json</a>.</p>
</main>
</body>
</html>
`
