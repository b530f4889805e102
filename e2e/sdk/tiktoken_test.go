package sdk

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// sums are the SHA-256 of the rank files as tiktoken knows them.
var sums = map[string]string{
	"p50k_base":   "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
	"cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}

// tiktokenFiles writes the rank files that tiktoken would download, from the vocabularies in the binary,
// and returns the directory for TIKTOKEN_CACHE_DIR. Its names are the SHA-1 of the addresses.
func tiktokenFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, want := range sums {
		e, err := bpe.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		special := e.Specials()
		var file bytes.Buffer
		for id := range bpe.Token(e.Size()) {
			text, ok := e.Bytes(id)
			if !ok || slices.Contains(special, text) {
				continue
			}
			fmt.Fprintf(&file, "%s %d\n", base64.StdEncoding.EncodeToString([]byte(text)), id)
		}
		if got := sha256.Sum256(file.Bytes()); hex.EncodeToString(got[:]) != want {
			t.Fatalf("the rank file of %s is not tiktoken's: %x", name, got)
		}
		address := sha1.Sum([]byte("https://openaipublic.blob.core.windows.net/encodings/" + name + ".tiktoken"))
		if err := os.WriteFile(filepath.Join(dir, hex.EncodeToString(address[:])), file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
