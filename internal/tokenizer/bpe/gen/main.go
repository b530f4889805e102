// Command gen writes the data files of package bpe: the vocabularies and the classes of code points.
//
//	go run ./internal/tokenizer/bpe/gen              the vocabularies, from the Go module that carries the original files
//	python3 internal/tokenizer/bpe/gen/classes.py    the classes, asked of tiktoken itself
//
// A vocabulary file of tiktoken lists the bytes of each token. Each of them is the concatenation of two
// earlier tokens, namely those that byte pair encoding merges last when it encodes the token's own
// bytes. So the pairs say everything, take less space than the texts, and are what the encoder needs.
package main

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const source = "github.com/pkoukk/tiktoken-go-loader@v0.0.2"

// sums are the SHA-256 that tiktoken expects of the original files.
var sums = map[string]string{
	"r50k_base":   "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
	"p50k_base":   "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
	"cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
	"o200k_base":  "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}

func main() {
	log.SetFlags(0)
	assets, err := download()
	if err != nil {
		log.Fatal(err)
	}
	for name, sum := range sums {
		if err := write(assets, name, sum); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
	}
}

// download fetches the module and returns the folder with its files.
func download() (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", source).Output()
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w", source, err)
	}
	var mod struct{ Dir string }
	if err := json.Unmarshal(out, &mod); err != nil {
		return "", err
	}
	return filepath.Join(mod.Dir, "assets"), nil
}

func write(assets, name, sum string) error {
	raw, err := os.ReadFile(filepath.Join(assets, name+".tiktoken"))
	if err != nil {
		return err
	}
	if got := sha256.Sum256(raw); hex.EncodeToString(got[:]) != sum {
		return fmt.Errorf("not the file that tiktoken uses: SHA-256 %x", got)
	}
	tokens, ranks, err := parse(raw)
	if err != nil {
		return err
	}
	packed, err := pack(tokens, ranks)
	if err != nil {
		return err
	}
	file := filepath.Join("internal", "tokenizer", "bpe", "data", name+".bin")
	fmt.Printf("%s: %d tokens, %d bytes\n", file, len(tokens), len(packed))
	return os.WriteFile(file, packed, 0o644)
}

// parse reads the lines "base64 id" in order.
func parse(raw []byte) (tokens []string, ids []int, err error) {
	for line := range strings.Lines(string(raw)) {
		text, id, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, nil, err
		}
		n, err := strconv.Atoi(id)
		if err != nil {
			return nil, nil, err
		}
		if len(ids) > 0 && n <= ids[len(ids)-1] {
			return nil, nil, fmt.Errorf("id %d is out of order", n)
		}
		tokens, ids = append(tokens, string(b)), append(ids, n)
	}
	return tokens, ids, nil
}

// pack writes the 256 single bytes in the order of their ids, then for each further id the ids of the
// two tokens it is made of, as six columns of bytes (low, middle, high; left, right), because columns
// compress better. An id that is not used has no lower id to name: all bits are set.
func pack(tokens []string, ids []int) ([]byte, error) {
	byText := make(map[string]int, len(tokens))
	for i, t := range tokens {
		byText[t] = ids[i]
	}
	var head bytes.Buffer
	for i, t := range tokens[:256] {
		if len(t) != 1 || ids[i] != i {
			return nil, fmt.Errorf("id %d is not a single byte", ids[i])
		}
		head.WriteString(t)
	}
	last := ids[len(ids)-1]
	columns := make([][]byte, 6)
	for c := range columns {
		columns[c] = bytes.Repeat([]byte{0xff}, last+1-256)
	}
	for i := 256; i < len(tokens); i++ {
		left, right, ok := split(byText, tokens[i], ids[i])
		if !ok {
			return nil, fmt.Errorf("id %d is not what byte pair encoding makes of its own bytes", ids[i])
		}
		at := ids[i] - 256
		for c, v := range []int{left, left >> 8, left >> 16, right, right >> 8, right >> 16} {
			columns[c][at] = byte(v)
		}
	}
	for _, c := range columns {
		head.Write(c)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(head.Bytes()); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// split encodes text with the tokens below rank and returns the two that are left.
func split(byText map[string]int, text string, rank int) (left, right int, ok bool) {
	parts := make([]string, len(text))
	for i := range parts {
		parts[i] = text[i : i+1]
	}
	for len(parts) > 2 {
		best, at := rank, -1
		for i := range len(parts) - 1 {
			if r, ok := byText[parts[i]+parts[i+1]]; ok && r < best {
				best, at = r, i
			}
		}
		if at < 0 {
			return 0, 0, false
		}
		parts[at] += parts[at+1]
		parts = append(parts[:at+1], parts[at+2:]...)
	}
	return byText[parts[0]], byText[parts[1]], true
}
