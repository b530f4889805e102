package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// ErrSealed says that a sealed text is damaged, was sealed with another key or for another purpose.
var ErrSealed = errors.New("secrets: this does not open with the key that it names, for this purpose")

// Key seals bytes. Make it with NewKey or ParseKey; safe for concurrent use. One key seals at most 2^32 texts
// (NIST SP 800-38D, random nonces of 96 bits).
type Key struct {
	id   string
	raw  [KeySize]byte
	aead cipher.AEAD
}

// NewKey makes a random key.
func NewKey() *Key {
	raw := make([]byte, KeySize)
	_, _ = rand.Read(raw) // it never fails: crypto/rand ends the program instead
	k, err := ParseKey(raw)
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	return k
}

// ParseKey makes a key of its 32 bytes.
func ParseKey(raw []byte) (*Key, error) {
	if len(raw) != KeySize {
		return nil, errors.New("secrets: a key has 32 bytes")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	k := &Key{raw: [KeySize]byte(raw)}
	if k.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	once := sha256.Sum256(raw)
	twice := sha256.Sum256(once[:])
	k.id = hex.EncodeToString(twice[:8])
	return k, nil
}

// ID names the key: 16 hexadecimal digits that tell nothing of it.
func (k *Key) ID() string { return k.id }

// Bytes are the key itself, to be sealed by another one.
func (k *Key) Bytes() []byte { return k.raw[:] }

// Seal returns plain sealed for the purpose: 28 bytes longer.
func (k *Key) Seal(purpose string, plain []byte) []byte {
	return k.aead.Seal(nil, nil, plain, []byte(purpose))
}

// Open returns what Seal sealed for the purpose, or ErrSealed.
func (k *Key) Open(purpose string, sealed []byte) ([]byte, error) {
	plain, err := k.aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// text is the key as the file and the setting have it.
func (k *Key) text() string { return base64.StdEncoding.EncodeToString(k.raw[:]) }
