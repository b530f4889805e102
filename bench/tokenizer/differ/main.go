// Command differ compares Parley's encoder with records that bench/tokenizer/differ.py wrote on its
// standard input, and ends with 1 at the first difference.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"

	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

var names = []string{"cl100k_base", "o200k_base", "p50k_base", "p50k_edit", "r50k_base"}

func main() {
	log.SetFlags(0)
	encodings := make([]*bpe.Encoding, len(names))
	for i, name := range names {
		e, err := bpe.Get(name)
		if err != nil {
			log.Fatal(err)
		}
		encodings[i] = e
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	cases, tokens := 0, 0
	for {
		which, kind, text, want, err := record(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatalf("case %d: %v", cases, err)
		}
		e := encodings[which]
		var got []bpe.Token
		if kind == 1 {
			got, err = e.Encode(nil, text, bpe.All, bpe.Special{})
		} else {
			got = e.EncodeOrdinary(nil, text)
		}
		if err != nil || !slices.Equal(got, want) {
			log.Fatalf("case %d, %s, kind %d: %q\ntiktoken %v\nparley   %v %v", cases, e.Name(), kind, text, want, got, err)
		}
		if back, err := e.Decode(nil, got); err != nil || !bytes.Equal(back, []byte(text)) {
			log.Fatalf("case %d, %s: %q decodes to %q, %v", cases, e.Name(), text, back, err)
		}
		cases++
		tokens += len(got)
	}
	if cases == 0 {
		log.Fatal("nothing came on standard input")
	}
	fmt.Printf("%d inputs, %d tokens: no difference\n", cases, tokens)
}

// record reads one case; io.EOF between two is the end.
func record(in io.Reader) (which, kind byte, text string, ids []bpe.Token, err error) {
	var head struct {
		Which, Kind byte
		Length      uint32
	}
	if err := binary.Read(in, binary.LittleEndian, &head); err != nil {
		return 0, 0, "", nil, err
	}
	body := make([]byte, head.Length)
	if _, err := io.ReadFull(in, body); err != nil {
		return 0, 0, "", nil, fmt.Errorf("cut short: %w", noEOF(err))
	}
	var count uint32
	if err := binary.Read(in, binary.LittleEndian, &count); err != nil {
		return 0, 0, "", nil, fmt.Errorf("cut short: %w", noEOF(err))
	}
	ids = make([]bpe.Token, count)
	if err := binary.Read(in, binary.LittleEndian, ids); err != nil {
		return 0, 0, "", nil, fmt.Errorf("cut short: %w", noEOF(err))
	}
	return head.Which, head.Kind, string(body), ids, nil
}

// noEOF keeps an end inside a record from reading like the end of the input.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
