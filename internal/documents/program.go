package documents

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Limits of a program that reads a file for us.
const (
	programTime   = 120 * time.Second
	programMemory = 2 << 30  // bytes of address space
	programFile   = 64 << 20 // bytes of a file that it writes
)

// Program is a separate program that reads some formats.
type Program struct {
	Name    string // as it is found on PATH
	Path    string // where it is; empty when it is not there
	Reads   string // what cannot be read without it
	Package string // of Debian and Ubuntu that has it
}

// Programs are the separate programs that Read uses, and which of them this machine has.
func Programs() []Program {
	list := []Program{
		{Name: "pdftotext", Reads: "PDF files", Package: "poppler-utils"},
		{Name: "pdftoppm", Reads: "scanned PDF files", Package: "poppler-utils"},
		{Name: "tesseract", Reads: "images with text and scanned PDF files", Package: "tesseract-ocr"},
	}
	for i := range list {
		list[i].Path, _ = lookPath(list[i].Name)
	}
	return list
}

// lookPath is a variable so that tests can take programs away.
var lookPath = exec.LookPath

// need returns the path of a program, or an error for the file's owner.
func need(name, title string) (string, error) {
	for _, p := range Programs() {
		if p.Name == name && p.Path != "" {
			return p.Path, nil
		} else if p.Name == name {
			return "", unsupported("%s cannot be read on this server: the program %s is missing. Ask its operator to install %s.", title, name, p.Package)
		}
	}
	return "", errors.New("no such program: " + name)
}

// errLimit says that a program ran into a limit.
var errLimit = errors.New("over the limit")

// failed is a program's own error.
type failed struct {
	code   int
	stderr string
}

func (f *failed) Error() string { return f.stderr }

// places are those of programs that run at once in this process: each may take programMemory, and requests come without end.
var places = make(chan struct{}, max(2, runtime.NumCPU()))

// runIn runs a program in a folder, its arguments apart from any command line, with an environment of its own and within limits of time, memory
// and output, and returns what it writes to its standard output. It waits while as many as there are processors run.
func runIn(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + filepath.Dir(program) + ":/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "HOME=" + dir, "TMPDIR=" + dir, "OMP_THREAD_LIMIT=1"}
	if data := os.Getenv("TESSDATA_PREFIX"); data != "" {
		cmd.Env = append(cmd.Env, "TESSDATA_PREFIX="+data)
	}
	out := &bounded{most: maxText, stop: cancel}
	stderr := &bounded{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, stderr
	cmd.WaitDelay = 2 * time.Second
	confine(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err := cmd.Wait()
	switch {
	case out.over:
		return nil, invalid("The file has more than %d MB of text: split it.", maxText>>20)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, errLimit
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if !exit.Exited() {
			return nil, errLimit // a signal: of the limits, or its own fault in this file
		}
		return nil, &failed{exit.ExitCode(), strings.TrimSpace(stderr.buf.String())}
	}
	return out.buf.Bytes(), err
}

// bounded keeps the beginning of what is written and stops the program that writes more, where there is one to stop.
type bounded struct {
	buf  bytes.Buffer
	most int
	stop func()
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.buf.Len(); len(p) > room {
		b.buf.Write(p[:max(0, room)])
		if b.stop != nil && !b.over {
			b.over = true
			b.stop()
		}
		return len(p), nil
	}
	return b.buf.Write(p)
}

// spool writes the file into a folder of its own, under a name of ours. The folder is removed by done.
func (f file) spool(name string) (dir string, done func(), err error) {
	dir, err = os.MkdirTemp("", "parley-document-*")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	out, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = io.Copy(out, f.reader())
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		done()
		return "", nil, err
	}
	return dir, done, nil
}
