package convert

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// maxHeader bounds the JSON head of a safetensors file; real ones have some hundred kilobytes.
const maxHeader = 64 << 20

// source is an open safetensors file.
type source struct {
	file    *os.File
	data    int64 // where tensor data begins
	tensors map[string]entry
}

// entry is one tensor of a safetensors file.
type entry struct {
	Type    string   `json:"dtype"`
	Shape   []int64  `json:"shape"` // slowest first
	Offsets [2]int64 `json:"data_offsets"`
}

var widths = map[string]int64{"F32": 4, "F16": 2, "BF16": 2, "I64": 8}

func (e entry) elements() int64 {
	n := int64(1)
	for _, d := range e.Shape {
		n *= d
	}
	return n
}

func openSafetensors(path string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &source{file: f}
	if err := s.head(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *source) head() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	var length [8]byte
	if _, err := io.ReadFull(s.file, length[:]); err != nil {
		return fmt.Errorf("not a safetensors file: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n < 2 || n > maxHeader || int64(n) > info.Size()-8 {
		return fmt.Errorf("not a safetensors file, or cut short: its head would have %d bytes of %d", n, info.Size())
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(s.file, head); err != nil {
		return err
	}
	var rows map[string]json.RawMessage
	if err := json.Unmarshal(head, &rows); err != nil {
		return fmt.Errorf("the head cannot be read: %w", err)
	}
	s.data, s.tensors = 8+int64(n), make(map[string]entry, len(rows))
	for name, raw := range rows {
		if name == "__metadata__" {
			continue
		}
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		if err := e.check(info.Size() - s.data); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		// Checkpoints of a whole model put the encoder below "bert.".
		s.tensors[strings.TrimPrefix(name, "bert.")] = e
	}
	return nil
}

func (e entry) check(room int64) error {
	if len(e.Shape) > 8 {
		return fmt.Errorf("%d dimensions", len(e.Shape))
	}
	n := int64(1)
	for _, d := range e.Shape {
		if d < 0 || d > 0 && n > math.MaxInt64/16/d {
			return fmt.Errorf("shape %v", e.Shape)
		}
		n *= d
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || end < begin || end > room {
		return fmt.Errorf("the file is cut short or its head is wrong: bytes %d to %d of %d", begin, end, room)
	}
	if width, known := widths[e.Type]; known && n*width != end-begin {
		return fmt.Errorf("shape %v of %s does not fit %d bytes", e.Shape, e.Type, end-begin)
	}
	return nil
}

// step is how many values are in memory at once; a multiple of every block size.
const step = 1 << 16

// each reads a tensor as 32-bit floats, at most step of them at a time.
func (s *source) each(ctx context.Context, e entry, use func([]float32) error) error {
	width, ok := widths[e.Type]
	if !ok || e.Type == "I64" {
		return fmt.Errorf("weights of type %s are not known", e.Type)
	}
	r := io.NewSectionReader(s.file, s.data+e.Offsets[0], e.Offsets[1]-e.Offsets[0])
	buf := make([]byte, step*width)
	values := make([]float32, step)
	for left := e.elements(); left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(left, step)
		if _, err := io.ReadFull(r, buf[:n*width]); err != nil {
			return err
		}
		for i := range n {
			values[i] = widen(e.Type, buf[i*width:])
		}
		if err := use(values[:n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func widen(kind string, b []byte) float32 {
	le := binary.LittleEndian
	switch kind {
	case "F16":
		return single(le.Uint16(b))
	case "BF16":
		return math.Float32frombits(uint32(le.Uint16(b)) << 16)
	}
	return math.Float32frombits(le.Uint32(b))
}
