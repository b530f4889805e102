package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
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
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if strings.HasPrefix(dir, filepath.Join(os.TempDir(), "parley-")) {
		if err := claim(dir); err != nil {
			return nil, err
		}
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

// claim makes a directory in the system's temporary one ours alone. Its name can be guessed, so another
// user may have put something there first, to be spoken to instead of the server.
func claim(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a directory")
	}
	if err == nil {
		err = os.Chmod(dir, 0o700) // #nosec G302 -- a directory; refused when it is somebody else's
	}
	if err != nil {
		return fmt.Errorf("%s is not safe to put the admin socket into (remove it, or choose a home directory with a shorter path): %w", dir, err)
	}
	return nil
}
