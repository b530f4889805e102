// Package hub reads the metadata of a model hub that speaks Hugging Face's protocol: which files a
// repository has, how large they are and what their sha256 is, so that a pull can be pinned before
// its first byte. HF_ENDPOINT names another hub and HF_TOKEN an account; the token goes to that
// endpoint alone, never to the CDN it redirects to, and never into a log or an error.
package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
)

// DefaultEndpoint is used when nothing else is set.
const DefaultEndpoint = "https://huggingface.co"

// Client asks one hub.
type Client struct {
	HTTP     *http.Client
	Endpoint string // empty: HF_ENDPOINT, else DefaultEndpoint
	Token    string // empty: HF_TOKEN
}

// File is a file of a repository.
type File struct {
	Path   string
	Size   int64
	SHA256 string // of large files; small ones that git keeps itself have none
	Commit string // the commit that was looked at, when known
	URL    string // where it is downloaded from
}

// Base is the hub's address without a slash at the end.
func (c Client) Base() string {
	return strings.TrimRight(cmp.Or(c.Endpoint, os.Getenv("HF_ENDPOINT"), DefaultEndpoint), "/")
}

func (c Client) token() string { return cmp.Or(c.Token, os.Getenv("HF_TOKEN")) }

// Header is what a request to a URL of this hub needs. It is empty for any other host.
func (c Client) Header(target string) http.Header {
	h := http.Header{}
	h.Set("User-Agent", "parley")
	if c.token() != "" && strings.HasPrefix(target, c.Base()+"/") {
		h.Set("Authorization", "Bearer "+c.token())
	}
	return h
}

var commitRE = regexp.MustCompile(`^[0-9a-f]{40}$`)
var sha256RE = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (c Client) resolveURL(repo, revision, file string) string {
	var parts []string
	for _, p := range strings.Split(file, "/") {
		parts = append(parts, url.PathEscape(p))
	}
	return fmt.Sprintf("%s/%s/resolve/%s/%s", c.Base(), repo, url.PathEscape(cmp.Or(revision, "main")), strings.Join(parts, "/"))
}

// Stat returns size, sha256 and commit of one file, from the hub's own headers.
func (c Client) Stat(ctx context.Context, repo, revision, file string) (File, error) {
	target := c.resolveURL(repo, revision, file)
	client := *c.HTTP
	// The headers stand on the hub's answer; the CDN that it redirects to does not repeat them. A
	// renamed repository redirects inside the hub, which is followed.
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) > 5 || !strings.HasPrefix(req.URL.String(), c.Base()+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, target, nil)
	if err != nil {
		return File{}, err
	}
	req.Header = c.Header(target)
	// Without this the size would be that of a compressed form.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := client.Do(req)
	if err != nil {
		return File{}, c.unreachable(err)
	}
	res.Body.Close()
	if res.StatusCode >= 400 {
		return File{}, c.refusal(res, repo, file)
	}
	f := File{Path: file, URL: target, Size: res.ContentLength, Commit: res.Header.Get("X-Repo-Commit")}
	if n, err := strconv.ParseInt(res.Header.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 {
		f.Size = n
	} else if res.StatusCode >= 300 || f.Size < 0 {
		f.Size = 0 // not known: the length of a redirect says nothing about the file
	}
	etag := res.Header.Get("X-Linked-Etag")
	if etag == "" {
		etag = res.Header.Get("Etag")
	}
	if etag = strings.Trim(strings.TrimPrefix(etag, "W/"), `"`); sha256RE.MatchString(etag) {
		f.SHA256 = etag
	}
	if commitRE.MatchString(f.Commit) {
		// From here on exactly this version is meant, whatever is pushed meanwhile.
		f.URL = c.resolveURL(repo, f.Commit, file)
	} else {
		f.Commit = ""
	}
	return f, nil
}

// List returns the files of a repository.
func (c Client) List(ctx context.Context, repo, revision string) ([]File, error) {
	next := fmt.Sprintf("%s/api/models/%s/tree/%s?recursive=true", c.Base(), repo, url.PathEscape(cmp.Or(revision, "main")))
	var files []File
	for pages := 0; next != "" && pages < 50; pages++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, next, nil)
		if err != nil {
			return nil, err
		}
		req.Header = c.Header(next)
		res, err := c.HTTP.Do(req)
		if err != nil {
			return nil, c.unreachable(err)
		}
		page, err := c.readTree(res, repo, revision)
		if err != nil {
			return nil, err
		}
		files = append(files, page...)
		next = nextPage(res.Header.Get("Link"))
	}
	return files, nil
}

func (c Client) readTree(res *http.Response, repo, revision string) ([]File, error) {
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, c.refusal(res, repo, "")
	}
	var rows []struct {
		Type string `json:"type"`
		Path string `json:"path"`
		Size int64  `json:"size"`
		LFS  *struct {
			OID  string `json:"oid"`
			Size int64  `json:"size"`
		} `json:"lfs"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 32<<20)).Decode(&rows); err != nil {
		return nil, fmt.Errorf("the list of files of %s could not be read: %w", repo, err)
	}
	var files []File
	for _, row := range rows {
		if row.Type != "file" {
			continue
		}
		f := File{Path: row.Path, Size: row.Size, URL: c.resolveURL(repo, revision, row.Path)}
		if row.LFS != nil && sha256RE.MatchString(row.LFS.OID) {
			f.SHA256, f.Size = row.LFS.OID, row.LFS.Size
		}
		f.Size = max(0, f.Size)
		files = append(files, f)
	}
	return files, nil
}

var linkNext = regexp.MustCompile(`<([^>]+)>;\s*rel="next"`)

func nextPage(link string) string {
	if m := linkNext.FindStringSubmatch(link); m != nil {
		return m[1]
	}
	return ""
}

// refusal words a status of the hub for people.
func (c Client) refusal(res *http.Response, repo, file string) error {
	what := repo
	if file != "" {
		what += "/" + file
	}
	page := c.Base() + "/" + repo
	code := res.Header.Get("X-Error-Code")
	switch {
	case code == "GatedRepo" || res.StatusCode == http.StatusForbidden:
		return fault.New(fault.Forbidden, "%s is gated: accept its terms at %s, make a token there and set HF_TOKEN to it", what, page).WithCode("gated_repo")
	case res.StatusCode == http.StatusUnauthorized:
		// The hub answers 401 for what does not exist as well, so as not to tell what is private.
		return fault.New(fault.Unauthorized, "%s does not exist, or is private or gated: check the name at %s; if it is gated accept its terms there and set HF_TOKEN", what, page).WithCode("gated_repo")
	case res.StatusCode == http.StatusNotFound:
		return fault.New(fault.NotFound, "%s does not exist on %s (%s)", what, c.Base(), cmp.Or(code, "404"))
	case res.StatusCode == http.StatusTooManyRequests:
		return fault.New(fault.RateLimited, "%s asks to slow down (429): try again in some minutes, or set HF_TOKEN", c.Base())
	}
	return fault.New(fault.Unavailable, "%s answered %d for %s", c.Base(), res.StatusCode, what)
}

// unreachable words a request that got no answer.
func (c Client) unreachable(err error) error {
	return fault.New(fault.Unavailable, "%s cannot be reached (HF_ENDPOINT names another hub)", c.Base()).WithCause(Scrub(err))
}

// Scrub takes the query (signed CDN addresses) and credentials out of a client's error.
func Scrub(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if parsed, perr := url.Parse(u.URL); perr == nil {
			parsed.RawQuery, parsed.User = "", nil
			u.URL = parsed.String()
		}
	}
	return err
}

// Reachable reports whether the hub answers at all. Give ctx a short deadline.
func (c Client) Reachable(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.Base()+"/", nil)
	if err != nil {
		return false
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode < 500
}

// Preference is the order in which weight formats are taken when a reference names no file: small
// enough for most machines first, then what ggml runs fast on a CPU.
var Preference = []string{"Q4_K_M", "Q4_0", "Q4_K_S", "Q5_K_M", "Q8_0", "Q6_K", "MXFP4", "F16", "BF16"}

var splitRE = regexp.MustCompile(`-\d{5}-of-\d{5}\.gguf$`)

// Choose picks the model file of a repository when a reference names none.
func Choose(repo string, files []File) (File, error) {
	var whole []File
	splits := 0
	for _, f := range files {
		name := strings.ToLower(path.Base(f.Path))
		switch {
		case !strings.HasSuffix(name, ".gguf") || strings.Contains(name, "mmproj") || strings.Contains(name, "imatrix"):
		case splitRE.MatchString(name):
			splits++
		default:
			whole = append(whole, f)
		}
	}
	for _, want := range Preference {
		i := slices.IndexFunc(whole, func(f File) bool {
			return strings.Contains(strings.ToUpper(strings.ReplaceAll(path.Base(f.Path), "-", "_")), want)
		})
		if i >= 0 {
			return whole[i], nil
		}
	}
	switch {
	case len(whole) > 0:
		return whole[0], nil
	case splits > 0:
		return File{}, fault.New(fault.Invalid, "%s has its GGUF files in parts only, which Parley does not load: choose a repository with whole files", repo)
	}
	return File{}, fault.New(fault.Invalid, "%s has no GGUF file: choose a repository that has one (they are often named …-GGUF)", repo)
}

// Split reports whether a file name is one part of a model in several files.
func Split(name string) bool { return splitRE.MatchString(strings.ToLower(name)) }
