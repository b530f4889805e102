package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"time"
)

// maxSocketPath is what every system's sockaddr_un holds (macOS: 104 bytes with the final NUL).
const maxSocketPath = 103

// SocketPath returns where the server of a home listens for its owner. A home whose path is too long
// for a socket's address gets one in the temporary directory, named by the home.
func SocketPath(home string) string {
	path := filepath.Join(home, "parley.sock")
	if len(path) <= maxSocketPath {
		return path
	}
	sum := sha256.Sum256([]byte(home))
	return filepath.Join(os.TempDir(), "parley-"+hex.EncodeToString(sum[:8]), "parley.sock")
}

// Alive reports whether a server listens on the socket.
func Alive(path string) bool {
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// listenSocket makes the socket, for its owner alone. The home's lock is held, so a file that lies
// there is a dead server's.
func listenSocket(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
