package vector

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// ErrBroken says that a file is not one that Save wrote: torn, changed, or of a later Parley. Make the index again from
// the vectors.
var ErrBroken = errors.New("the file of the index is broken")

const (
	magic   = "parley vectors 1\n"
	maxNote = 4096 // bytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes the index into a file, with a note of at most 4 KB from which the caller can tell what is in it. The file
// is there as a whole, or as it was before. Changes wait until it is written.
func (x *Index) Save(path string, note []byte) error {
	if len(note) > maxNote {
		return fmt.Errorf("a note of %d bytes: at most %d are possible", len(note), maxNote)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone when it was renamed
	if err := x.write(f, note); err != nil {
		f.Close() //nolint:errcheck // the first error counts
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	// Without this the name can be lost with the power, not with the process: some systems refuse it on a directory.
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}

// summed writes with a checksum.
type summed struct {
	w   *bufio.Writer
	sum hash.Hash32
	err error
}

func (s *summed) bytes(b []byte) {
	if s.err == nil {
		s.sum.Write(b) //nolint:errcheck // never fails
		_, s.err = s.w.Write(b)
	}
}

func (s *summed) u32(n uint32) { s.bytes(binary.LittleEndian.AppendUint32(nil, n)) }

// end writes the checksum of what was written since the last one.
func (s *summed) end() {
	n := s.sum.Sum32()
	s.sum.Reset()
	if s.err == nil {
		_, s.err = s.w.Write(binary.LittleEndian.AppendUint32(nil, n))
	}
}

func (x *Index) write(w io.Writer, note []byte) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := &summed{w: bufio.NewWriterSize(w, 1<<20), sum: crc32.New(castagnoli)}
	s.bytes([]byte(magic))
	s.u32(uint32(x.dims))
	s.u32(uint32(len(x.lists)))
	s.u32(uint32(len(note)))
	s.bytes(note)
	s.end()
	var buf []byte
	for _, l := range x.lists {
		n, w := l.len(), x.width
		buf = binary.LittleEndian.AppendUint32(buf[:0], uint32(n))
		for _, f := range l.middle {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(f))
		}
		for _, id := range l.ids {
			buf = binary.LittleEndian.AppendUint64(buf, id)
		}
		for _, f := range l.scale {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(f))
		}
		for i := range n {
			for _, h := range l.hi[i*w : i*w+x.dims] {
				buf = append(buf, byte(h))
			}
			buf = append(buf, l.lo[i*w:i*w+x.dims]...)
		}
		s.bytes(buf)
		s.end()
	}
	if s.err != nil {
		return s.err
	}
	return s.w.Flush()
}

// Open reads what Save wrote, and its note. The error is ErrBroken for a file that Save did not write so, or that of
// the file system.
func Open(path string) (*Index, []byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	x, note, err := read(f, info.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return x, note, nil
}

// part reads checked parts of a file.
type part struct {
	r    *bufio.Reader
	left int64 // bytes of the file that are not read yet
	sum  hash.Hash32
}

// take reads n bytes, never more than the file has: a broken length must not ask for the machine's memory.
func (p *part) take(n int64) ([]byte, error) {
	if n < 0 || n > p.left {
		return nil, fmt.Errorf("%w: it ends early", ErrBroken)
	}
	p.left -= n
	b := make([]byte, n)
	if _, err := io.ReadFull(p.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: it ends early", ErrBroken)
		}
		return nil, err
	}
	p.sum.Write(b) //nolint:errcheck // never fails
	return b, nil
}

// end compares the checksum.
func (p *part) end() error {
	want := p.sum.Sum32()
	b, err := p.take(4)
	if err != nil {
		return err
	}
	p.sum.Reset()
	if binary.LittleEndian.Uint32(b) != want {
		return fmt.Errorf("%w: a checksum does not match", ErrBroken)
	}
	return nil
}

func read(r io.Reader, size int64) (*Index, []byte, error) {
	p := &part{r: bufio.NewReaderSize(r, 1<<20), left: size, sum: crc32.New(castagnoli)}
	head, err := p.take(int64(len(magic)) + 12)
	if err != nil {
		return nil, nil, err
	}
	if string(head[:len(magic)]) != magic {
		return nil, nil, fmt.Errorf("%w: it does not begin like one", ErrBroken)
	}
	head = head[len(magic):]
	dims, lists, noted := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
	if noted > maxNote {
		return nil, nil, fmt.Errorf("%w: a note of %d bytes", ErrBroken, noted)
	}
	note, err := p.take(int64(noted))
	if err != nil {
		return nil, nil, err
	}
	if err := p.end(); err != nil {
		return nil, nil, err
	}
	x, err := New(int(dims))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	for range lists {
		if err := x.readList(p); err != nil {
			return nil, nil, err
		}
	}
	if p.left != 0 {
		return nil, nil, fmt.Errorf("%w: something follows its end", ErrBroken)
	}
	return x, note, nil
}

func (x *Index) readList(p *part) error {
	b, err := p.take(4)
	if err != nil {
		return err
	}
	n, dims := int64(binary.LittleEndian.Uint32(b)), int64(x.dims)
	body, err := p.take(dims*4 + n*(8+4+2*dims))
	if err != nil {
		return err
	}
	if err := p.end(); err != nil {
		return err
	}
	middle, err := numbers(body[:dims*4], x.dims)
	if err != nil {
		return err
	}
	ids, scales, codes := body[dims*4:], body[dims*4+n*8:], body[dims*4+n*12:]
	l := x.listAround(middle)
	scale, err := numbers(scales, int(n))
	if err != nil {
		return err
	}
	at := uint32(len(x.lists))
	for i := range n {
		id := binary.LittleEndian.Uint64(ids[i*8:])
		if _, twice := x.at[id]; twice {
			return fmt.Errorf("%w: an id is there twice", ErrBroken)
		}
		x.at[id] = place{at, uint32(i)}
		l.ids = append(l.ids, id)
		l.codes(codes[i*2*dims:][:dims], codes[i*2*dims+dims:][:dims], scale[i])
		v := x.buffer()
		l.vector(int(i), v)
		x.sign(l, v)
	}
	x.lists = append(x.lists, l)
	head := slices.Clone(middle)
	normalize(head)
	x.heads.add(head)
	return nil
}

// codes appends a row of which the bytes are known.
func (r *rows) codes(hi, lo []byte, scale float32) {
	n := r.len()
	r.hi = grow(r.hi, r.width)
	r.lo = grow(r.lo, r.width)
	toHi, toLo := r.hi[n*r.width:], r.lo[n*r.width:]
	clear(toHi)
	clear(toLo)
	var sum, lsum int32
	for j, h := range hi {
		toHi[j] = int8(h)
		sum += int32(int8(h))
		lsum += int32(lo[j])
	}
	copy(toLo, lo)
	r.scale, r.sum, r.lsum = append(r.scale, scale), append(r.sum, sum), append(r.lsum, lsum)
}

// numbers reads n finite numbers.
func numbers(b []byte, n int) ([]float32, error) {
	out := make([]float32, n)
	for i := range out {
		f := math.Float32frombits(binary.LittleEndian.Uint32(b[i*4:]))
		if f != f || f > 4 || f < -4 {
			return nil, fmt.Errorf("%w: a number that no vector has", ErrBroken)
		}
		out[i] = f
	}
	return out, nil
}
