package pull

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/models/blobs"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/hub"
)

// testHub is a small model hub: metadata here, bytes on a CDN of another host, as the real one does.
type testHub struct {
	*httptest.Server
	cdn      *httptest.Server
	data     []byte
	token    string       // needed to read; empty lets everybody
	noRange  bool         // the CDN answers 200 with everything
	noMeta   bool         // the hub sends no X-Linked-* headers
	lie      bool         // the CDN serves other bytes of the same length
	etag     atomic.Value // of the CDN
	cuts     atomic.Int32 // how many answers to cut in the middle
	requests atomic.Int32 // bodies that the CDN began
	ranges   sync.Map     // Range headers seen
	leaked   atomic.Bool  // the CDN saw the token
	mu       sync.Mutex   // guards data and slow against answers that still run
	slow     chan struct{}
}

func newHub(t *testing.T, size int) *testHub {
	t.Helper()
	h := &testHub{data: bytes.Repeat([]byte("0123456789abcdef"), size/16)}
	h.etag.Store(`"v1"`)
	h.cdn = httptest.NewServer(http.HandlerFunc(h.serveCDN))
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	t.Cleanup(h.cdn.Close)
	return h
}

func (h *testHub) sha() string {
	sum := sha256.Sum256(h.data)
	return hex.EncodeToString(sum[:])
}

const commit = "0123456789abcdef0123456789abcdef01234567"

func (h *testHub) serve(w http.ResponseWriter, r *http.Request) {
	if h.token != "" && r.Header.Get("Authorization") != "Bearer "+h.token {
		w.Header().Set("X-Error-Code", "GatedRepo")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/models/me/model-GGUF/tree/"):
		json.NewEncoder(w).Encode([]map[string]any{
			{"type": "directory", "path": "x"},
			{"type": "file", "path": "README.md", "size": 10},
			{"type": "file", "path": "mmproj-Q4_K_M.gguf", "size": 1, "lfs": map[string]any{"oid": h.sha(), "size": 1}},
			{"type": "file", "path": "model-Q8_0.gguf", "size": 1, "lfs": map[string]any{"oid": h.sha(), "size": 1}},
			{"type": "file", "path": "model-Q4_K_M.gguf", "size": 100, "lfs": map[string]any{"oid": h.sha(), "size": len(h.data)}},
		})
	case strings.HasPrefix(r.URL.Path, "/me/model-GGUF/resolve/") && strings.HasSuffix(r.URL.Path, "model-Q4_K_M.gguf"):
		if !h.noMeta {
			w.Header().Set("X-Repo-Commit", commit)
			w.Header().Set("X-Linked-Size", strconv.Itoa(len(h.data)))
			w.Header().Set("X-Linked-Etag", `"`+h.sha()+`"`)
		}
		http.Redirect(w, r, h.cdn.URL+"/blob?signature=secret", http.StatusFound)
	default:
		w.Header().Set("X-Error-Code", "EntryNotFound")
		w.WriteHeader(http.StatusNotFound)
	}
}

func (h *testHub) serveCDN(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		h.leaked.Store(true)
	}
	if r.Method == http.MethodHead {
		return
	}
	h.requests.Add(1)
	h.mu.Lock()
	data, slow, start := h.data, h.slow, 0
	h.mu.Unlock()
	if h.lie {
		data = bytes.ToUpper(data)
	}
	w.Header().Set("Etag", h.etag.Load().(string))
	want := r.Header.Get("Range")
	if want != "" {
		h.ranges.Store(want, true)
	}
	same := r.Header.Get("If-Range") == "" || r.Header.Get("If-Range") == h.etag.Load().(string)
	if want != "" && !h.noRange && same {
		fmt.Sscanf(want, "bytes=%d-", &start)
		if start >= len(data) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(data)-1, len(data)))
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-start))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	}
	rest := data[start:]
	if h.cuts.Add(-1) >= 0 {
		w.Write(rest[:len(rest)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	if slow != nil {
		w.Write(rest[:len(rest)/2])
		w.(http.Flusher).Flush()
		select {
		case <-slow:
		case <-r.Context().Done():
			return
		}
		rest = rest[len(rest)/2:]
	}
	w.Write(rest)
}

func (h *testHub) options(t *testing.T) Options {
	return Options{Store: blobs.Store{Dir: t.TempDir()}, HTTP: h.Client(), Endpoint: h.URL, Token: h.token, pause: time.Millisecond}
}

func (h *testHub) pull(t *testing.T, o Options) (File, error) {
	t.Helper()
	got, _, err := HubFile(context.Background(), "me/model-GGUF", "", "model-Q4_K_M.gguf", "", o)
	return got, err
}

func (h *testHub) check(t *testing.T, got File, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(got.Path)
	if err != nil || !bytes.Equal(data, h.data) || got.SHA256 != h.sha() {
		t.Fatalf("%d bytes of %d, sha256 %s, %v", len(data), len(h.data), got.SHA256, err)
	}
	if h.leaked.Load() {
		t.Error("the token went to the CDN")
	}
}

// cancelHalfWay starts a pull and ends it after half of the bytes, as Ctrl-C does.
func (h *testHub) cancelHalfWay(t *testing.T, o Options) {
	t.Helper()
	h.setSlow(make(chan struct{}))
	ctx, cancel := context.WithCancel(context.Background())
	half := int64(len(h.data) / 2)
	o.Progress = func(p Progress) {
		if p.Done >= half {
			cancel()
		}
	}
	if _, _, err := HubFile(ctx, "me/model-GGUF", "", "model-Q4_K_M.gguf", "", o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(h.slow)
	h.setSlow(nil)
}

func (h *testHub) setSlow(slow chan struct{}) {
	h.mu.Lock()
	h.slow = slow
	h.mu.Unlock()
}

func TestHubPullPinsFromMetadata(t *testing.T) {
	h := newHub(t, 1<<20)
	h.token = "hf_secret"
	o := h.options(t)
	var last Progress
	o.Progress = func(p Progress) { last = p }
	got, rev, err := HubFile(context.Background(), "me/model-GGUF", "", "model-Q4_K_M.gguf", "", o)
	h.check(t, got, err)
	if rev != commit {
		t.Errorf("commit %q", rev)
	}
	if want := (Progress{"download", 1 << 20, 1 << 20}); last != want {
		t.Errorf("last progress %+v, want %+v", last, want)
	}
	// A second pull needs no byte.
	before := h.requests.Load()
	got, err = h.pull(t, o)
	h.check(t, got, err)
	if h.requests.Load() != before {
		t.Error("a pull of what is there downloaded again")
	}
	left, _ := os.ReadDir(filepath.Join(o.Store.Dir, "partial"))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCutConnectionsAreResumed(t *testing.T) {
	h := newHub(t, 1<<20)
	h.cuts.Store(2)
	o := h.options(t)
	got, err := h.pull(t, o)
	h.check(t, got, err)
	if _, ok := h.ranges.Load("bytes=524288-"); !ok {
		t.Error("the second request did not go on from the first half")
	}
	if _, ok := h.ranges.Load("bytes=786432-"); !ok {
		t.Error("the third request did not go on from three quarters")
	}
}

func TestResumeAfterARestart(t *testing.T) {
	h := newHub(t, 1<<20)
	o := h.options(t)
	h.cancelHalfWay(t, o)
	got, err := h.pull(t, o)
	h.check(t, got, err)
	if _, ok := h.ranges.Load("bytes=524288-"); !ok {
		t.Error("the second pull did not go on from what the first had")
	}
}

func TestServerWithoutRanges(t *testing.T) {
	h := newHub(t, 1<<20)
	h.noRange = true
	h.cuts.Store(1)
	got, err := h.pull(t, h.options(t))
	h.check(t, got, err)
}

func TestChangedFileStartsOver(t *testing.T) {
	h := newHub(t, 1<<20)
	h.noMeta = true // so that nothing is pinned and only the ETag can tell
	o := h.options(t)
	h.cancelHalfWay(t, o)
	h.mu.Lock()
	h.data = bytes.Repeat([]byte("fedcba9876543210"), 1<<16)
	h.mu.Unlock()
	h.etag.Store(`"v2"`)
	got, err := h.pull(t, o)
	h.check(t, got, err)
}

func TestWrongBytesAreRefusedWithBothHashes(t *testing.T) {
	h := newHub(t, 1<<16)
	h.lie = true
	o := h.options(t)
	_, err := h.pull(t, o)
	var bad *blobs.MismatchError
	if !errors.As(err, &bad) || bad.Want != h.sha() || bad.Got == h.sha() {
		t.Fatalf("err = %v", err)
	}
	for _, part := range []string{bad.Want, bad.Got, "model-Q4_K_M.gguf"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %s", err, part)
		}
	}
	// The wrong bytes are not built upon.
	h.lie = false
	got, err := h.pull(t, o)
	h.check(t, got, err)
}

func TestPinAgainstTheHub(t *testing.T) {
	h := newHub(t, 1<<10)
	other := strings.Repeat("0", 64)
	_, _, err := HubFile(context.Background(), "me/model-GGUF", "", "model-Q4_K_M.gguf", other, h.options(t))
	var bad *blobs.MismatchError
	if !errors.As(err, &bad) || bad.Want != other || bad.Got != h.sha() {
		t.Fatalf("err = %v", err)
	}
	if h.requests.Load() != 0 {
		t.Error("bytes were fetched that could only be refused")
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	h := newHub(t, 1<<10)
	h.token = "hf_right"
	o := h.options(t)
	o.Token = "hf_wrong"
	_, err := h.pull(t, o)
	if fault.KindOf(err) != fault.Forbidden || !strings.Contains(err.Error(), "accept its terms at "+h.URL+"/me/model-GGUF") || !strings.Contains(err.Error(), "HF_TOKEN") {
		t.Errorf("gated: %v", err)
	}
	if strings.Contains(err.Error(), "hf_wrong") {
		t.Error("the token is in the error")
	}
	o.Token = "hf_right"
	_, _, err = HubFile(context.Background(), "me/model-GGUF", "", "other.gguf", "", o)
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "other.gguf") {
		t.Errorf("missing: %v", err)
	}
}

func TestListAndChoose(t *testing.T) {
	h := newHub(t, 1<<10)
	files, err := h.options(t).Hub().List(context.Background(), "me/model-GGUF", "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := hub.Choose("me/model-GGUF", files)
	if err != nil || f.Path != "model-Q4_K_M.gguf" || f.SHA256 != h.sha() || f.Size != int64(len(h.data)) {
		t.Errorf("chosen %+v, %v", f, err)
	}
	for name, list := range map[string][]hub.File{
		"no GGUF":    {{Path: "model.safetensors"}},
		"parts only": {{Path: "m-00001-of-00002.gguf"}, {Path: "m-00002-of-00002.gguf"}},
	} {
		if _, err := hub.Choose("me/x", list); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTwoPullsShareOneDownload(t *testing.T) {
	h := newHub(t, 1<<20)
	h.slow = make(chan struct{})
	o := h.options(t)
	waiting := make(chan struct{})
	var once sync.Once
	o.Progress = func(p Progress) {
		if p.Stage == "waiting" {
			once.Do(func() { close(waiting) })
		}
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			got, err := h.pull(t, o)
			if err != nil || got.SHA256 != h.sha() {
				t.Errorf("%s %v", got.SHA256, err)
			}
		})
	}
	<-waiting
	close(h.slow)
	wg.Wait()
	if n := h.requests.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

func TestUnreachableSaysWhatToPutWhere(t *testing.T) {
	h := newHub(t, 1<<10)
	h.Close()
	o := h.options(t)
	e := &catalog.Entry{
		Name: "m", Kind: catalog.Chat, Files: []catalog.File{{Name: "model-Q4_K_M.gguf", SHA256: h.sha(), Bytes: int64(len(h.data))}},
		Sources: []catalog.Source{{Kind: catalog.HF, Repo: "me/model-GGUF"}},
	}
	_, err := Entry(context.Background(), e, o)
	if fault.KindOf(err) != fault.Unavailable {
		t.Fatal(err)
	}
	for _, part := range []string{"model-Q4_K_M.gguf", h.sha(), "1024 bytes", o.Store.Incoming()} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	// And then it works as told.
	if err := os.MkdirAll(o.Store.Incoming(), 0o755); err != nil {
		t.Fatal(err)
	}
	put := filepath.Join(o.Store.Incoming(), "model-Q4_K_M.gguf")
	if err := os.WriteFile(put, h.data[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	var bad *blobs.MismatchError
	if _, err := Entry(context.Background(), e, o); !errors.As(err, &bad) || bad.Path != put {
		t.Errorf("a wrong file in incoming: %v", err)
	}
	if err := os.WriteFile(put, h.data, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Entry(context.Background(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	h.check(t, r.Files[0], nil)
}

func TestDiskSpaceIsCheckedBefore(t *testing.T) {
	dir := t.TempDir()
	free, err := blobs.Free(dir)
	if err != nil {
		t.Skip("this file system does not say how much is free: ", err)
	}
	err = room(blobs.Store{Dir: dir}, free)
	var full *DiskError
	if !errors.As(err, &full) || !strings.Contains(err.Error(), dir) {
		t.Errorf("err = %v", err)
	}
	if err := room(blobs.Store{Dir: dir}, 0); free > 2*margin && err != nil {
		t.Error(err)
	}
}

func TestContentRange(t *testing.T) {
	for text, want := range map[string]struct {
		start, total int64
		ok           bool
	}{
		"bytes 5-9/10": {5, 10, true}, "bytes 5-9/*": {5, 0, true}, "": {}, "bytes */10": {}, "bytes x-9/10": {}, "items 5-9/10": {},
		"bytes 5-9": {}, "bytes 5-9/x": {},
	} {
		start, total, ok := contentRange(text)
		if start != want.start || total != want.total || ok != want.ok {
			t.Errorf("%q: %d %d %v", text, start, total, ok)
		}
	}
}

func TestErrorsCarryNoSignature(t *testing.T) {
	h := newHub(t, 1<<10)
	o := h.options(t)
	h.cdn.Close() // the redirect now leads nowhere
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, _, err := HubFile(ctx, "me/model-GGUF", "", "model-Q4_K_M.gguf", "", o)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("err = %v", err)
	}
}
