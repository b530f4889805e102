package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// ErrEnded is the cause of what fails because the sandbox is gone: its variables and files are lost.
var ErrEnded = errors.New("the sandbox has ended")

// Chunk is a piece of what a run gives: exactly one of the two is set.
type Chunk struct {
	Text  string // what was printed: valid UTF-8
	Image []byte // a PNG, as the code said; nobody looked
}

// Ends of a run.
const (
	Finished  = ""          // by itself, with or without a traceback
	TimedOut  = "timeout"   // stopped after Limits.Time
	Cancelled = "cancelled" // stopped because the context ended
	Memory    = "memory"    // killed: too much memory
	ManyFiles = "files"     // killed: too many files
	Exited    = "exit"      // the process of the code ended
	Broken    = "broken"    // the process of the code no longer answers
)

// Outcome says how a run ended.
type Outcome struct {
	OK        bool          // no exception, nothing stopped it
	End       string        // Finished, TimedOut, …
	Status    int           // of Exited: the exit status; -9 is signal 9
	Lost      bool          // variables are gone: the next run begins in a new process; files are there
	Truncated bool          // there was more output than Limits.Output
	Took      time.Duration // as seen from outside
}

// Session is a sandbox in which code runs. One operation at a time; a second waits. Close ends it.
type Session struct {
	limits Limits
	proc   *process

	turn   chan struct{} // holds the one token of who works with it
	frames chan frame
	runs   int64

	once sync.Once
	dead chan struct{} // closed when the sandbox is gone
	mu   sync.Mutex
	why  error // why it is gone
}

// hello is the first line to the driver.
type hello struct {
	Memory     int64             `json:"memory"`
	Output     int64             `json:"output"`
	PIDs       int               `json:"pids"`
	Files      int               `json:"files"`
	Images     int               `json:"images"`
	ImageBytes int               `json:"image_bytes"`
	Warm       []string          `json:"warm"`
	Chart      bool              `json:"chart"`
	Inside     bool              `json:"inside"` // uids and cgroups of the sandbox's own
	Env        map[string]string `json:"env"`
}

// warm are the libraries that every session has imported when its first code comes.
var warm = []string{"numpy", "pandas", "matplotlib", "matplotlib.pyplot", "PIL.Image", "json", "csv", "datetime", "math", "re", "io", "subprocess", "collections"}

// readyTime is how long a sandbox may take to start on a very busy machine.
const readyTime = 60 * time.Second

// newSession waits until the driver of a started process is ready.
func newSession(ctx context.Context, p *process, l Limits, h hello) (*Session, error) {
	s := &Session{limits: l, proc: p, turn: make(chan struct{}, 1), frames: make(chan frame, 16), dead: make(chan struct{})}
	go s.read()
	go func() {
		<-p.exited
		s.end(p.reason())
	}()
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	line, err := json.Marshal(h)
	if err == nil {
		_, err = p.stdin.Write(append(line, '\n'))
	}
	if err == nil {
		var f frame
		if f, err = s.next(ctx); err == nil && f.T != "ready" {
			err = errFrame
		}
	}
	if err != nil {
		// What the program complained about says more than the broken pipe.
		p.kill()
		<-p.exited
		if text := p.complaint(); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return nil, err
	}
	return s, nil
}

// read passes frames on until the sandbox ends.
func (s *Session) read() {
	r := bufio.NewReaderSize(s.proc.stdout, maxHeader)
	for {
		f, err := readFrame(r)
		if err != nil {
			s.end(err)
			return
		}
		select {
		case s.frames <- f:
		case <-s.dead:
			return
		}
	}
}

// end marks the session as gone and kills what is left of it.
func (s *Session) end(why error) {
	s.once.Do(func() {
		s.mu.Lock()
		s.why = why
		s.mu.Unlock()
		close(s.dead)
		s.proc.kill()
	})
}

// Close ends the sandbox and waits until it is gone.
func (s *Session) Close() {
	s.end(errors.New("it was closed"))
	<-s.proc.exited
}

// Ended is closed when the sandbox is gone.
func (s *Session) Ended() <-chan struct{} { return s.dead }

// over reports whether the sandbox is gone.
func (s *Session) over() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// Limits are those that hold in the session.
func (s *Session) Limits() Limits { return s.limits }

// gone is the error of a session that has ended.
func (s *Session) gone() error {
	<-s.proc.exited
	s.mu.Lock()
	why := s.why
	s.mu.Unlock()
	if r := s.proc.reason(); errors.Is(r, errMemory) {
		why = r
	}
	return fmt.Errorf("%w: %w", ErrEnded, why)
}

// OutOfMemory reports whether an error says that a sandbox was killed because it took too much memory.
func OutOfMemory(err error) bool { return errors.Is(err, errMemory) }

var errMemory = errors.New("it was killed: too much memory or too many processes")

// lock waits for the session's turn.
func (s *Session) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.dead:
		return s.gone()
	}
	if s.over() {
		<-s.turn
		return s.gone()
	}
	return nil
}

func (s *Session) unlock() { <-s.turn }

func (s *Session) next(ctx context.Context) (frame, error) {
	select {
	case f := <-s.frames:
		return f, nil
	default:
	}
	select {
	case f := <-s.frames:
		return f, nil
	case <-s.dead:
		return frame{}, s.gone()
	case <-ctx.Done():
		return frame{}, ctx.Err()
	}
}

// command sends a line, and what follows it.
func (s *Session) command(v any, body io.Reader) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err = s.proc.stdin.Write(append(line, '\n')); err == nil && body != nil {
		_, err = io.Copy(s.proc.stdin, body)
	}
	if err != nil {
		s.end(err)
		return s.gone()
	}
	return nil
}

// Patience with a driver that should have ended a run by itself.
const (
	afterTime   = 15 * time.Second // beyond Limits.Time
	afterCancel = 5 * time.Second
)

// MaxCode is the largest code of one run, in bytes.
const MaxCode = 1 << 20

// Run runs code and calls out for what it gives, from this goroutine. When ctx ends, the code is stopped as by Ctrl-C, then killed; the outcome says
// Cancelled. An error means that the sandbox is gone (ErrEnded) or that the code is too long; exceptions of the code are text.
func (s *Session) Run(ctx context.Context, code string, out func(Chunk)) (Outcome, error) {
	if len(code) > MaxCode {
		return Outcome{}, fault.New(fault.Invalid, "The code has %d bytes: at most %d can be run at once.", len(code), MaxCode)
	}
	if err := s.lock(ctx); err != nil {
		return Outcome{}, err
	}
	defer s.unlock()
	began := time.Now()
	s.runs++
	id := s.runs
	data := clean([]byte(code))
	type run struct {
		Op      string  `json:"op"`
		ID      int64   `json:"id"`
		Bytes   int     `json:"bytes"`
		Timeout float64 `json:"timeout"`
	}
	if err := s.command(run{"run", id, len(data), s.limits.Time.Seconds()}, strings.NewReader(data)); err != nil {
		return Outcome{}, err
	}
	patience, stop := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Time+afterTime)
	defer stop()
	var text texts
	said, images := int64(0), 0
	cancelled := ctx.Done()
	for {
		var f frame
		select {
		case f = <-s.frames:
		case <-s.dead:
			return Outcome{Took: time.Since(began)}, s.gone()
		case <-cancelled:
			cancelled = nil
			if err := s.command(map[string]string{"op": "interrupt"}, nil); err != nil {
				return Outcome{}, err
			}
			stop()
			patience, stop = context.WithTimeout(context.WithoutCancel(ctx), afterCancel)
			defer stop()
			continue
		case <-patience.Done():
			s.end(errors.New("it did not answer"))
			return Outcome{Took: time.Since(began)}, s.gone()
		}
		if f.ID != id {
			continue
		}
		switch f.T {
		case "text":
			if said += int64(len(f.Body)); said <= s.limits.Output {
				if t := text.add(f.Body); t != "" {
					out(Chunk{Text: t})
				}
			}
		case "image":
			if images++; images <= s.limits.Images && len(f.Body) > 0 {
				out(Chunk{Image: f.Body})
			}
		case "done", "died":
			if t := text.end(); t != "" {
				out(Chunk{Text: t})
			}
			o := Outcome{OK: f.OK && f.T == "done", End: f.Why, Status: f.Status, Lost: f.T == "died", Truncated: f.Truncated, Took: time.Since(began)}
			return o, nil
		}
	}
}

// fileTime bounds a transfer of a file that stands still.
const fileTime = 2 * time.Minute

// Put writes a file of size bytes, instead of one that has the path. A full disk is a fault of the kind Full.
func (s *Session) Put(ctx context.Context, path string, size int64, r io.Reader) (Entry, error) {
	if !validPath(path) {
		return Entry{}, fault.New(fault.Invalid, "%q is no path of a file in /mnt/data.", path)
	}
	if size > s.limits.Disk {
		return Entry{}, fault.New(fault.Full, "The file has %d bytes: /mnt/data holds %d.", size, s.limits.Disk)
	}
	if err := s.lock(ctx); err != nil {
		return Entry{}, err
	}
	defer s.unlock()
	type put struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Bytes int64  `json:"bytes"`
	}
	exact := &exactly{r: r, left: size}
	if err := s.command(put{"put", path, size}, exact); err != nil {
		return Entry{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, fileTime)
	defer cancel()
	f, err := s.next(ctx)
	if err != nil {
		s.end(err) // an answer that comes later would be taken for another one's
		return Entry{}, err
	}
	if exact.err != nil {
		return Entry{}, exact.err
	}
	if f.Error != "" {
		return Entry{}, fault.New(fault.Full, "%s could not be written into the sandbox: %s.", path, f.Error)
	}
	return f.File, nil
}

// exactly gives size bytes whatever its source gives: what is missing is zeros, and err says so. The driver was promised that many.
type exactly struct {
	r    io.Reader
	left int64
	err  error
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), e.left)]
	n := 0
	if e.err == nil {
		var err error
		n, err = e.r.Read(p)
		if err != nil && int64(n) < e.left {
			e.err = fmt.Errorf("the file ended too early: %w", err)
		}
	} else {
		clear(p)
		n = len(p)
	}
	e.left -= int64(n)
	return n, nil
}

// Get writes a file's content to w, Limits.OneFile bytes at most, and returns how many there were.
func (s *Session) Get(ctx context.Context, path string, w io.Writer) (int64, error) {
	if !validPath(path) {
		return 0, fault.New(fault.NotFound, "There is no file %q in /mnt/data.", path)
	}
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.unlock()
	type get struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Limit int64  `json:"limit"`
	}
	if err := s.command(get{"get", path, s.limits.OneFile}, nil); err != nil {
		return 0, err
	}
	var n int64
	var failed error
	_, err := s.until(ctx, func(f frame) {
		if n += int64(len(f.Body)); failed == nil && n <= s.limits.OneFile {
			_, failed = w.Write(f.Body)
		}
	})
	if err == nil {
		err = failed
	}
	return n, err
}

// until takes frames up to the one that ends an answer, which it returns.
func (s *Session) until(ctx context.Context, each func(frame)) (frame, error) {
	for {
		pause, cancel := context.WithTimeout(ctx, fileTime)
		f, err := s.next(pause)
		cancel()
		if err != nil {
			s.end(err)
			return f, err
		}
		if f.T != "end" {
			each(f)
			continue
		}
		if f.Error != "" {
			return f, fault.New(fault.NotFound, "The file cannot be read: %s.", f.Error)
		}
		return f, nil
	}
}

// List returns the regular files in /mnt/data, limit at most, and how many things it left out: links, devices, pipes, names that are not
// UTF-8, and what is beyond the limit.
func (s *Session) List(ctx context.Context, limit int) ([]Entry, int, error) {
	if err := s.lock(ctx); err != nil {
		return nil, 0, err
	}
	defer s.unlock()
	if err := s.command(map[string]any{"op": "list", "limit": limit}, nil); err != nil {
		return nil, 0, err
	}
	var found []Entry
	left := 0
	last, err := s.until(ctx, func(f frame) {
		for _, e := range f.Files {
			if len(found) < limit && validPath(e.Path) && e.Size >= 0 {
				found = append(found, e)
			} else {
				left++
			}
		}
	})
	return found, left + max(0, last.Left), err
}
