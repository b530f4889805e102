package retrieval

import (
	"context"
	"maps"
	"sync"

	"github.com/parley-ai/parley/internal/retrieval/lexical"
	"github.com/parley-ai/parley/internal/vector"
)

// index is what searches need of a store, in memory.
type index struct {
	mu       sync.Mutex // held while it is brought up to date
	revision int64
	files    map[string]*fileIndex // by attachment
	serial   uint32                // of the file that was added last
	view     view

	bytes int64 // under the cache's lock
	used  int64 // under the cache's lock: the cache's clock when it was last asked for
}

// view is an index at a time. It is replaced, never changed; its vectors may have come to be more or fewer.
type view struct {
	files   []*fileIndex             // as they were attached
	vectors map[string]*vector.Index // by the model that made them; ids are those of vectorID
}

// fileIndex is a completed file. It is not changed but for its attributes, which are replaced with the whole.
type fileIndex struct {
	attachment string
	storeID    string
	fileID     string
	name       string
	attributes map[string]any
	served     string // what made the vectors
	serial     uint32 // in the ids of its vectors
	words      *lexical.Segment
	chunks     []span    // passages of its chunks
	passages   int       // how many
	sum        []float32 // of its vectors
}

// vectorID names a passage's vector.
func vectorID(serial uint32, passage int) uint64 { return uint64(serial)<<32 | uint64(uint32(passage)) }

// span is some passages in a row.
type span struct{ first, last int }

func (f *fileIndex) bytes() int64 {
	return f.words.Bytes() + int64(16*len(f.chunks)+4*len(f.sum))
}

// cache has the indexes of stores that were searched last.
type cache struct {
	limit int64 // bytes

	mu     sync.Mutex
	stores map[string]*index
	clock  int64
	bytes  int64
}

// get returns a store's index, perhaps an empty one.
func (c *cache) get(id string) *index {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.stores[id]
	if x == nil {
		x = &index{files: map[string]*fileIndex{}, revision: -1}
		c.stores[id] = x
	}
	c.clock++
	x.used = c.clock
	return x
}

// sized notes how much an index takes, and lets go of others when all take too much.
func (c *cache) sized(id string, x *index, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stores[id] != x {
		return // dropped meanwhile
	}
	c.bytes += bytes - x.bytes
	x.bytes = bytes
	for c.bytes > c.limit && len(c.stores) > 1 {
		oldest := ""
		for other, y := range c.stores {
			if other != id && (oldest == "" || y.used < c.stores[oldest].used) {
				oldest = other
			}
		}
		c.bytes -= c.stores[oldest].bytes
		delete(c.stores, oldest)
	}
}

func (c *cache) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.stores[id]; x != nil {
		c.bytes -= x.bytes
		delete(c.stores, id)
	}
}

// indexOf returns what a store has that is completed, as of its revision or later.
func (s *Service) indexOf(ctx context.Context, v Store) (view, error) {
	x := s.cache.get(v.ID)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.revision >= v.revision {
		return x.view, nil
	}
	rows, err := s.completed(ctx, v.ID)
	if err != nil {
		return view{}, err
	}
	next, there := view{vectors: maps.Clone(x.view.vectors)}, map[string]bool{}
	if next.vectors == nil {
		next.vectors = map[string]*vector.Index{}
	}
	for _, row := range rows {
		there[row.id] = true
		f := x.files[row.id]
		if f == nil {
			// What is loaded stays when a later one fails, so that the next search goes on.
			if f, err = s.load(ctx, row, x, next.vectors); err != nil {
				return view{}, err
			}
			if f == nil {
				continue // removed since the list was read
			}
			x.files[row.id] = f
			x.view.vectors = next.vectors
		}
		fresh := *f
		fresh.attributes = row.Attributes
		x.files[row.id] = &fresh
		next.files = append(next.files, &fresh)
	}
	bytes := int64(0)
	for id, f := range x.files {
		if there[id] {
			bytes += f.bytes()
			continue
		}
		for p := range f.passages {
			next.vectors[f.served].Remove(vectorID(f.serial, p))
		}
		delete(x.files, id)
	}
	for _, vectors := range next.vectors {
		bytes += vectors.Memory()
	}
	x.view, x.revision = next, v.revision
	s.cache.sized(v.ID, x, bytes)
	return next, nil
}
