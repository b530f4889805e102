//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"io"

	"github.com/parley-ai/parley/internal/sandbox/pyenv"
)

var errLinux = errors.New("it needs Linux")

// host is never made: Open says that it needs Linux.
type host struct{}

type process struct {
	stdin  io.WriteCloser
	stdout io.Reader
	exited chan struct{}
}

func openHost(Options, pyenv.Env) (*host, string, error) { return nil, "", errLinux }

// FindRunsc says that there is none.
func FindRunsc(string, string) (string, error) { return "", errLinux }

func (*host) limiter() string                                            { return "" }
func (*host) close() error                                               { return nil }
func (*host) start(context.Context, pyenv.Env, Limits) (*Session, error) { return nil, errLinux }
func (*process) kill()                                                   {}
func (*process) reason() error                                           { return errLinux }
func (*process) complaint() string                                       { return "" }
