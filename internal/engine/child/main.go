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
	"os/signal"
	"time"

	"google.golang.org/grpc"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
)

// greeting is the line that the parent writes to the child's stdin.
type greeting struct {
	Protocol int    `json:"protocol"`
	Socket   string `json:"socket"` // where to listen
}

// protocol is raised when parent and child of different builds would misunderstand each other, which
// can happen when the binary is replaced under a running server.
const protocol = 1

// closeGrace is how long a child may take to close its model before it just exits.
const closeGrace = 5 * time.Second

// maxMessage bounds one message, in bytes: a prompt with images, or the logprobs of a long prompt.
const maxMessage = 256 << 20

// Main is the whole of the subcommand `parley engine <driver>`: it reads the parent's greeting from
// stdin, serves the backend that opener opens over the socket named there, and returns when the parent
// closes stdin, dies, or ctx ends. prepare may be nil: then the driver cannot make models ready.
//
// It makes slog write JSON lines to stderr, which the parent copies to its own log. It is never run by
// hand; without a greeting it fails with an error that says so.
func Main(ctx context.Context, driver string, opener engine.Opener, prepare engine.Preparer) error {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})))
	// The parent decides when a child ends; where it shares the terminal, Ctrl-C is not for the child.
	signal.Ignore(os.Interrupt)

	stdin := bufio.NewReader(os.Stdin)
	line, err := stdin.ReadBytes('\n')
	var hello greeting
	if err != nil || json.Unmarshal(line, &hello) != nil || hello.Socket == "" {
		return errors.New("`parley engine` is started by the server itself, not by hand: use `parley serve`")
	}
	if hello.Protocol != protocol {
		return fmt.Errorf("the server speaks engine protocol %d and this binary %d: it was replaced while the server runs; restart the server", hello.Protocol, protocol)
	}
	for _, err := range lowerPrivileges() {
		slog.Debug("keeping a privilege that the engine does not need", "err", err)
	}
	listener, err := net.Listen("unix", hello.Socket)
	if err != nil {
		return fmt.Errorf("listening for the server: %w", err)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // ends when the parent closes the pipe or dies
		cancel()
	}()
	s := &server{driver: driver, opener: opener, prepare: prepare, ctx: ctx}
	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.InitialWindowSize(1<<20), grpc.InitialConnWindowSize(4<<20),
	)
	enginepb.RegisterEngineServer(g, s)
	ended := make(chan struct{})
	go func() {
		<-ctx.Done()
		time.AfterFunc(closeGrace, func() { os.Exit(1) }) // native code may hang in a step
		s.close()
		g.Stop()
		close(ended)
	}()
	err = g.Serve(listener)
	if ctx.Err() == nil {
		return err
	}
	<-ended
	return nil
}
