package script

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is the program in a terminal of 80 columns and 30 rows.
type terminal struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	done chan error

	mu   sync.Mutex
	all  bytes.Buffer // everything that was written, with the terminal's commands
	seen int          // how much of the text was matched by expect
}

// open starts the program with a home that knows the models.
func open(t *testing.T, home string, env []string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(filepath.Join(tools(t), "parley"), args...)
	cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "LANG=C.UTF-8"}, environment(t, home)...), env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, tty: tty, cmd: cmd, done: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			x.mu.Lock()
			x.all.Write(buf[:n])
			x.mu.Unlock()
			// A program that asks for the background colour waits for the answer.
			if bytes.Contains(buf[:n], []byte("\x1b]11;?")) {
				tty.Write([]byte("\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[1;1R"))
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		err := cmd.Wait()
		<-ended
		x.done <- err
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		tty.Close()
	})
	return x
}

// Commands of the terminal: colours and cursor movements (CSI), titles and colour questions (OSC).
var escapes = regexp.MustCompile("\x1b\\[[0-9;?<>=]*[a-zA-Z]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)|\x1b[=>()][0-9A-B]?")

// cursorUp goes back to lines that are written again.
var cursorUp = regexp.MustCompile("\x1b\\[[0-9]*A")

// text is what was written, without the terminal's commands; what is written over is there twice.
func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	text := cursorUp.ReplaceAllString(x.all.String(), "\n")
	return strings.ReplaceAll(escapes.ReplaceAllString(text, ""), "\r", "")
}

// expect waits for text that matches, after what was matched before, and returns it.
func (x *terminal) expect(pattern string) string {
	x.t.Helper()
	re := regexp.MustCompile(pattern)
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(10 * time.Millisecond) {
		text := x.text()
		if at := re.FindStringIndex(text[min(x.seen, len(text)):]); at != nil {
			found := text[x.seen+at[0] : x.seen+at[1]]
			x.seen += at[1]
			return found
		}
	}
	x.t.Fatalf("%q did not appear within a minute in:\n%s", pattern, x.text())
	return ""
}

// never fails when the text is there already.
func (x *terminal) never(pattern string) {
	x.t.Helper()
	if text := x.text(); regexp.MustCompile(pattern).MatchString(text) {
		x.t.Errorf("%q is in:\n%s", pattern, text)
	}
}

// keys of a terminal
const (
	enter = "\r"
	up    = "\x1b[A"
	down  = "\x1b[B"
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlJ = "\n"
)

// press types; each argument arrives on its own, as keys do.
func (x *terminal) press(keys ...string) {
	x.t.Helper()
	for _, k := range keys {
		if _, err := x.tty.WriteString(k); err != nil {
			x.t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ends waits for the program's end and checks its exit code.
func (x *terminal) ends(code int) {
	x.t.Helper()
	select {
	case <-x.done:
	case <-time.After(time.Minute):
		x.t.Fatalf("the program did not end:\n%s", x.text())
	}
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("exit code %d, want %d:\n%s", got, code, x.text())
	}
}

// narrow checks that no line that was printed for people is wider than the terminal.
func (x *terminal) narrow(text string) {
	x.t.Helper()
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, " \n"))); n > 80 {
			x.t.Errorf("%d columns: %s", n, line)
		}
	}
}

func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	tools(t)
	if err := models(t, filepath.Join(dir, "home")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell runs a command line as one pastes it.
func shell(t *testing.T, line string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	out, err := exec.Command("sh", "-c", line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return string(out)
}
