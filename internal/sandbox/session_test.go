package sandbox

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// testCache is where `make sandbox` put program and environment.
func testCache(tb testing.TB) string {
	tb.Helper()
	if c := os.Getenv("PARLEY_TEST_CACHE"); c != "" {
		return c
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		tb.Skipf("no cache directory: %v", err)
	}
	return filepath.Join(dir, "parley")
}

// open returns a runtime of real sandboxes, or skips with the reason why this machine has none.
func open(tb testing.TB, o Options) *Runtime {
	tb.Helper()
	o.Cache = testCache(tb)
	r, err := Open(o)
	if err != nil {
		tb.Skipf("NO SANDBOX ON THIS MACHINE, NOTHING OF IT IS TESTED: %v", err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Errorf("closing: %v", err)
		}
	})
	return r
}

func start(tb testing.TB, r *Runtime, l Limits) *Session {
	tb.Helper()
	s, err := r.Start(context.Background(), l)
	if err != nil {
		tb.Fatalf("start: %v (%v)", err, errors.Unwrap(err))
	}
	tb.Cleanup(s.Close)
	return s
}

// said is what a run gave.
type said struct {
	text   string
	images [][]byte
	Outcome
}

func run(tb testing.TB, s *Session, code string) said {
	tb.Helper()
	var out said
	o, err := s.Run(context.Background(), code, func(c Chunk) {
		out.text += c.Text
		if c.Image != nil {
			out.images = append(out.images, c.Image)
		}
	})
	if err != nil {
		tb.Fatalf("run %.60q: %v", code, err)
	}
	out.Outcome = o
	return out
}

func TestCells(t *testing.T) {
	r := open(t, Options{})
	t.Logf("%s, limits held by %s", r.Kind(), r.Limiter())
	s := start(t, r, Limits{})
	for _, c := range []struct{ name, code, want string }{
		{"prints", "print('hello')\nprint('wörld 你好')", "hello\nwörld 你好\n"},
		{"the last value is shown", "x = 20\nx + 22", "42\n"},
		{"state stays", "x", "20\n"},
		{"a string as its repr", "'a\\nb'", "'a\\nb'\n"},
		{"None is not", "None", ""},
		{"a semicolon keeps quiet", "x;", ""},
		{"the value before", "_", "'a\\nb'\n"},
		{"stderr too", "import sys; print('e', file=sys.stderr)", "e\n"},
		{"a frame", "import pandas as pd\npd.DataFrame({'a': [1, 2]})", "   a\n0  1\n1  2\n"},
		{"shell", "!echo from sh", "from sh\n"},
		{"not the server's user", "import os\nprint(os.getuid(), os.getcwd(), __name__)", "1000 /mnt/data __main__\n"},
		{"display", "display(1, 'a')", "1\n'a'\n"},
		{"a child process", "import subprocess; subprocess.run(['/bin/echo', 'x']) if os.path.exists('/bin/echo') else print('x', flush=True)", ""},
		{"pickle of own classes", "import pickle\nclass A:\n  pass\ntype(pickle.loads(pickle.dumps(A()))).__name__", "'A'\n"},
		{"all processors' worth of one", "os.cpu_count() >= 1", "True\n"},
	} {
		got := run(t, s, c.code)
		if !got.OK || c.want != "" && got.text != c.want {
			t.Errorf("%s: %q, ok %v, want %q", c.name, got.text, got.OK, c.want)
		}
	}
	got := run(t, s, "def f(n):\n    return 1 / n\n\nf(0)")
	want := "Traceback (most recent call last):\n  File \"<cell 16>\", line 4, in <module>\n    f(0)\n  File \"<cell 16>\", line 2, in f\n    return 1 / n\n           ~~^~~\nZeroDivisionError: division by zero\n"
	if got.OK || got.text != want {
		t.Errorf("a traceback: %q, want %q", got.text, want)
	}
	if got := run(t, s, "if True print(1)"); got.OK || !strings.Contains(got.text, "SyntaxError") || strings.Contains(got.text, "driver") {
		t.Errorf("a syntax error: %+v", got)
	}
	if got := run(t, s, "import matplotlib.pyplot as plt\nplt.plot([1,2])\nplt.show()\nplt.bar([1],[2])"); len(got.images) != 2 || !bytes.HasPrefix(got.images[0], []byte("\x89PNG")) {
		t.Errorf("charts: %d, %q", len(got.images), got.text)
	}
	if got := run(t, s, "from PIL import Image\nImage.new('RGB', (4, 4))"); len(got.images) != 1 || got.text != "" {
		t.Errorf("an image as value: %d, %q", len(got.images), got.text)
	}
}

func TestLibraries(t *testing.T) {
	s := start(t, open(t, Options{}), Limits{})
	got := run(t, s, `
import numpy as np, pandas as pd, scipy.stats, sympy, openpyxl, docx, pypdf, io
from sklearn.linear_model import LinearRegression
m = LinearRegression().fit(np.arange(10).reshape(-1, 1), 3 * np.arange(10) + 1)
print(round(float(m.coef_[0]), 6), round(float(scipy.stats.norm.cdf(0)), 3), sympy.integrate(sympy.Symbol('x')))
pd.DataFrame({'a': [1, 2]}).to_excel('/mnt/data/t.xlsx', index=False)
print(pd.read_excel('/mnt/data/t.xlsx').a.sum())
d = docx.Document(); d.add_paragraph('hi'); d.save('/mnt/data/t.docx')
w = pypdf.PdfWriter(); w.add_blank_page(100, 100); w.write('/mnt/data/t.pdf')
print(len(pypdf.PdfReader('/mnt/data/t.pdf').pages), docx.Document('/mnt/data/t.docx').paragraphs[0].text)
`)
	if want := "3.0 0.5 x**2/2\n3\n1 hi\n"; got.text != want {
		t.Errorf("%q, want %q", got.text, want)
	}
}

func TestFiles(t *testing.T) {
	r := open(t, Options{})
	s := start(t, r, Limits{Disk: 32 << 20})
	ctx := context.Background()
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	e, err := s.Put(ctx, "in/data, häßlich.bin", int64(len(data)), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got := run(t, s, "import hashlib\nb = open('/mnt/data/in/data, häßlich.bin','rb').read()\nprint(len(b))\nopen('in/data, häßlich.bin','ab').write(b'x')\nopen('out.txt','w').write('made');")
	if got.text != "1048576\n" {
		t.Fatalf("%q", got.text)
	}
	list, left, err := s.List(ctx, 100)
	if err != nil || len(list) != 2 || left != 0 {
		t.Fatalf("%v %d %v", list, left, err)
	}
	for _, f := range list {
		var b bytes.Buffer
		if n, err := s.Get(ctx, f.Path, &b); err != nil || n != f.Size || int64(b.Len()) != n {
			t.Errorf("%v: %d bytes, %v", f, n, err)
		}
		if f.Path == e.Path && f.Same(e) {
			t.Errorf("%v was changed and looks the same", f)
		}
	}
	if _, err := s.Put(ctx, "huge", 33<<20, bytes.NewReader(nil)); fault.KindOf(err) != fault.Full {
		t.Errorf("more than the disk holds: %v", err)
	}
	if _, err := s.Put(ctx, "large", 32<<20, &endless{}); fault.KindOf(err) != fault.Full {
		t.Errorf("more than is left: %v", err)
	}
	if _, err := s.Put(ctx, "short", 100, strings.NewReader("only so much")); err == nil {
		t.Error("a source that ends too early is no error")
	}
	for _, path := range []string{"", "/etc/passwd", "../x", "a/../b", "a//b", "x\x00", "."} {
		if _, err := s.Put(ctx, path, 0, strings.NewReader("")); fault.KindOf(err) != fault.Invalid {
			t.Errorf("put %q: %v", path, err)
		}
		if _, err := s.Get(ctx, path, &bytes.Buffer{}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("get %q: %v", path, err)
		}
	}
	if got := run(t, s, "1 + 1"); got.text != "2\n" {
		t.Errorf("after all that: %q", got.text)
	}
}

type endless struct{}

func (*endless) Read(p []byte) (int, error) { return len(p), nil }

func TestEndsOfRuns(t *testing.T) {
	r := open(t, Options{})
	s := start(t, r, Limits{Time: 2 * time.Second, Memory: 256 << 20})
	run(t, s, "kept = 1\nopen('kept.txt','w').write('1');")
	if got := run(t, s, "import time\nprint('begun')\ntime.sleep(60)"); got.End != TimedOut || got.Lost || !strings.HasPrefix(got.text, "begun\n") {
		t.Errorf("a sleeper: %+v", got)
	}
	if got := run(t, s, "kept"); got.text != "1\n" {
		t.Errorf("variables after an interrupt: %q", got.text)
	}
	if got := run(t, s, "while True:\n  try:\n    time.sleep(1)\n  except KeyboardInterrupt:\n    pass"); got.End != TimedOut || !got.Lost {
		t.Errorf("one that does not listen: %+v", got)
	}
	if got := run(t, s, "import os\nprint('kept' in globals(), open('kept.txt').read())"); got.text != "False 1\n" {
		t.Errorf("after a kill: %q", got.text)
	}
	if got := run(t, s, "import os\nos._exit(3)"); got.End != Exited || got.Status != 3 || !got.Lost {
		t.Errorf("an exit: %+v", got)
	}
	if got := run(t, s, "raise SystemExit(2)"); got.OK || got.Lost || got.End != Finished {
		t.Errorf("SystemExit: %+v", got)
	}
	if got := run(t, s, "x = bytearray(400 << 20)"); got.OK || !strings.Contains(got.text, "MemoryError") {
		t.Errorf("too much for one process: %+v", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	began := time.Now()
	time.AfterFunc(200*time.Millisecond, cancel)
	o, err := s.Run(ctx, "import time\ntime.sleep(1.9)", func(Chunk) {})
	if err != nil || o.End != Cancelled || time.Since(began) > 1500*time.Millisecond {
		t.Errorf("cancelled: %+v %v after %s", o, err, time.Since(began))
	}
	if got := run(t, s, "2"); got.text != "2\n" {
		t.Errorf("after it: %q", got.text)
	}
	s.Close()
	if _, err := s.Run(context.Background(), "1", func(Chunk) {}); !errors.Is(err, ErrEnded) {
		t.Errorf("after Close: %v", err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	s := start(t, open(t, Options{}), Limits{Output: 10000, Images: 2})
	if got := run(t, s, "print('é' * 50000)"); len(got.text) > 10003 || len(got.text) < 9990 || !got.Truncated || !got.OK {
		t.Errorf("%d bytes, %+v", len(got.text), got.Outcome)
	}
	got := run(t, s, "import matplotlib.pyplot as plt\nfor i in range(5):\n  plt.figure()\n  plt.plot([i])")
	if len(got.images) != 2 || !strings.Contains(got.text, "left out") {
		t.Errorf("%d images, %q", len(got.images), got.text)
	}
}

func TestPool(t *testing.T) {
	r := open(t, Options{Pool: 1, Most: 2})
	a := start(t, r, Limits{})
	waitReady(t, r, 1)
	began := time.Now()
	b := start(t, r, Limits{})
	t.Logf("from the pool: %s", time.Since(began))
	if _, err := r.Start(context.Background(), Limits{}); fault.KindOf(err) != fault.Overloaded {
		t.Errorf("a third: %v", err)
	}
	a.Close()
	waitReady(t, r, 1)
	// Other limits do not fit what is ready: it makes room.
	c := start(t, r, Limits{Memory: 512 << 20})
	if c.Limits().Memory != 512<<20 || run(t, c, "3").text != "3\n" || run(t, b, "4").text != "4\n" {
		t.Error("they do not work")
	}
}

func waitReady(tb testing.TB, r *Runtime, n int) {
	tb.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, ready := r.Counts(); ready >= n {
			return
		}
		if time.Since(began) > time.Minute {
			tb.Fatal("the pool does not fill")
		}
	}
}
