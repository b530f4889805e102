package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"gocloud.dev/blob/memblob"

	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/blob/blobtest"
	"github.com/parley-ai/parley/internal/blob/cloud"
	"github.com/parley-ai/parley/internal/fault"
)

func TestMemory(t *testing.T) {
	blobtest.Conform(t, func(t *testing.T) blob.Store {
		s := cloud.New(memblob.OpenBucket(nil))
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
}

// fakeS3 is a server that speaks S3 and keeps what it gets in memory (gofakes3, not AWS's own).
func fakeS3(t *testing.T) string {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("files"); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(s.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return s.URL
}

func openS3(t *testing.T, address string) *cloud.Store {
	t.Helper()
	s, err := cloud.Open(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestS3(t *testing.T) {
	blobtest.Conform(t, func(t *testing.T) blob.Store {
		return openS3(t, "s3://files?region=eu-central-1&path_style=true&endpoint="+fakeS3(t))
	})
}

// A content of many parts arrives whole; one that is cut leaves nothing; a prefix keeps its own.
func TestS3Parts(t *testing.T) {
	ctx, endpoint := context.Background(), fakeS3(t)
	address := "s3://files?region=eu-central-1&path_style=true&endpoint=" + endpoint
	s, other := openS3(t, address+"&prefix=a/"), openS3(t, address+"&prefix=b/")
	big := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	if info, err := s.Put(ctx, "big", bytes.NewReader(big)); err != nil || info.Size != int64(len(big)) {
		t.Fatalf("%+v, %v", info, err)
	}
	r, _, err := s.Get(ctx, "big")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(10<<20+3, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, big[10<<20+3:]) {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	gone := errors.New("the client went away")
	if _, err := s.Put(ctx, "cut", io.MultiReader(bytes.NewReader(big), failing{gone})); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	if _, err := s.Stat(ctx, "cut"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := other.Stat(ctx, "big"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestOpenRefuses(t *testing.T) {
	endpoint := fakeS3(t)
	t.Setenv("AZURE_STORAGE_ACCOUNT", "")
	for address, want := range map[string]string{
		"s3://":          "write s3://BUCKET",
		"ftp://files":    `"ftp" is no kind of store`,
		"s3://files?a=b": `no parameter "a=b"`,
		"azblob://files": "name the storage account",
		"s3://none?region=eu-central-1&path_style=true&endpoint=" + endpoint: "the bucket none cannot be used",
	} {
		if _, err := cloud.Open(context.Background(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

// A token that goes with a query is in no error.
func TestNoSecretInErrors(t *testing.T) {
	t.Setenv("AZURE_STORAGE_KEY", "")
	t.Setenv("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=VERYSECRET")
	_, err := cloud.Open(context.Background(), "azblob://files?account=a&endpoint=http://127.0.0.1:1")
	if err == nil || strings.Contains(err.Error(), "VERYSECRET") {
		t.Errorf("%v", err)
	}
}
