package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// Server listens and serves an API until Shutdown. A
// header must arrive within Options.HeaderTimeout and 64 KiB, an idle connection is closed after 2 minutes. Bodies and
// answers have their own deadlines (Options.ReadTimeout and WriteTimeout), so that long streams live.
type Server struct {
	api    *API
	http   *http.Server
	ln     net.Listener
	cancel context.CancelCauseFunc
	served chan error
	once   sync.Once
}

// drainPoll is how often Shutdown looks whether the last request has ended.
const drainPoll = 20 * time.Millisecond

// partingTime is what handlers get to say goodbye when the grace period is over.
const partingTime = 2 * time.Second

// Listen opens addr ("127.0.0.1:8080"; port 0 takes a free one). Call Start to serve.
func Listen(addr string, api *API) (*Server, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	base, cancel := context.WithCancelCause(context.Background())
	return &Server{
		api: api, ln: ln, cancel: cancel, served: make(chan error, 1),
		http: &http.Server{
			Handler: api, ReadHeaderTimeout: cmp.Or(api.opts.HeaderTimeout, 10*time.Second), IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
			BaseContext: func(net.Listener) context.Context { return base },
			ErrorLog:    slog.NewLogLogger(api.opts.Logger.Handler(), slog.LevelDebug),
		},
	}, nil
}

func listenError(addr string, err error) error {
	_, port, _ := net.SplitHostPort(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.New(fault.Unavailable, "the address %s is in use: another program, perhaps another Parley, listens on port %s. "+
			"Stop it, or choose another address with --addr", addr, port).WithCause(err)
	case errors.Is(err, syscall.EACCES):
		return fault.New(fault.Unavailable, "not allowed to listen on %s: ports below 1024 need privileges. Choose another address with --addr", addr).WithCause(err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fault.New(fault.Unavailable, "this machine has no address %s. Choose another one with --addr", addr).WithCause(err)
	default:
		return fault.New(fault.Unavailable, "cannot listen on %s (an address is HOST:PORT, such as 127.0.0.1:8080). Choose another one with --addr", addr).WithCause(err)
	}
}

// Addr is the address that is listened on.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Start serves in the background. The channel gets one value when serving ends: nil after Shutdown.
func (s *Server) Start() <-chan error {
	s.once.Do(func() {
		go func() {
			err := s.http.Serve(s.ln)
			if errors.Is(err, http.ErrServerClosed) {
				err = nil
			}
			s.served <- err
		}()
	})
	return s.served
}

// Shutdown refuses new requests with 503 and reports not ready, waits until those that run have ended
// or ctx does, then ends the remaining ones with an error event, and closes all connections. The error
// says how many requests were cut short.
func (s *Server) Shutdown(ctx context.Context) error {
	s.api.draining.Store(true)
	defer s.cancel(errShutdown)
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for s.api.inFlight.Load() > 0 && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	cut := s.api.inFlight.Load()
	s.cancel(errShutdown)
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), partingTime)
	defer stop()
	err := s.http.Shutdown(last)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if cut > 0 {
		return fmt.Errorf("httpapi: %d requests were cut short: %w", cut, errors.Join(err, context.Cause(ctx)))
	}
	return err
}
