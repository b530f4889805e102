package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// Dir is a Store in a directory of one machine.
//
// A key lies in a file of its own at SHARD/NAME: SHARD is the first two hex digits of the key's
// sha256, which keeps directories small, and NAME is the key with "/" written %2F, so that a key can
// neither leave the directory nor collide with one that is a prefix of it. Long names are cut into
// directories of 200 letters. Case matters in keys; on file systems where it does not, upper-case
// letters are distinguished because NAME escapes them as ^x.
type Dir struct {
	root *os.Root // nothing outside can be reached, through links neither
	path string
}

// tmpDir holds unfinished Puts; its name is no shard.
const tmpDir = "incoming"

// An unfinished Put belongs to nobody any more when its process no longer holds its lock, which ends with it, or, where there are no
// locks, after staleAfter. One that has just begun may not hold its lock yet.
const (
	staleAfter = 24 * time.Hour
	justBegun  = 2 * time.Second
)

// OpenDir opens the directory, creating it if absent, and removes what Puts of killed processes left.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(filepath.Join(path, tmpDir), 0o700); err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	d := &Dir{root, path}
	left, err := fs.ReadDir(root.FS(), tmpDir)
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	for _, e := range left {
		// Another server may share the directory, and be writing.
		name := filepath.Join(tmpDir, e.Name())
		if info, err := e.Info(); err == nil {
			if age := time.Since(info.ModTime()); age > staleAfter || age > justBegun && abandoned(root, name) {
				_ = root.Remove(name)
			}
		}
	}
	return d, nil
}

// abandoned reports whether no process holds a file's lock.
func abandoned(root *os.Root, name string) bool {
	f, err := root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close() // which gives the lock back
	return lockFile(f) == nil
}

// Close gives the directory back; contents that are open stay readable.
func (d *Dir) Close() error { return d.root.Close() }

const namePart = 200

// file returns where a key lies, relative to the root.
func file(key string) string {
	sum := sha256.Sum256([]byte(key))
	var name strings.Builder
	for _, c := range []byte(key) {
		switch {
		case c == '/':
			name.WriteString("%2F")
		case 'A' <= c && c <= 'Z':
			name.WriteByte('^')
			name.WriteByte(c + 'a' - 'A')
		default:
			name.WriteByte(c)
		}
	}
	parts := []string{hex.EncodeToString(sum[:1])}
	// Parts but the last end in "+", which no name holds: a directory and a file never have the same name.
	rest := name.String()
	for ; len(rest) > namePart; rest = rest[namePart:] {
		parts = append(parts, rest[:namePart]+"+")
	}
	return filepath.Join(append(parts, rest)...)
}

// keyOf is the reverse of file.
func keyOf(path string) (string, bool) {
	_, name, ok := strings.Cut(filepath.ToSlash(path), "/")
	if !ok {
		return "", false
	}
	name = strings.ReplaceAll(name, "+/", "")
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '^' && i+1 < len(name) {
			i++
			b.WriteByte(name[i] - ('a' - 'A'))
			continue
		}
		b.WriteByte(name[i])
	}
	key, err := url.PathUnescape(b.String())
	return key, err == nil && CheckKey(key) == nil
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, key string, r io.Reader) (_ Info, err error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	tmp, err := d.temp()
	if err != nil {
		return Info{}, diskError(err)
	}
	name := filepath.Join(tmpDir, filepath.Base(tmp.Name()))
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = d.root.Remove(name)
		}
	}()
	hash := sha256.New()
	src := &source{ctx: ctx, r: r}
	size, err := io.Copy(io.MultiWriter(tmp, hash), src)
	if src.err != nil {
		return Info{}, src.err
	}
	if err != nil {
		return Info{}, diskError(err)
	}
	if err := tmp.Sync(); err != nil {
		return Info{}, diskError(err)
	}
	st, err := tmp.Stat()
	if err != nil {
		return Info{}, diskError(err)
	}
	if err := tmp.Close(); err != nil {
		return Info{}, diskError(err)
	}
	path := file(key)
	if err := d.root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Info{}, diskError(err)
	}
	if err := d.root.Rename(name, path); err != nil {
		return Info{}, diskError(err)
	}
	// The rename is durable when the directories that name the file are.
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if err := syncDir(filepath.Join(d.path, dir)); err != nil {
			return Info{}, diskError(err)
		}
		if dir == "." {
			break
		}
	}
	return Info{Key: key, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), Modified: st.ModTime().UTC()}, nil
}

// temp opens a new file for a Put.
func (d *Dir) temp() (*os.File, error) {
	f, err := os.CreateTemp(filepath.Join(d.path, tmpDir), "put-")
	if err == nil {
		_ = lockFile(f) // without locks, age tells who is dead
	}
	return f, err
}

// Get implements Store.
func (d *Dir) Get(_ context.Context, key string) (io.ReadSeekCloser, Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, Info{}, err
	}
	f, err := d.root.Open(file(key))
	if err != nil {
		return nil, Info{}, openError(key, err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = f.Close()
		return nil, Info{}, openError(key, err)
	}
	return f, info(key, st), nil
}

// Stat implements Store.
func (d *Dir) Stat(_ context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	st, err := d.root.Stat(file(key))
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Info{}, openError(key, err)
	}
	return info(key, st), nil
}

// Delete implements Store.
func (d *Dir) Delete(_ context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	err := d.root.Remove(file(key))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return diskError(err)
	}
	return nil
}

// List implements Store. It reads the names of all contents: it is for tidying up, not for requests.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		var all []Info
		err := fs.WalkDir(d.root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if e.IsDir() && path == tmpDir {
				return fs.SkipDir
			}
			if key, ok := keyOf(path); ok && e.Type().IsRegular() && strings.HasPrefix(key, prefix) {
				st, err := e.Info()
				if errors.Is(err, fs.ErrNotExist) {
					return nil // deleted meanwhile
				}
				if err != nil {
					return err
				}
				all = append(all, info(key, st))
			}
			return nil
		})
		if err != nil {
			yield(Info{}, diskError(err))
			return
		}
		slices.SortFunc(all, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
		for _, i := range all {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func info(key string, st fs.FileInfo) Info {
	return Info{Key: key, Size: st.Size(), Modified: st.ModTime().UTC()}
}

// source is what a Put reads: it ends with its context, and keeps its error apart from the disk's.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func openError(key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return notFound(key, err)
	}
	return diskError(err)
}

// diskError gives the disk's errors a kind.
func diskError(err error) error {
	if isFull(err) {
		return fault.New(fault.Full, "The disk for stored contents is full. The operator must free space.").WithCause(err)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fault.New(fault.Unavailable, "Stored contents cannot be read or written. The operator finds the reason in the log.").WithCause(err)
	}
	if _, ok := errors.AsType[*os.LinkError](err); ok {
		return fault.New(fault.Unavailable, "Stored contents cannot be written. The operator finds the reason in the log.").WithCause(err)
	}
	return err
}
