// Command parley is the whole program: server, engine children and command line. See docs/ARCHITECTURE.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/parley-ai/parley/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second interrupt ends the program at once, as everywhere.
	context.AfterFunc(ctx, stop)
	code := cli.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
