package retrieval

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/documents"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/generate"
	"github.com/parley-ai/parley/internal/retrieval/chunk"
	"github.com/parley-ai/parley/internal/retrieval/lexical"
)

// Reader reads a file's text; documents.Read is one.
type Reader func(ctx context.Context, name string, content io.ReadSeeker) (documents.Document, error)

// embedAtOnce is how many passages are embedded in one call, and so about how much work a kill loses.
const embedAtOnce = 32

// takeIn brings one attached file to its end: completed or failed. It goes on from the chunks that are there. An error is one
// that trying again may help against.
func (s *Service) takeIn(ctx context.Context, attachment string) error {
	f, err := s.attachment(ctx, attachment)
	if err != nil || f.Status != InProgress {
		return ignoreGone(err) // removed, cancelled or done: nothing is due
	}
	model, err := s.modelOf(ctx, f.StoreID)
	if err != nil {
		return ignoreGone(err)
	}
	if err := s.cutAndEmbed(ctx, f, model); err != nil {
		return s.failed(ctx, f, err)
	}
	return nil
}

// errOtherModel says that the embedding model changed while a file was being read: it is read from its beginning.
var errOtherModel = fault.New(fault.Unavailable, "The embedding model of the store changed while the file was being read.")

// failed ends a file that cannot be read, or says to try again.
func (s *Service) failed(ctx context.Context, f File, err error) error {
	if ctx.Err() != nil || errors.Is(err, errGone) {
		return ignoreGone(err)
	}
	if errors.Is(err, errOtherModel) {
		return errors.Join(err, s.dropChunks(ctx, f))
	}
	why := reason(err)
	if why.Code == ServerError {
		switch fault.KindOf(err) {
		case fault.RateLimited, fault.Overloaded:
			return err // its turn comes
		}
		n, attemptErr := s.attempt(ctx, f.id)
		if attemptErr != nil {
			return errors.Join(err, attemptErr)
		}
		if n < maxAttempts && fault.KindOf(err) != fault.Quota && fault.KindOf(err) != fault.NotFound {
			return err
		}
		s.log.ErrorContext(ctx, "a file could not be taken into a vector store", "store", f.StoreID, "file", f.FileID, "error", err)
	}
	return s.fail(ctx, f, why)
}

// reason is what the user reads of an error.
func reason(err error) FileError {
	e := fault.As(err)
	switch {
	case e == nil || e.Kind == fault.Internal:
		return FileError{ServerError, "An internal error occurred."}
	case e.Code == UnsupportedFile || e.Code == InvalidFile:
		return FileError{e.Code, e.Message}
	}
	return FileError{ServerError, e.Message}
}

// cutAndEmbed makes a file's chunks and completes it.
func (s *Service) cutAndEmbed(ctx context.Context, f File, model string) error {
	who := actor.Actor{Org: f.org, Project: f.project, User: f.user, Key: f.key}
	chunks, passages, err := s.cut(ctx, who, f)
	if err != nil {
		return err
	}
	have, err := s.resume(ctx, f, chunks)
	if err != nil {
		return err
	}
	in := &embedding{service: s, who: who, model: model, passages: passages, vectors: map[int][]float32{}}
	if have > 0 {
		in.served, in.dimensions = f.served, f.dimensions
	}
	for at := have; at < len(chunks); {
		to := at
		for to < len(chunks) && (to == at || chunks[to].Last-chunks[at].First < embedAtOnce) {
			to++
		}
		if err := in.make(ctx, chunks[at].First, chunks[to-1].Last); err != nil {
			return err
		}
		if err := s.writeChunks(ctx, f, at, chunks[at:to], in); err != nil {
			return err
		}
		at = to
		if at < len(chunks) {
			in.forget(chunks[at].First)
		}
	}
	texts := make([]string, len(chunks))
	for i, c := range chunks {
		texts[i] = c.Heading + "\n" + c.Text
	}
	return s.complete(ctx, f, lexical.Build(texts))
}

// cut reads and cuts the file.
func (s *Service) cut(ctx context.Context, who actor.Actor, f File) ([]chunk.Chunk, []chunk.Passage, error) {
	content, _, err := s.files.Open(ctx, who, f.FileID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil, fault.New(fault.Invalid, "The file was deleted before it was read.").WithCode(InvalidFile)
	}
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = content.Close() }() // it was only read
	doc, err := s.read(ctx, f.Name, content)
	if err != nil {
		return nil, nil, err
	}
	chunks, passages, err := chunk.Cut(doc.Blocks, chunk.Options{Tokens: f.Chunking.Tokens, Overlap: f.Chunking.Overlap})
	if err != nil {
		return nil, nil, err
	}
	if len(chunks) == 0 {
		return nil, nil, fault.New(fault.Invalid, "The file has no text.").WithCode(InvalidFile)
	}
	tokens := 0
	for _, p := range passages {
		tokens += p.Tokens
	}
	if tokens > MaxFileTokens {
		return nil, nil, fault.New(fault.Invalid, "The file has %d tokens of text, more than %d. Split it.", tokens, MaxFileTokens).WithCode(InvalidFile)
	}
	return chunks, passages, nil
}

// embedding makes the vectors of a file's passages.
type embedding struct {
	service    *Service
	who        actor.Actor
	model      string
	passages   []chunk.Passage
	vectors    map[int][]float32
	served     string
	dimensions int
}

// make embeds the passages first…last that have no vectors yet.
func (e *embedding) make(ctx context.Context, first, last int) error {
	var texts []string
	var at []int
	for i := first; i <= last; i++ {
		if e.vectors[i] != nil {
			continue
		}
		p := e.passages[i]
		text := p.Text
		if p.Heading != "" {
			text = p.Heading + "\n" + text
		}
		texts, at = append(texts, text), append(at, i)
	}
	for from := 0; from < len(texts); from += embedAtOnce {
		to := min(from+embedAtOnce, len(texts))
		if err := e.ask(ctx, texts[from:to], func(i int, v []float32) { e.vectors[at[from+i]] = v }); err != nil {
			return err
		}
	}
	return nil
}

func (e *embedding) ask(ctx context.Context, texts []string, take func(i int, v []float32)) error {
	got, err := e.service.embed.Embed(ctx, e.who, generate.EmbedRequest{Op: "embeddings", Class: "embeddings", Model: e.model, Param: "model", Texts: texts})
	if err != nil {
		return err
	}
	if e.served == "" {
		e.served, e.dimensions = got.Admitted.Served, len(got.Vectors[0])
	}
	for i, v := range got.Vectors {
		if len(v) != e.dimensions || got.Admitted.Served != e.served {
			return errOtherModel
		}
		take(i, v)
	}
	return nil
}

// forget lets go of the vectors before a passage.
func (e *embedding) forget(before int) {
	for i := range e.vectors {
		if i < before {
			delete(e.vectors, i)
		}
	}
}

// of are the vectors of a chunk's passages, as the database keeps them.
func (e *embedding) of(c chunk.Chunk) []byte {
	out := make([]byte, 0, (c.Last-c.First+1)*e.dimensions*4)
	for i := c.First; i <= c.Last; i++ {
		for _, x := range e.vectors[i] {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
	}
	return out
}

// unpackVectors reads what of wrote, for vectors of n numbers.
func unpackVectors(data []byte, n int) ([][]float32, error) {
	if n <= 0 || len(data)%(4*n) != 0 {
		return nil, fmt.Errorf("retrieval: %d bytes are no vectors of %d dimensions", len(data), n)
	}
	all := make([]float32, len(data)/4)
	for i := range all {
		all[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	out := make([][]float32, len(all)/n)
	for i := range out {
		out[i] = all[i*n : (i+1)*n : (i+1)*n]
	}
	return out, nil
}
