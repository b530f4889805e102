package bpe

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"testing"
)

// TestGolden compares with what Python tiktoken 0.14.0 made of 5,000 seeded inputs; bench/tokenizer/differ.py
// wrote the file and describes it.
func TestGolden(t *testing.T) {
	names := []string{"cl100k_base", "o200k_base", "p50k_base", "p50k_edit", "r50k_base"}
	f, err := os.Open("testdata/golden.bin.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(z)
	cases := 0
	for ; ; cases++ {
		var head struct {
			Which, Kind byte
			Length      uint32
		}
		err := binary.Read(in, binary.LittleEndian, &head)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, head.Length)
		if _, err := io.ReadFull(in, body); err != nil {
			t.Fatal(err)
		}
		var want struct{ Count, Sum uint32 }
		if err := binary.Read(in, binary.LittleEndian, &want); err != nil {
			t.Fatal(err)
		}
		e := get(t, names[head.Which])
		got := e.EncodeOrdinary(nil, string(body))
		if head.Kind == 1 {
			if got, err = e.Encode(nil, string(body), All, Special{}); err != nil {
				t.Fatal(err)
			}
		}
		sum := crc32.NewIEEE()
		if err := binary.Write(sum, binary.LittleEndian, got); err != nil {
			t.Fatal(err)
		}
		if len(got) != int(want.Count) || sum.Sum32() != want.Sum {
			t.Errorf("case %d, %s, kind %d: %q gives %v: not the %d tokens of tiktoken", cases, e.Name(), head.Kind, body, got, want.Count)
		}
	}
	if cases != 5000 {
		t.Errorf("the file holds %d cases, not 5,000", cases)
	}
}

func get(t testing.TB, name string) *Encoding {
	t.Helper()
	e, err := Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
