package secrets

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func open(t *testing.T, db *store.DB, o Options) (*Keys, error) {
	t.Helper()
	o.DB, o.Clock = db, clock.System
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Home == "" && o.Setting == "" {
		o.Home = t.TempDir()
	}
	return Open(t.Context(), o)
}

// TestFirstStart: the key is made once, for its owner alone, and read again.
func TestFirstStart(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		home := t.TempDir()
		var log bytes.Buffer
		first, err := open(t, db, Options{Home: home, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(home, FileName))
		if err != nil || !private(info) {
			t.Errorf("%v %v", info, err)
		}
		sealed := first.Seal("seed of user-1", []byte("JBSWY3DP"))
		if strings.Contains(sealed, "JBSWY3DP") || strings.Contains(log.String(), first.ring[0].text()) || !strings.Contains(log.String(), first.Current()) {
			t.Errorf("%s, log %s", sealed, log.String())
		}
		again, err := open(t, db, Options{Home: home})
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := again.Open("seed of user-1", sealed); err != nil || string(plain) != "JBSWY3DP" {
			t.Errorf("%q %v", plain, err)
		}
		if _, err := again.Open("seed of user-2", sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("what was sealed for another opens: %v", err)
		}
	})
}

// TestAnotherKey: a server with another key than the database's does not start, and leaves no file behind.
func TestAnotherKey(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		keys, err := open(t, db, Options{})
		if err != nil {
			t.Fatal(err)
		}
		home := t.TempDir()
		for name, o := range map[string]Options{"no key": {Home: home}, "another one": {Setting: NewKey().text()}} {
			if _, err := open(t, db, o); err == nil || !strings.Contains(err.Error(), keys.Current()) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if files, _ := os.ReadDir(home); len(files) != 0 {
			t.Errorf("left %v", files)
		}
		lost := keys.Seal("x", []byte("lost"))
		next, err := open(t, db, Options{Home: home, Forget: keys.Current()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next.Open("x", lost); !errors.Is(err, ErrSealed) {
			t.Errorf("%v", err)
		}
		if _, err := open(t, db, Options{Home: home, Forget: next.Current()}); err == nil {
			t.Error("the only key was forgotten")
		}
	})
}

// TestTwoAtOnce: of servers that start at once on an empty database with different keys one stays.
func TestTwoAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			home := t.TempDir()
			wg.Go(func() {
				_, errs[i] = open(t, db, Options{Home: home})
				if _, err := os.Stat(filepath.Join(home, FileName)); (err == nil) != (errs[i] == nil) {
					t.Errorf("file: %v, opened: %v", err, errs[i])
				}
			})
		}
		wg.Wait()
		good := 0
		for _, err := range errs {
			if err == nil {
				good++
			} else if !strings.Contains(err.Error(), "all servers of a database need the same") {
				t.Error(err)
			}
		}
		if good != 1 {
			t.Errorf("%d of %d started", good, len(errs))
		}
	})
}

// TestNextKey: a new key seals, the one before still opens, and what it sealed is known for that.
func TestNextKey(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		before, after := NewKey(), NewKey()
		keys, err := open(t, db, Options{Setting: before.text()})
		if err != nil {
			t.Fatal(err)
		}
		old := keys.Seal("x", []byte("one"))
		if keys, err = open(t, db, Options{Setting: after.text() + ", " + before.text()}); err != nil {
			t.Fatal(err)
		}
		fresh := keys.Seal("x", []byte("two"))
		plain, err := keys.Open("x", old)
		if err != nil || string(plain) != "one" || !keys.Stale(old) || keys.Stale(fresh) {
			t.Errorf("%q %v", plain, err)
		}
		if _, err := open(t, db, Options{Setting: after.text()}); err == nil {
			t.Error("started without the key before")
		}
		if _, err := open(t, db, Options{Setting: after.text(), Forget: before.ID()}); err != nil {
			t.Error(err)
		}
	})
}

// TestBadKeys: what is no key is refused without being shown.
func TestBadKeys(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	for _, setting := range []string{"hunter2", NewKey().text()[1:], ",", "aGVsbG8="} {
		if _, err := open(t, db, Options{Setting: setting}); err == nil || len(setting) > 1 && strings.Contains(err.Error(), setting) {
			t.Errorf("%q: %v", setting, err)
		}
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, db, Options{Home: home}); err == nil {
		t.Error("an empty file was taken for a key")
	}
}

func FuzzOpen(f *testing.F) {
	keys := &Keys{ring: []*Key{NewKey()}}
	good := keys.Seal("x", []byte("plain"))
	for _, s := range []string{good, "", "v1..", strings.ToUpper(good), good[:len(good)-1], "v1." + keys.Current() + "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if plain, err := keys.Open("x", s); err == nil && (s != good || string(plain) != "plain") {
			t.Errorf("%q opens as %q", s, plain)
		}
		if _, err := parse(strings.Split(s, ",")); err != nil && len(s) > 16 && strings.Contains(err.Error(), s) {
			t.Errorf("%v shows %q", err, s)
		}
	})
}
