package backup_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/parley-ai/parley/internal/server"
)

// shortDir is a temporary directory whose path is short enough for a Unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "parley")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// socket is a client of the admin socket of the server in a home.
func socket(home string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", server.SocketPath(home))
	}}}
}
