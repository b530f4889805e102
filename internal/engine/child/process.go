package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/parley-ai/parley/internal/engine/enginepb"
)

// connectTimeout is how long a child may take from its start to listening. It is long because a machine
// that is loading other models may be very busy.
const connectTimeout = 30 * time.Second

// keptLines is how much of a crash's text is kept from its beginning, and from its end.
const keptLines = 15

// process is one run of a child.
type process struct {
	log    *slog.Logger
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	conn   *grpc.ClientConn
	client enginepb.EngineClient

	exited chan struct{} // closed when the child is gone
	err    error         // how it ended; read after exited

	mu         sync.Mutex
	head, tail []string // first and last lines of stderr that were no log lines: a crash says why first
}

// start runs the child and connects to it. ctx bounds this alone.
func start(ctx context.Context, command []string, env []string, log *slog.Logger) (_ *process, err error) {
	dir, err := os.MkdirTemp("", "parley-engine-") // 0700
	if err != nil {
		return nil, err
	}
	// Once connected nobody needs the socket's name; without it nobody else can connect.
	defer os.RemoveAll(dir)
	hello, err := json.Marshal(greeting{Protocol: protocol, Socket: filepath.Join(dir, "s")})
	if err != nil {
		return nil, err
	}

	p := &process{log: log, exited: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = attributes()
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go p.run(stderr, started)
	if err := <-started; err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.kill()
		}
	}()
	if _, err := p.stdin.Write(append(hello, '\n')); err != nil {
		return nil, p.failed(err)
	}
	conn, err := p.connect(ctx, filepath.Join(dir, "s"))
	if err != nil {
		return nil, p.failed(err)
	}
	var used atomic.Bool
	p.conn, err = grpc.NewClient("passthrough:///engine",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if used.Swap(true) {
				return nil, errors.New("the engine process closed its connection")
			}
			return conn, nil
		}),
		grpc.WithIdleTimeout(0), grpc.WithDisableServiceConfig(),
		grpc.WithInitialWindowSize(1<<20), grpc.WithInitialConnWindowSize(4<<20),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
	)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	p.client = enginepb.NewEngineClient(p.conn)
	return p, nil
}

// run starts the child, reads its stderr and waits for its end. All on one locked thread, because the
// kernel's parent-death signal is about the thread that started the child, not the process.
func (p *process) run(stderr io.Reader, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.copyLog(stderr)
	if p.err = p.cmd.Wait(); p.err == nil {
		p.err = errors.New("exit status 0")
	}
	close(p.exited)
}

// connect dials the child's socket, again and again until it listens.
func (p *process) connect(ctx context.Context, socket string) (net.Conn, error) {
	timeout := time.NewTimer(connectTimeout)
	defer timeout.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			return conn, nil
		}
		select {
		case <-again.C:
		case <-p.exited:
			return nil, err
		case <-timeout.C:
			return nil, fmt.Errorf("it did not answer within %s: %w", connectTimeout, err)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// maxLine is how long a line of the log may be, in bytes; what is longer is cut into several.
const maxLine = 64 << 10

// copyLog copies what the child writes to stderr to the log, until it ends. Lines of the child's own
// slog keep their level and attributes; others come from native libraries.
func (p *process) copyLog(stderr io.Reader) {
	lines := bufio.NewReaderSize(stderr, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			p.logLine(text)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

func (p *process) logLine(line string) {
	var record map[string]any
	if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &record) == nil {
		var level slog.Level
		text, _ := record[slog.LevelKey].(string)
		if message, ok := record[slog.MessageKey].(string); ok && level.UnmarshalText([]byte(text)) == nil {
			var attrs []any
			for k, v := range record {
				if k != slog.LevelKey && k != slog.MessageKey && k != slog.TimeKey {
					attrs = append(attrs, k, v)
				}
			}
			p.log.Log(context.Background(), level, message, attrs...)
			return
		}
	}
	p.mu.Lock()
	if len(p.head) < keptLines {
		p.head = append(p.head, line)
	} else if p.tail = append(p.tail, line); len(p.tail) > keptLines {
		p.tail = p.tail[1:]
	}
	p.mu.Unlock()
	p.log.Debug(line)
}

// lastWords is what the child wrote besides log lines, shortened, for the log when it died.
func (p *process) lastWords() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(slices.Concat(p.head, p.tail), "\n")
}

// A signal in native code ends the child with exit status 2 after Go's runtime has named the signal.
var signalLine = regexp.MustCompile(`\bSIG[A-Z]+: [a-z ]+[a-z]`)

// ending says how the child ended, for users: "signal: killed", "SIGSEGV: segmentation violation",
// "exit status 3". Only after exited.
func (p *process) ending() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.head {
		if found := signalLine.FindString(line); found != "" {
			return found
		}
	}
	return p.err.Error()
}

// failed adds to an error how the child ended, where it did.
func (p *process) failed(err error) error {
	select {
	case <-p.exited:
		if words := p.lastWords(); words != "" {
			return fmt.Errorf("%w: %s", p.err, words)
		}
		return p.err
	case <-time.After(200 * time.Millisecond):
		return err
	}
}

// how says how the child ended, waiting for it a little: a connection breaks just before its process is
// gone. A child that lost its connection but lives is of no use and is killed.
func (p *process) how() string {
	select {
	case <-p.exited:
	case <-time.After(2 * time.Second):
		p.kill()
	}
	return p.ending()
}

// stop ends the child in order: it closes its model when its stdin closes. It is killed when it takes
// longer than closeGrace.
func (p *process) stop() {
	_ = p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(closeGrace + time.Second):
	}
	p.kill()
}

// kill ends the child at once and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
	if p.conn != nil {
		_ = p.conn.Close()
	}
}
