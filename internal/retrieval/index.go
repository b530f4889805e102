package retrieval

import (
	"context"
	"sync"

	"github.com/parley-ai/parley/internal/retrieval/lexical"
)

// index is what searches need of a store, in memory.
type index struct {
	mu       sync.Mutex // held while it is brought up to date
	revision int64
	files    map[string]*fileIndex // by attachment
	order    []*fileIndex          // as they were attached; replaced, never changed

	bytes int64 // under the cache's lock
	used  int64 // under the cache's lock: the cache's clock when it was last asked for
}

// fileIndex is a completed file. It is not changed but for its attributes, which are replaced with the whole.
type fileIndex struct {
	attachment string
	storeID    string
	fileID     string
	name       string
	attributes map[string]any
	served     string // what made the vectors
	words      *lexical.Segment
	vectors    [][]float32 // of its passages
	chunks     []span      // passages of its chunks
}

// span is some passages in a row.
type span struct{ first, last int }

func (f *fileIndex) bytes() int64 {
	n := f.words.Bytes() + int64(16*len(f.chunks))
	if len(f.vectors) > 0 {
		n += int64(len(f.vectors)) * int64(24+4*len(f.vectors[0]))
	}
	return n
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

// indexOf returns the files of a store that are completed, as of its revision or later.
func (s *Service) indexOf(ctx context.Context, v Store) ([]*fileIndex, error) {
	x := s.cache.get(v.ID)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.revision >= v.revision {
		return x.order, nil
	}
	rows, err := s.completed(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	files, order, bytes := map[string]*fileIndex{}, make([]*fileIndex, 0, len(rows)), int64(0)
	for _, f := range rows {
		var next fileIndex
		if old := x.files[f.id]; old != nil {
			next = *old
			next.attributes = f.Attributes
		} else if err := s.load(ctx, f, &next); err != nil {
			return nil, err
		}
		if next.words == nil {
			continue // removed since the list was read
		}
		files[f.id], order = &next, append(order, &next)
		bytes += next.bytes()
	}
	x.files, x.order, x.revision = files, order, v.revision
	s.cache.sized(v.ID, x, bytes)
	return order, nil
}
