package usage

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// journal keeps rows in files until they are in the database: what was written to a file survives the process, and
// costs a fortieth of a transaction. A file takes some thousand rows and is removed when all of them are in the
// database. What a killed process left is read at the next start.
//
// A record is its length and its CRC-32 (both four bytes, big-endian) and a JSON object.
type journal struct {
	dir string

	mu      sync.Mutex
	current *segment // nil: none is open
	serial  int
	buf     []byte
}

// segment is a file. Its fields are guarded by journal.mu.
type segment struct {
	file *os.File
	size int
	open int  // rows that are not in the database
	full bool // no row is added any more
}

const (
	segmentSize = 1 << 20 // bytes, about
	maxRecord   = 1 << 16 // bytes; rows have some hundred
)

// entry is a row as it stands in a file.
type entry struct {
	ID        int64     `json:"id"`
	At        time.Time `json:"at"`
	Org       string    `json:"org"`
	Project   string    `json:"project"`
	User      string    `json:"user,omitzero"`
	Key       string    `json:"key,omitzero"`
	RequestID string    `json:"request"`
	Class     string    `json:"class"`
	Code      string    `json:"code,omitzero"`
	Cost      int64     `json:"cost,omitzero"`
	Parts     [2]int64  `json:"parts,omitzero"` // of the cost: cached tokens, tokens of the answer
	Priced    bool      `json:"priced"`
	Op        string    `json:"op"`
	Model     string    `json:"model"`
	Served    string    `json:"served"`
	Figures   [5]int    `json:"figures"` // model requests, tokens of prompt, cached, of answer, status
	Latency   int64     `json:"latency"` // nanoseconds
	First     int64     `json:"first"`   // nanoseconds
	EndUser   string    `json:"end_user,omitzero"`
	Untracked bool      `json:"untracked,omitzero"`
}

// openJournal opens the directory, which is made, and returns what an earlier process left in it.
func openJournal(dir string) (_ *journal, left []*event, files []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, nil, err
	}
	files, err = filepath.Glob(filepath.Join(dir, "*.rows"))
	if err != nil {
		return nil, nil, nil, err
	}
	for _, name := range files {
		events, err := readSegment(name)
		if err != nil {
			return nil, nil, nil, err
		}
		left = append(left, events...)
	}
	return &journal{dir: dir}, left, files, nil
}

// readSegment returns the rows of a file, up to one that was not written whole.
func readSegment(name string) ([]*event, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []*event
	r := bufio.NewReader(f)
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return out, whole(err)
		}
		n := binary.BigEndian.Uint32(head[:])
		if n > maxRecord {
			return out, nil
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return out, whole(err)
		}
		var e entry
		if crc32.ChecksumIEEE(data) != binary.BigEndian.Uint32(head[4:]) || json.Unmarshal(data, &e) != nil {
			return out, nil
		}
		out = append(out, &event{id: e.ID, at: e.At, who: actor.Actor{Org: e.Org, Project: e.Project, User: e.User, Key: e.Key}, requestID: e.RequestID,
			class: e.Class, code: e.Code, cost: Cost{e.Cost, e.Parts[0], e.Parts[1]}, priced: e.Priced, untracked: e.Untracked, row: Row{EndUser: e.EndUser, Op: e.Op, Model: e.Model, Served: e.Served, Requests: e.Figures[0],
				Prompt: e.Figures[1], Cached: e.Figures[2], Completion: e.Figures[3], Status: e.Figures[4], Latency: time.Duration(e.Latency), FirstToken: time.Duration(e.First)}})
	}
}

// whole is the error of a file that could not be read; one that ends early is no error.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// put writes rows to the file, gives them to queue in the order of their ids, and counts them as not yet in the
// database. Rows that the file did not take are queued, too, and not safe until they are written.
func (j *journal) put(events []*event, id func() int64, queue func(*event) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range events {
		e.id = id()
	}
	s, err := j.write(events)
	if err != nil {
		err = fmt.Errorf("%w: %w", errWaits, err)
	}
	for _, e := range events {
		if s != nil {
			e.segment = s
			s.open++
		}
		if qerr := queue(e); qerr != nil {
			err = qerr
		}
	}
	if s != nil && s.size >= segmentSize {
		j.close(s)
	}
	return err
}

// write appends rows to the current file, and returns that.
func (j *journal) write(events []*event) (*segment, error) {
	j.buf = j.buf[:0]
	for _, e := range events {
		w := &e.row
		data, err := json.Marshal(entry{ID: e.id, At: e.at, Org: e.who.Org, Project: e.who.Project, User: e.who.User, Key: e.who.Key, RequestID: e.requestID,
			Class: e.class, Code: e.code, Cost: e.cost.Total, Parts: [2]int64{e.cost.Cached, e.cost.Output}, Priced: e.priced, Op: w.Op, Model: w.Model, Served: w.Served,
			Figures: [5]int{w.Requests, w.Prompt, w.Cached, w.Completion, w.Status}, Latency: int64(w.Latency), First: int64(w.FirstToken),
			EndUser: w.EndUser, Untracked: e.untracked})
		if err != nil || len(data) > maxRecord {
			return nil, fmt.Errorf("usage: a row of %d bytes for the journal: %w", len(data), cmp.Or(err, errTooLong))
		}
		j.buf = binary.BigEndian.AppendUint32(j.buf, uint32(len(data)))
		j.buf = binary.BigEndian.AppendUint32(j.buf, crc32.ChecksumIEEE(data))
		j.buf = append(j.buf, data...)
	}
	s, err := j.segment()
	if err != nil {
		return nil, err
	}
	if _, err := s.file.Write(j.buf); err != nil {
		j.close(s) // its end may be half a record: nothing may follow
		return nil, err
	}
	s.size += len(j.buf)
	return s, nil
}

var errTooLong = errors.New("it is too long")

// segment returns the file that rows are added to.
func (j *journal) segment() (*segment, error) {
	if j.current == nil {
		j.serial++
		name := filepath.Join(j.dir, strconv.FormatInt(time.Now().UnixNano(), 36)+"-"+strconv.Itoa(j.serial)+".rows")
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		j.current = &segment{file: f}
	}
	return j.current, nil
}

// close ends a file. j.mu is held.
func (j *journal) close(s *segment) {
	if j.current == s {
		j.current = nil
	}
	s.full = true
	_ = s.file.Close() // every write was checked
	j.remove(s)
}

// remove removes a file of which every row is in the database. j.mu is held.
func (j *journal) remove(s *segment) {
	if s.full && s.open == 0 {
		// One that stays is read at the next start, and changes nothing.
		_ = os.Remove(s.file.Name())
	}
}

// done notes that rows are in the database.
func (j *journal) done(events []*event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range events {
		if s := e.segment; s != nil {
			e.segment = nil
			s.open--
			j.remove(s)
		}
	}
}

// end closes the current file.
func (j *journal) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.current != nil {
		j.close(j.current)
	}
}

// replay writes what an earlier process left in its journal, and removes the files.
func (l *Log) replay(ctx context.Context, left []*event, files []string) error {
	for len(left) > 0 {
		n := min(len(left), 500)
		err := writeAgain(ctx, l.db, left[:n])
		if err != nil && fault.KindOf(err) == fault.Unavailable {
			return err
		}
		for i := 0; err != nil && i < n; i++ { // one bad row takes no other with it
			if one := writeAgain(ctx, l.db, left[i:i+1]); one != nil {
				l.tell(ctx, left[i], one)
			}
		}
		left = left[n:]
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}
