package interpreter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/agent"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/sandbox"
	"github.com/parley-ai/parley/internal/store"
)

// Bounds of what goes in and out.
const (
	maxListed = 1000 // files in /mnt/data that are looked at
	maxMade   = 20   // files that one run gives back; the rest stay in the session
)

// assign gives every attached file a path, the same as before where it had one, and returns all of the owner's places.
func (s *Service) assign(ctx context.Context, who actor.Actor, o owner, attached []string) (all []place, err error) {
	names := map[string]string{}
	for _, id := range attached {
		f, err := s.files.Get(ctx, who, id)
		if fault.KindOf(err) == fault.NotFound {
			continue // deleted since it was attached
		}
		if err != nil {
			return nil, err
		}
		names[id] = f.Name
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if all, err = s.places(ctx, tx, o); err != nil {
			return err
		}
		for _, id := range attached {
			name, ok := names[id]
			if !ok || slices.ContainsFunc(all, func(p place) bool { return p.fileID == id || p.source == id }) {
				continue
			}
			p := place{path: free(name, all), fileID: id, given: true, source: id}
			if err := s.putPlace(ctx, tx, o, p); err != nil {
				return err
			}
			all = append(all, p)
		}
		return nil
	})
	return all, err
}

// free returns a path for a file that no other has: its name, with a number when it is taken.
func free(name string, taken []place) string {
	name = safeName(name)
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	for n := 1; ; n++ {
		p := name
		if n > 1 {
			p = base + "_" + strconv.Itoa(n) + ext
		}
		if !slices.ContainsFunc(taken, func(t place) bool { return t.path == p || strings.HasPrefix(t.path, p+"/") }) {
			return p
		}
	}
}

// safeName is a file's own name, fit for a directory.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	ext := path.Ext(name)
	if len(name) > 200 {
		if len(ext) > 20 {
			ext = ""
		}
		name = strings.ToValidUTF8(name[:200-len(ext)], "") + ext
	}
	if strings.Trim(name, ". ") == "" {
		return "file"
	}
	return name
}

// bring copies files into the sandbox that are not there. It returns what the model has to know: files that could not be brought.
func (s *Service) bring(ctx context.Context, who actor.Actor, o owner, one *session, all []place) (notes []string, err error) {
	for _, p := range all {
		if _, there := one.seen[p.path]; there {
			continue
		}
		note, err := s.bringOne(ctx, who, o, one, p)
		if err != nil {
			return notes, err
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes, nil
}

func (s *Service) bringOne(ctx context.Context, who actor.Actor, o owner, one *session, p place) (note string, err error) {
	r, f, err := s.files.Open(ctx, who, p.fileID)
	if fault.KindOf(err) == fault.NotFound {
		return "", s.dropPlace(ctx, o, p.path)
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	entry, err := one.box.Put(ctx, p.path, f.Bytes, r)
	if fault.KindOf(err) == fault.Full || fault.KindOf(err) == fault.Invalid {
		return fmt.Sprintf("/mnt/data/%s is not there: %s", p.path, fault.As(err).Message), nil
	}
	if err != nil {
		return "", err
	}
	one.seen[p.path] = known{entry, p.fileID, p.given}
	return "", nil
}

// collect makes files of the project of what code made or changed in /mnt/data. It returns those, and what the model has to know besides.
func (s *Service) collect(ctx context.Context, who actor.Actor, o owner, one *session) (made []agent.File, notes []string, err error) {
	list, left, err := one.box.List(ctx, maxListed)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(list, func(a, b sandbox.Entry) int { return strings.Compare(a.Path, b.Path) })
	there := map[string]bool{}
	limit := one.box.Limits().OneFile
	skipped := 0
	for _, e := range list {
		there[e.Path] = true
		old, have := one.seen[e.Path]
		switch {
		case have && old.entry.Same(e) || hidden(e.Path):
			continue
		case len(made) == maxMade:
			skipped++
			continue
		case e.Size > limit:
			notes = append(notes, fmt.Sprintf("/mnt/data/%s is larger than %d bytes and was not given to the user.", e.Path, limit))
			one.seen[e.Path] = known{entry: e}
			continue
		}
		f, err := s.take(ctx, who, o, one, e)
		switch kind := fault.KindOf(err); {
		case errors.Is(err, sandbox.ErrEnded) || ctx.Err() != nil:
			return made, notes, err
		case kind == fault.NotFound:
			continue // it was taken away meanwhile
		case kind == fault.Full || kind == fault.TooLarge || kind == fault.Invalid:
			notes = append(notes, fmt.Sprintf("/mnt/data/%s was not given to the user: %s", e.Path, fault.As(err).Message))
			one.seen[e.Path] = known{entry: e}
			continue
		case err != nil:
			return made, notes, err
		}
		one.seen[e.Path] = known{e, f.ID, false}
		made = append(made, agent.File{ID: f.ID, Path: "/mnt/data/" + e.Path, Size: f.Bytes})
	}
	if skipped > 0 {
		notes = append(notes, fmt.Sprintf("%d more files were made: a run gives the user at most %d. Put them into one archive.", skipped, maxMade))
	}
	if left > 0 {
		notes = append(notes, fmt.Sprintf("%d things in /mnt/data are no ordinary files, have unusual names or are too many: they stay in the session.", left))
	}
	if len(list) < maxListed {
		for p := range one.seen {
			if !there[p] {
				if err := s.dropPlace(ctx, o, p); err != nil {
					return made, notes, err
				}
				delete(one.seen, p)
			}
		}
	}
	return made, notes, nil
}

// hidden reports whether a path is of a program's own, not of its user: a part of it begins with a dot.
func hidden(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part[0] == '.' || part == "__pycache__" {
			return true
		}
	}
	return false
}

// take makes a file of the project of one in the sandbox.
func (s *Service) take(ctx context.Context, who actor.Actor, o owner, one *session, e sandbox.Entry) (files.File, error) {
	r, w := io.Pipe()
	got := make(chan error, 1)
	go func() {
		_, err := one.box.Get(ctx, e.Path, w)
		w.CloseWithError(err)
		got <- err
	}()
	f, err := s.files.Create(ctx, who, files.New{
		Name: path.Base(e.Path), Purpose: files.AssistantsOutput, Body: r, Max: one.box.Limits().OneFile,
		Then: func(ctx context.Context, tx *store.Tx, f files.File) error {
			return s.putPlace(ctx, tx, o, place{path: e.Path, fileID: f.ID})
		},
	})
	// Whatever the store did, the sandbox's answer is taken to its end.
	r.CloseWithError(errors.New("not wanted any more"))
	if end := <-got; end != nil && err == nil {
		err = end
	}
	return f, err
}

// image keeps a picture that code showed.
func (s *Service) image(ctx context.Context, who actor.Actor, data []byte) (string, error) {
	if !bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		return "", nil
	}
	f, err := s.files.Create(ctx, who, files.New{Name: "image.png", Purpose: files.AssistantsOutput, MediaType: "image/png", Body: bytes.NewReader(data)})
	return f.ID, err
}
