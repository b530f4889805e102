package sandbox

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// hostileLimits make the scripts quick: what they attack is small.
var hostileLimits = Limits{Time: 5 * time.Second, Memory: 512 << 20, Disk: 48 << 20, Files: 2000, Output: 100 << 10, Images: 3, OneFile: 8 << 20}

// TestHostile runs every script of testdata/hostile in one session after the other, and after each looks whether another user's session works
// and is untouched, and whether the attacker's next code runs. A script says in comments what is expected of it:
//
//	# want: TEXT     its output has it
//	# never: TEXT    its output has it not
//	# ends: HOW      timeout, memory, files, exit, broken; memory-or-error; any, which includes that the sandbox ends
func TestHostile(t *testing.T) {
	t.Setenv("PARLEY_SECRET", "SECRET-OF-THE-SERVER")
	r := open(t, Options{})
	hostile(t, r)
}

func hostile(t *testing.T, r *Runtime) {
	scripts, err := filepath.Glob("testdata/hostile/*.py")
	if err != nil || len(scripts) < 40 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	neighbour := start(t, r, Limits{})
	run(t, neighbour, "secret = 'NEIGHBOUR-SECRET'\nopen('/mnt/data/mine.txt', 'w').write(secret)")
	var attacker *Session
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".py")
		t.Run(name, func(t *testing.T) {
			if attacker == nil || attacker.over() {
				began := time.Now()
				if attacker, err = r.Start(context.Background(), hostileLimits); err != nil {
					t.Fatal(err)
				}
				t.Logf("a new sandbox in %s", time.Since(began))
			}
			attack(t, attacker, script)
			if got := run(t, neighbour, "print(secret, open('/mnt/data/mine.txt').read())"); got.text != "NEIGHBOUR-SECRET NEIGHBOUR-SECRET\n" {
				t.Errorf("the neighbour: %q %+v", got.text, got.Outcome)
			}
		})
	}
	attacker.Close()
}

func attack(t *testing.T, s *Session, script string) {
	data, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	var want, never []string
	ends := "-"
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "# want: "); ok {
			want = append(want, v)
		}
		if v, ok := strings.CutPrefix(line, "# never: "); ok {
			never = append(never, v)
		}
		if v, ok := strings.CutPrefix(line, "# ends: "); ok {
			ends = v
		}
	}
	began := time.Now()
	var text strings.Builder
	images, size := 0, 0
	o, err := s.Run(context.Background(), string(data), func(c Chunk) {
		text.WriteString(c.Text)
		size += len(c.Image)
		if c.Image != nil {
			images++
		}
	})
	took := time.Since(began)
	said := text.String()
	t.Logf("%s: %+v, %v, %d bytes, %d images: %.400q", took.Round(time.Millisecond), o, err, len(said), images, said)
	if took > hostileLimits.Time+afterTime {
		t.Errorf("it took %s", took)
	}
	if int64(len(said)) > 3*hostileLimits.Output || images > hostileLimits.Images || size > hostileLimits.Images*maxImage || !utf8.ValidString(said) || strings.Contains(said, "\x00") {
		t.Errorf("%d bytes of text, %d images of %d bytes came out", len(said), images, size)
	}
	for _, w := range want {
		if !strings.Contains(said, w) {
			t.Errorf("%q is not in the output", w)
		}
	}
	for _, n := range append(never, "SECRET-OF-THE-SERVER", "NEIGHBOUR-SECRET") {
		if strings.Contains(said, n) {
			t.Errorf("%q is in the output", n)
		}
	}
	if err != nil {
		if !errors.Is(err, ErrEnded) || ends != "any" && ends != "memory" && ends != "memory-or-error" {
			t.Errorf("the sandbox: %v", err)
		}
		return
	}
	switch ends {
	case "any":
	case "-":
		if o.End != Finished {
			t.Errorf("ended with %q", o.End)
		}
	case "memory-or-error":
		if o.OK || o.End != Memory && !strings.Contains(said, "MemoryError") && !strings.Contains(said, "Cannot allocate memory") {
			t.Errorf("ended with %q", o.End)
		}
	default:
		if o.End != ends {
			t.Errorf("ended with %q, want %q", o.End, ends)
		}
	}
	look(t, s)
}

// look lists and reads what a script left, makes the code's process new and sees whether the session works.
func look(t *testing.T, s *Session) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	list, left, err := s.List(ctx, 100)
	if err != nil {
		t.Errorf("listing: %v", err)
		return
	}
	for _, e := range list {
		var b bytes.Buffer
		if n, err := s.Get(ctx, e.Path, &b); errors.Is(err, ErrEnded) || n > hostileLimits.OneFile || strings.Contains(b.String(), "root:x:0") || strings.Contains(b.String(), "PYTHONHOME") {
			t.Errorf("%q: %d bytes, %v: %.100q", e.Path, n, err, b.String())
		}
	}
	if left > 0 {
		t.Logf("%d files, %d things left out", len(list), left)
	}
	// Whatever the script did to its process, the next one works.
	var text string
	o, err := s.Run(ctx, "import os; os._exit(0)", func(Chunk) {})
	if err != nil || !o.Lost && o.End != Finished {
		t.Errorf("its process: %+v %v", o, err)
		return
	}
	o, err = s.Run(ctx, cleanUp, func(c Chunk) { text += c.Text })
	if err != nil || !o.OK || !slices.Contains(strings.Split(text, "\n"), "works") {
		t.Errorf("the next code: %+v %v %q", o, err, text)
	}
}

const cleanUp = `
import os, shutil
os.chdir("/")
os.system("find /mnt/data /tmp /dev/shm -mindepth 1 -not -name .matplotlib -delete 2>/dev/null || rm -rf /mnt/data/* /mnt/data/.[!.]*")
os.chdir("/mnt/data")
print("works")
`
