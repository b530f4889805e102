package pull

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/hub"
)

// Remote is a file to download.
type Remote struct {
	URL    string
	Name   string
	SHA256 string // pinned; empty takes what comes and pins that
	Bytes  int64  // pinned; 0 is not known
	header func(url string) http.Header
}

// attempts without a single new byte before a download gives up.
const attempts = 5

// idle is how long a connection may bring nothing.
const idle = 60 * time.Second

// Hub returns the hub client of these options.
func (o Options) Hub() hub.Client {
	return hub.Client{HTTP: o.HTTP, Endpoint: o.Endpoint, Token: o.Token}
}

func hubPage(o Options, repo string) string { return o.Hub().Base() + "/" + repo }

// fromHub pulls an entry's files from a repository; sizes and hashes come from the hub where the
// catalog has none, and where both have them they must agree.
func fromHub(ctx context.Context, e *catalog.Entry, src *catalog.Source, o Options) (Result, error) {
	r := Result{Source: "hf:" + src.Repo}
	for _, f := range e.Files {
		got, commit, err := HubFile(ctx, src.Repo, src.Revision, src.PathsOf(f.Name)[0], f.SHA256, o)
		if err != nil {
			return Result{}, err
		}
		got.Name = f.Name
		if commit != "" {
			r.Source = "hf:" + src.Repo + "@" + commit
		}
		r.Files = append(r.Files, got)
	}
	return r, nil
}

// HubFile pulls one file of a repository. want pins its sha256; empty takes the hub's own.
func HubFile(ctx context.Context, repo, revision, file, want string, o Options) (got File, commit string, err error) {
	h := o.Hub()
	meta, err := h.Stat(ctx, repo, revision, file)
	if err != nil {
		return File{}, "", err
	}
	if want != "" && meta.SHA256 != "" && meta.SHA256 != want {
		return File{}, "", &blobs.MismatchError{Path: "hf:" + repo + "/" + file, Want: want, Got: meta.SHA256, Size: meta.Size}
	}
	got, err = Download(ctx, Remote{URL: meta.URL, Name: path.Base(file), SHA256: cmp.Or(want, meta.SHA256), Bytes: meta.Size, header: h.Header}, o)
	return got, meta.Commit, err
}

// Download brings a file into the store, resuming where an earlier try was cut.
func Download(ctx context.Context, rem Remote, o Options) (File, error) {
	key := cmp.Or(rem.SHA256, rem.URL)
	unlock, err := o.Store.Lock(ctx, blobs.FileLock(key), func() { o.report("waiting", 0, rem.Bytes) })
	if err != nil {
		return File{}, err
	}
	defer unlock()
	if rem.SHA256 != "" && o.Store.Has(rem.SHA256, rem.Bytes) {
		info, err := os.Stat(o.Store.Path(rem.SHA256))
		if err != nil {
			return File{}, err
		}
		return File{Name: rem.Name, Path: o.Store.Path(rem.SHA256), SHA256: rem.SHA256, Bytes: info.Size()}, nil
	}
	if o.Began != nil {
		o.Began(key)
	}
	d := &download{Remote: rem, o: o, part: o.Store.Partial(key)}
	if err := d.open(); err != nil {
		return File{}, err
	}
	defer d.file.Close()
	if err := room(o.Store, d.Bytes-d.have); err != nil {
		return File{}, err
	}
	if err := d.run(ctx); err != nil {
		return File{}, err
	}
	return d.finish()
}

// download is one file on its way: what is there lies in part, and beside it what the server said.
type download struct {
	Remote
	o    Options
	part string
	file *os.File
	hash hash.Hash
	have int64
	was  validator
}

// validator is what tells that the rest still belongs to the beginning.
type validator struct {
	URL          string `json:"url"`
	ETag         string `json:"etag"`
	LastModified string `json:"last_modified"`
}

func (d *download) open() error {
	if err := os.MkdirAll(path.Dir(strings.ReplaceAll(d.part, `\`, "/")), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(d.part, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	d.file, d.hash = f, sha256.New()
	if data, err := os.ReadFile(d.part + ".json"); err == nil && json.Unmarshal(data, &d.was) != nil {
		d.was = validator{}
	}
	d.have, err = io.Copy(d.hash, f)
	if err == nil && d.have > 0 && (!d.resumable() || d.Bytes > 0 && d.have > d.Bytes) {
		err = d.restart()
	}
	if err != nil {
		f.Close()
	}
	return err
}

// resumable says whether a rest may be appended: the server can check that it is the same file, or
// the pinned hash will.
func (d *download) resumable() bool {
	return d.SHA256 != "" || d.was.URL == d.URL && d.ifRange() != ""
}

func (d *download) ifRange() string {
	if d.was.ETag != "" && !strings.HasPrefix(d.was.ETag, "W/") {
		return d.was.ETag
	}
	return d.was.LastModified
}

func (d *download) restart() error {
	d.have, d.hash = 0, sha256.New()
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	_, err := d.file.Seek(0, io.SeekStart)
	return err
}

func (d *download) run(ctx context.Context) error {
	for failures := 0; ; {
		if d.Bytes > 0 && d.have == d.Bytes {
			return nil
		}
		before := d.have
		done, err := d.try(ctx)
		if done {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if final(err) {
			return err
		}
		if d.have > before {
			failures = 0
		}
		// Nobody there at all is most often no network: telling so soon is better than hoping.
		var dial *net.OpError
		patience := attempts
		if errors.As(err, &dial) && dial.Op == "dial" {
			patience = 2
		}
		if failures++; failures >= patience {
			if d.have == 0 {
				return fault.New(fault.Unavailable, "%s was not pulled from %s", d.Name, hostOf(d.URL)).WithCause(err)
			}
			return fault.New(fault.Unavailable, "%s was not pulled, its download ended after %d of %d bytes; the same command goes on from there", d.Name, d.have, d.Bytes).WithCause(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(failures*failures) * d.o.backoff()):
		}
	}
}

// final says whether trying again cannot help.
func final(err error) bool {
	var disk *os.PathError
	var bad *blobs.MismatchError
	var tls *url.Error
	if errors.As(err, &bad) || errors.As(err, &disk) {
		return true
	}
	if errors.As(err, &tls) && strings.Contains(err.Error(), "certificate") {
		return true
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable:
		return false
	}
	return true
}

// try makes one request and appends what it brings.
func (d *download) try(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(idle, cancel)
	defer timer.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL, nil)
	if err != nil {
		return false, fault.New(fault.Invalid, "%s is not an address that can be fetched", d.URL).WithCause(err)
	}
	if d.header != nil {
		req.Header = d.header(d.URL)
	}
	req.Header.Set("Accept-Encoding", "identity")
	if d.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.have))
		if v := d.ifRange(); v != "" && d.was.URL == d.URL {
			req.Header.Set("If-Range", v)
		}
	}
	client := *d.o.HTTP
	client.CheckRedirect = d.redirect
	res, err := client.Do(req)
	if err != nil {
		return false, hub.Scrub(err)
	}
	defer res.Body.Close()
	if err := d.accept(res); err != nil {
		return false, err
	}
	return d.append(res, timer)
}

// redirect follows to the CDN, but takes the token along to the hub itself alone.
func (d *download) redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("too many redirects")
	}
	if d.header == nil || d.header(req.URL.String()).Get("Authorization") == "" {
		req.Header.Del("Authorization")
	}
	return nil
}

// accept reads the status: 206 goes on, 200 starts over, anything else is an error.
func (d *download) accept(res *http.Response) error {
	switch res.StatusCode {
	case http.StatusPartialContent:
		start, total, ok := contentRange(res.Header.Get("Content-Range"))
		if !ok || start != d.have {
			if err := d.restart(); err != nil {
				return err
			}
			return fault.New(fault.Unavailable, "%s answered another range than was asked for", hostOf(d.URL))
		}
		if d.Bytes == 0 {
			d.Bytes = total
		}
	case http.StatusOK:
		// The server does not resume, or the file changed: everything comes again.
		if d.have > 0 {
			if err := d.restart(); err != nil {
				return err
			}
		}
		if d.Bytes == 0 && res.ContentLength > 0 {
			d.Bytes = res.ContentLength
			if err := room(d.o.Store, d.Bytes); err != nil {
				return err
			}
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if err := d.restart(); err != nil {
			return err
		}
		return fault.New(fault.Unavailable, "%s does not have the range that was asked for", hostOf(d.URL))
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.New(fault.Forbidden, "%s refuses access to %s (%d): if it is gated, accept its terms there and set HF_TOKEN", hostOf(d.URL), d.Name, res.StatusCode)
	case http.StatusNotFound, http.StatusGone:
		return fault.New(fault.NotFound, "%s has no %s (%d)", hostOf(d.URL), d.Name, res.StatusCode)
	default:
		return fault.New(fault.Unavailable, "%s answered %d for %s", hostOf(d.URL), res.StatusCode, d.Name)
	}
	d.was = validator{URL: d.URL, ETag: res.Header.Get("Etag"), LastModified: res.Header.Get("Last-Modified")}
	data, err := json.Marshal(d.was)
	if err != nil {
		return err
	}
	return blobs.WriteFile(d.part+".json", data, 0o644)
}

func (d *download) append(res *http.Response, timer *time.Timer) (done bool, err error) {
	buf := make([]byte, 256<<10)
	for {
		n, err := res.Body.Read(buf)
		timer.Reset(idle)
		if n > 0 {
			if d.Bytes > 0 && d.have+int64(n) > d.Bytes {
				return false, fault.New(fault.Invalid, "%s: more than the %d bytes that were announced", d.Name, d.Bytes)
			}
			if _, werr := d.file.Write(buf[:n]); werr != nil {
				return false, werr
			}
			d.hash.Write(buf[:n])
			d.have += int64(n)
			d.o.report("download", d.have, d.Bytes)
		}
		if errors.Is(err, io.EOF) {
			if d.Bytes > 0 && d.have < d.Bytes {
				return false, io.ErrUnexpectedEOF
			}
			return true, nil
		}
		if err != nil {
			return false, hub.Scrub(err)
		}
	}
}

func (d *download) finish() (File, error) {
	sha := hex.EncodeToString(d.hash.Sum(nil))
	if d.SHA256 != "" && sha != d.SHA256 {
		bad := &blobs.MismatchError{Path: d.URL, Want: d.SHA256, Got: sha, Size: d.have, WantSize: d.Bytes}
		// Going on from wrong bytes would never end well: the next try begins anew.
		return File{}, errors.Join(bad, d.drop())
	}
	if err := d.file.Sync(); err != nil {
		return File{}, err
	}
	if err := d.file.Close(); err != nil {
		return File{}, err
	}
	if err := d.o.Store.Place(d.part, sha); err != nil {
		return File{}, err
	}
	if err := os.Remove(d.part + ".json"); err != nil {
		return File{}, err
	}
	return File{Name: d.Name, Path: d.o.Store.Path(sha), SHA256: sha, Bytes: d.have}, nil
}

func (d *download) drop() error {
	d.file.Close()
	return errors.Join(os.Remove(d.part), os.Remove(d.part+".json"))
}

// contentRange reads "bytes 100-199/200". The total is 0 when the server does not say it.
func contentRange(text string) (start, total int64, ok bool) {
	rest, ok := strings.CutPrefix(text, "bytes ")
	if !ok {
		return 0, 0, false
	}
	span, size, ok := strings.Cut(rest, "/")
	if !ok {
		return 0, 0, false
	}
	first, _, ok := strings.Cut(span, "-")
	if !ok {
		return 0, 0, false
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil || start < 0 {
		return 0, 0, false
	}
	if size != "*" {
		if total, err = strconv.ParseInt(size, 10, 64); err != nil || total < 0 {
			return 0, 0, false
		}
	}
	return start, total, true
}

func hostOf(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Host
	}
	return text
}
