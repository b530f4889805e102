// Package textstream turns the bytes of produced tokens into text that may be shown: whole UTF-8
// only, and never a part of a stop sequence.
//
// Bytes are held back while they could still become a character or a stop sequence. Bytes that can
// become neither are shown as U+FFFD, one for each.
package textstream

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Stream is the text of one answer. The zero Stream has no stop sequences and is ready for use.
type Stream struct {
	stops   [][]byte
	longest int
	pending []byte // produced and not given out yet
	ends    []int  // of each token not counted yet, where its bytes end in pending
	begin   int    // where the first of these begins; negative when a part of it was given out
	stopped bool
}

// New returns a stream that ends before the first of the stop sequences. Empty ones are ignored.
func New(stops []string) *Stream {
	s := &Stream{}
	for _, stop := range stops {
		if stop != "" {
			s.stops = append(s.stops, []byte(stop))
			s.longest = max(s.longest, len(stop))
		}
	}
	return s
}

// Push takes the bytes of one token. It returns the text that may be shown now, and how many of the
// oldest tokens not counted before lie wholly in the text given out. Once a stop sequence is
// complete, stopped is true, the text ends before it, and tokens counts those that began before it.
func (s *Stream) Push(piece []byte) (text string, tokens int, stopped bool) {
	if s.stopped {
		return "", 0, true
	}
	from := max(0, len(s.pending)-s.longest+1)
	s.pending = append(s.pending, piece...)
	s.ends = append(s.ends, len(s.pending))
	if cut := s.findStop(from); cut >= 0 {
		s.stopped = true
		text, _ = decode(s.pending[:cut], true)
		start := s.begin
		for _, end := range s.ends {
			if start >= cut {
				break
			}
			tokens++
			start = end
		}
		s.pending, s.ends = nil, nil
		return text, tokens, true
	}
	text, n := decode(s.pending[:len(s.pending)-s.partialStop()], false)
	return text, s.drop(n), false
}

// Flush ends the stream: it returns what was held back and the number of tokens not counted before.
func (s *Stream) Flush() (text string, tokens int) {
	text, _ = decode(s.pending, true)
	tokens = len(s.ends)
	s.pending, s.ends, s.stopped = nil, nil, true
	return text, tokens
}

// findStop returns where the first complete stop sequence begins in pending, or -1.
func (s *Stream) findStop(from int) int {
	cut := -1
	for _, stop := range s.stops {
		if i := bytes.Index(s.pending[from:], stop); i >= 0 && (cut < 0 || from+i < cut) {
			cut = from + i
		}
	}
	return cut
}

// partialStop returns how many bytes at the end of pending are the beginning of a stop sequence.
func (s *Stream) partialStop() int {
	for n := min(s.longest-1, len(s.pending)); n > 0; n-- {
		tail := s.pending[len(s.pending)-n:]
		for _, stop := range s.stops {
			if len(stop) > n && bytes.HasPrefix(stop, tail) {
				return n
			}
		}
	}
	return 0
}

// drop forgets the first n bytes of pending and returns how many tokens end within them.
func (s *Stream) drop(n int) (tokens int) {
	s.pending = s.pending[:copy(s.pending, s.pending[n:])]
	for _, end := range s.ends {
		if end > n {
			break
		}
		tokens++
	}
	if tokens > 0 {
		s.begin = s.ends[tokens-1]
	}
	s.begin -= n
	s.ends = s.ends[:copy(s.ends, s.ends[tokens:])]
	for i := range s.ends {
		s.ends[i] -= n
	}
	return tokens
}

// decode returns the text of b and how many bytes it took. Unless final, it leaves a character that
// is not complete yet.
func decode(b []byte, final bool) (string, int) {
	if utf8.Valid(b) {
		return string(b), len(b)
	}
	var out strings.Builder
	i := 0
	for i < len(b) {
		if !final && !utf8.FullRune(b[i:]) {
			break
		}
		r, size := utf8.DecodeRune(b[i:])
		out.WriteRune(r)
		i += size
	}
	return out.String(), i
}
