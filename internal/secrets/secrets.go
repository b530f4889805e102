package secrets

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// FileName is the key's file in the home directory.
const FileName = "secret.key"

// version begins every sealed text.
const version = "v1"

// Options of Open. DB, Home, Clock and Log are required.
type Options struct {
	DB      *store.DB
	Home    string // directory of the key's file
	Setting string // keys instead of the file's, with commas between them
	Forget  string // id of a key that is lost: the server starts without it
	Clock   clock.Clock
	Log     *slog.Logger
}

// Keys are those of the installation. Make them with Open; safe for concurrent use.
type Keys struct{ ring []*Key }

// Open reads the keys, or makes the first one, and holds them against those that the database was sealed with.
func Open(ctx context.Context, o Options) (_ *Keys, err error) {
	path := filepath.Join(o.Home, FileName)
	k := &Keys{}
	where := "the setting secret_key"
	if o.Setting != "" {
		k.ring, err = parse(strings.Split(o.Setting, ","))
	} else {
		where = path
		k.ring, err = read(path, o.Log)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if o.Forget != "" {
		if err := forget(ctx, o, k); err != nil {
			return nil, err
		}
	}
	proofs, err := list(ctx, o.DB.Read())
	if err != nil {
		return nil, err
	}
	made := false
	if len(k.ring) == 0 && len(proofs) == 0 {
		k.ring, made = []*Key{NewKey()}, true
		if err := write(path, k.ring[0]); err != nil {
			return nil, fmt.Errorf("the key of this installation cannot be written: %w", err)
		}
		o.Log.InfoContext(ctx, "made the key that secrets in the database are sealed with: keep a copy of it apart from backups of the database", "file", path, "key", k.ring[0].id)
	}
	if err := k.prove(ctx, o, where); err != nil {
		if made {
			err = errors.Join(err, os.Remove(path)) // nothing was sealed with it
		}
		return nil, err
	}
	return k, nil
}

// prove refuses keys other than those that the database was sealed with, and notes the first of the ring.
func (k *Keys) prove(ctx context.Context, o Options, where string) error {
	return o.DB.Tx(ctx, func(tx *store.Tx) error {
		for range 10 { // another server may note a key at the same time
			proofs, err := list(ctx, tx)
			if err != nil {
				return err
			}
			for _, p := range proofs {
				key := k.find(p.id)
				if key == nil {
					return missing(p.id, where)
				}
				if _, err := k.Open(purposeProof, p.value); err != nil {
					return missing(p.id, where)
				}
			}
			if slices.ContainsFunc(proofs, func(p proof) bool { return p.id == k.ring[0].id }) {
				return nil
			}
			next := proof{number: len(proofs) + 1, id: k.ring[0].id, value: k.Seal(purposeProof, []byte("parley"))}
			if len(proofs) > 0 {
				next.number = proofs[len(proofs)-1].number + 1
			}
			if ok, err := insert(ctx, tx, next, o.Clock.Now()); ok || err != nil {
				return err
			}
		}
		return errors.New("secrets: other servers keep noting keys")
	})
}

// purposeProof is that of the values that prove keys.
const purposeProof = "proof"

func missing(id, where string) error {
	return fault.New(fault.Conflict, "The database holds secrets that were sealed with the key %s, which is not in %s. Put it there: it is in the file %s of the home "+
		"directory of the server that made the database, or in its setting secret_key; all servers of a database need the same. If the key is lost, start once with "+
		"PARLEY_SECRET_FORGET=%s: second factors must then be set up again, and kept bodies of requests cannot be read any more.", id, where, FileName, id)
}

func (k *Keys) find(id string) *Key {
	for _, key := range k.ring {
		if key.id == id {
			return key
		}
	}
	return nil
}

// Seal returns plain sealed for the purpose with the installation's first key: a text for a column.
func (k *Keys) Seal(purpose string, plain []byte) string {
	key := k.ring[0]
	return version + "." + key.id + "." + base64.RawURLEncoding.EncodeToString(key.Seal(purpose, plain))
}

// Open returns what Seal sealed for the purpose. ErrSealed: it is damaged, was sealed for another purpose, or its key is gone.
func (k *Keys) Open(purpose, sealed string) ([]byte, error) {
	id, data, ok := split(sealed)
	if !ok {
		return nil, ErrSealed
	}
	key := k.find(id)
	if key == nil {
		return nil, ErrSealed
	}
	return key.Open(purpose, data)
}

// Stale reports whether a text was sealed with another key than the one that seals now: whoever keeps it seals it again.
func (k *Keys) Stale(sealed string) bool {
	id, _, ok := split(sealed)
	return ok && id != k.ring[0].id
}

// Current is the id of the key that seals.
func (k *Keys) Current() string { return k.ring[0].id }

func split(sealed string) (id string, data []byte, ok bool) {
	v, rest, _ := strings.Cut(sealed, ".")
	id, text, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return id, data, err == nil && v == version
}

// parse reads keys in base64.
func parse(texts []string) ([]*Key, error) {
	var ring []*Key
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != KeySize { // the decoder's error would show what it could not read
			return nil, errors.New("a key is 32 random bytes in base64, as `openssl rand -base64 32` prints them")
		}
		key, err := ParseKey(raw)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(ring, func(k *Key) bool { return k.id == key.id }) {
			ring = append(ring, key)
		}
	}
	if len(ring) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return ring, nil
}

// read returns the keys of the file; none when there is no file.
func read(path string, log *slog.Logger) ([]*Key, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && !private(info) {
		log.Warn("the key of this installation can be read by others: make it readable for its owner alone", "file", path)
	}
	return parse(strings.Split(string(data), "\n"))
}

// write makes the file, whole and on the disk before anything is sealed with the key.
func write(path string, key *Key) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(key.text() + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(tmp, path), syncDir(filepath.Dir(path)))
}

// forget strikes a lost key from the database's list.
func forget(ctx context.Context, o Options, k *Keys) error {
	if k.find(o.Forget) != nil && len(k.ring) == 1 {
		return fmt.Errorf("secret_forget: the key %s is not lost, it is the one that seals", o.Forget)
	}
	gone, err := remove(ctx, o.DB, o.Forget)
	if err == nil && gone {
		o.Log.WarnContext(ctx, "a key is forgotten: what it sealed cannot be read any more", "key", o.Forget)
	}
	return err
}
