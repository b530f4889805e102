// Command parley times Parley's encoder on the second half of a text, after the first half as a warm-up:
// parley ENCODING FILE prints bytes, tokens and seconds, as its peers in bench/tokenizer do.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("parley ENCODING FILE")
	}
	e, err := bpe.Get(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	text := string(data)
	cut := len(text)/2 + strings.IndexByte(text[len(text)/2:], '\n') + 1
	e.EncodeOrdinary(nil, text[:cut])
	start := time.Now()
	tokens := e.EncodeOrdinary(nil, text[cut:])
	took := time.Since(start)
	fmt.Println(len(text)-cut, len(tokens), took.Seconds())
}
