// Package lexical finds texts by their words, with BM25.
//
// Words are runs of letters and digits in lower case, English ones by their stem (Porter's algorithm of 1980); of scripts that do not
// part words by blanks, or attach particles to them (Han, Kana, Hangul, Thai), all pairs of characters that stand together. So the
// same question finds the same texts on every database.
//
// A Segment has the words of one file's chunks, as bytes that are kept as they are in memory and in the database. Search asks some
// segments at once, and counts how rare a word is over all of them.
package lexical

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math"
	"slices"
	"sort"
)

// BM25's parameters: how soon a word's repetition stops to count, and how much a text's length does.
const (
	k1 = 1.2
	b  = 0.75
)

// Segment is an index of some texts. It is immutable.
type Segment struct {
	lengths  []uint32
	total    uint64
	hashes   []uint64 // of words, rising
	offsets  []uint32 // of a word's postings; one more than there are words
	postings []byte   // for each text with the word: distance to the text before, and how often
}

const magic = 0x31584c50 // "PLX1"

// Build returns the bytes of a segment of texts.
func Build(texts []string) []byte {
	type posting struct{ text, count uint32 }
	words := map[uint64][]posting{}
	lengths := make([]uint32, len(texts))
	for i, text := range texts {
		counts := map[uint64]uint32{}
		for _, w := range Words(text) {
			counts[hash(w)]++
			lengths[i]++
		}
		for h, n := range counts {
			words[h] = append(words[h], posting{uint32(i), n})
		}
	}
	hashes := make([]uint64, 0, len(words))
	for h := range words {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	out := binary.LittleEndian.AppendUint32(nil, magic)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(texts)))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(hashes)))
	for _, n := range lengths {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	for _, h := range hashes {
		out = binary.LittleEndian.AppendUint64(out, h)
	}
	var postings []byte
	out = binary.LittleEndian.AppendUint32(out, 0)
	for _, h := range hashes {
		before := uint32(0)
		for _, p := range words[h] {
			postings = binary.AppendUvarint(postings, uint64(p.text-before))
			postings = binary.AppendUvarint(postings, uint64(p.count))
			before = p.text
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(len(postings)))
	}
	return append(out, postings...)
}

var errBroken = errors.New("lexical: these are not the bytes of a segment")

// Open reads what Build made. It keeps the bytes.
func Open(data []byte) (*Segment, error) {
	if len(data) < 12 || binary.LittleEndian.Uint32(data) != magic {
		return nil, errBroken
	}
	texts, words := uint64(binary.LittleEndian.Uint32(data[4:])), uint64(binary.LittleEndian.Uint32(data[8:]))
	data = data[12:]
	if uint64(len(data)) < 4*texts+8*words+4*(words+1) {
		return nil, errBroken
	}
	s := &Segment{lengths: make([]uint32, texts), hashes: make([]uint64, words), offsets: make([]uint32, words+1)}
	for i := range s.lengths {
		s.lengths[i] = binary.LittleEndian.Uint32(data[4*i:])
		s.total += uint64(s.lengths[i])
	}
	data = data[4*texts:]
	for i := range s.hashes {
		s.hashes[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	data = data[8*words:]
	for i := range s.offsets {
		s.offsets[i] = binary.LittleEndian.Uint32(data[4*i:])
		if i > 0 && s.offsets[i] < s.offsets[i-1] {
			return nil, errBroken
		}
	}
	s.postings = data[4*(words+1):]
	if uint64(s.offsets[words]) > uint64(len(s.postings)) {
		return nil, errBroken
	}
	return s, nil
}

// Len is how many texts the segment has.
func (s *Segment) Len() int { return len(s.lengths) }

// Bytes is about how much memory the segment takes.
func (s *Segment) Bytes() int64 {
	return int64(4*len(s.lengths) + 12*len(s.hashes) + len(s.postings))
}

func hash(word string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(word)) // a hash never fails
	return h.Sum64()
}

// of yields the texts that have a word, and how often.
func (s *Segment) of(h uint64, yield func(text int, count uint32)) {
	i := sort.Search(len(s.hashes), func(i int) bool { return s.hashes[i] >= h })
	if i == len(s.hashes) || s.hashes[i] != h {
		return
	}
	text := uint64(0)
	for p := s.postings[s.offsets[i]:s.offsets[i+1]]; len(p) > 0; {
		distance, n := binary.Uvarint(p)
		if n <= 0 {
			return
		}
		count, m := binary.Uvarint(p[n:])
		text += distance
		if m <= 0 || text >= uint64(len(s.lengths)) {
			return
		}
		yield(int(text), uint32(min(count, math.MaxUint32)))
		p = p[n+m:]
	}
}

// Query is a question's words.
type Query struct{ hashes []uint64 }

// Ask makes a query of a question. Words that stand in every English text are left out, unless there are no others.
func Ask(question string) Query {
	words := Words(question)
	var q Query
	for _, only := range []bool{true, false} {
		for _, w := range words {
			if only && common[w] {
				continue
			}
			if h := hash(w); !slices.Contains(q.hashes, h) {
				q.hashes = append(q.hashes, h)
			}
		}
		if len(q.hashes) > 0 {
			break
		}
	}
	return q
}

// Scores are one number per text of each segment; nil for a segment without any of the words.
type Scores [][]float64

// Search scores the texts of the open segments; how rare words are, all segments say. most is what a text would have that repeats
// every word of the question without end.
func Search(segments []*Segment, open []bool, q Query) (scores Scores, most float64) {
	texts, total := 0, uint64(0)
	for _, s := range segments {
		texts += len(s.lengths)
		total += s.total
	}
	scores = make(Scores, len(segments))
	if texts == 0 || total == 0 {
		return scores, 0
	}
	average := float64(total) / float64(texts)
	type found struct {
		text  int
		count uint32
	}
	in := make([][]found, len(segments))
	for _, h := range q.hashes {
		having := 0
		for i, s := range segments {
			in[i] = in[i][:0]
			s.of(h, func(text int, count uint32) { in[i] = append(in[i], found{text, count}) })
			having += len(in[i])
		}
		idf := math.Log(1 + (float64(texts)-float64(having)+0.5)/(float64(having)+0.5))
		most += idf * (k1 + 1)
		for i, s := range segments {
			if len(in[i]) == 0 || !open[i] {
				continue
			}
			if scores[i] == nil {
				scores[i] = make([]float64, len(s.lengths))
			}
			for _, f := range in[i] {
				n := float64(f.count)
				scores[i][f.text] += idf * n * (k1 + 1) / (n + k1*(1-b+b*float64(s.lengths[f.text])/average))
			}
		}
	}
	return scores, most
}
