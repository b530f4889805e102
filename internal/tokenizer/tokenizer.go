package tokenizer

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
	"github.com/parley-ai/parley/internal/toolcall"
)

// maxPieces bounds how many tokens are shown one by one: each is asked of the engine alone.
const maxPieces = 20000

// Models are the vocabularies of served models. Each method returns the name of the model that answered.
type Models interface {
	TokenizeText(ctx context.Context, who actor.Actor, model, text string, special bool) (served string, tokens []engine.Token, err error)
	TokenizeMessages(ctx context.Context, who actor.Actor, model string, messages []engine.Message, tools *toolcall.Request) (served string, tokens []engine.Token, err error)
	Detokenize(ctx context.Context, who actor.Actor, model string, lists [][]engine.Token) (served string, texts [][]byte, err error)
}

// Calendar is the names that programs ask for, as the actor's organization sees them.
type Calendar interface {
	Names(who actor.Actor) []Name
}

// Name is one of the calendar. Prices are US dollars for 1,000 tokens; nil is not known.
type Name struct {
	Model         string
	Kind          string // chat, completion, edit, embedding
	Encoding      string // tiktoken's name of the vocabulary; empty or native is the served model's own
	Window        int    // tokens of prompt and answer together; 0 is not known
	Input, Output *float64
}

// Limits admits operations: it counts requests by the class of these routes and the name that is asked for.
// Headers are response headers, name and value.
type Limits interface {
	Admit(ctx context.Context, who actor.Actor, class, model string) (headers [][2]string, err error)
}

// UsageLog takes one record for each admitted operation: which, of which name and served model or
// encoding, and its error. It must not block on the database.
type UsageLog interface {
	Record(ctx context.Context, who actor.Actor, op, model, served string, err error)
}

// class is the limit class of this package's routes.
const class = "tokenize"

// Service counts and shows tokens.
type Service struct {
	Models   Models
	Calendar Calendar
	Limits   Limits
	Usage    UsageLog
}

// Tokenize answers POST /v1/tokenize. The headers are those of the limits.
func (s *Service) Tokenize(ctx context.Context, who actor.Actor, req TokenizeRequest) (out Tokenization, headers [][2]string, err error) {
	if err := s.check(who, &req); err != nil {
		return Tokenization{}, nil, err
	}
	headers, err = s.Limits.Admit(ctx, who, class, cmp.Or(req.Encoding, req.Model))
	if err != nil {
		return Tokenization{}, nil, err
	}
	if req.Encoding != "" {
		out, err = Encode(req)
	} else {
		out = Tokenization{Object: "tokenization", Model: req.Model, Encoding: native}
		err = s.native(ctx, who, req, &out)
	}
	s.Usage.Record(ctx, who, "tokenize", cmp.Or(req.Model, req.Encoding), cmp.Or(out.Served, req.Encoding), err)
	if err != nil {
		return Tokenization{}, headers, err
	}
	return out, headers, nil
}

// check finds what is wrong with a request before it is counted by the limits.
func (s *Service) check(who actor.Actor, req *TokenizeRequest) error {
	if req.Encoding == "" || req.Messages == nil {
		if err := exclusive(req.Model, req.Encoding, "POST /v1/tokenize"); err != nil {
			return err
		}
	} else if err := s.checkForm(who, req); err != nil {
		return err
	}
	if (req.Text == nil) == (req.Messages == nil) {
		return fault.Param("text", "Send either `text` or `messages`, one of them.")
	}
	if req.Pieces && req.CountOnly {
		return fault.Param("count_only", "Send either `pieces` or `count_only`: pieces show the tokens, which a count leaves out.")
	}
	return req.Chat.check()
}

// checkForm wants a model beside an encoding to be a name whose programs use that encoding.
func (s *Service) checkForm(who actor.Actor, req *TokenizeRequest) error {
	if req.Model == "" {
		return nil
	}
	for _, n := range s.Calendar.Names(who) {
		if n.Model != req.Model {
			continue
		}
		if n.Encoding == req.Encoding {
			return nil
		}
		return fault.Param("encoding", "The encoding of `%s` is %s, not %s.", req.Model, cmp.Or(n.Encoding, native), req.Encoding)
	}
	return fault.Param("model", "The calendar has no entry for `%.64s`. Beside an encoding, `model` is the name whose form of chats is counted.", req.Model).WithCode("model_not_found")
}

// native is the name of a served model's own vocabulary.
const native = "native"

// exclusive wants one of the two names.
func exclusive(model, encoding, where string) error {
	if (model == "") == (encoding == "") {
		return fault.Param("model", "%s needs either `model`, a served model, or `encoding`, one of %s.", where, strings.Join(bpe.Names(), ", "))
	}
	return nil
}

func encodingOf(name string) (*bpe.Encoding, error) {
	for _, known := range bpe.Names() {
		if known == name {
			return bpe.Get(name)
		}
	}
	return nil, fault.Param("encoding", "There is no encoding `%s`. It is one of %s.", name, strings.Join(bpe.Names(), ", "))
}

// Encode answers a request that names an encoding and has either a text or messages; it needs no server. A
// model beside messages says whose form of chats is counted.
func Encode(req TokenizeRequest) (Tokenization, error) {
	out := Tokenization{Object: "tokenization", Model: req.Model, Encoding: req.Encoding}
	if err := encode(req, &out); err != nil {
		return Tokenization{}, err
	}
	return out, nil
}

func encode(req TokenizeRequest, out *Tokenization) error {
	e, err := encodingOf(req.Encoding)
	if err != nil {
		return err
	}
	if req.Text == nil {
		if err := req.Chat.check(); err != nil {
			return err
		}
		if req.Pieces {
			return fault.Param("pieces", "Messages have no pieces with an encoding: they are counted only. Name a `model` to see the prompt that they become.")
		}
		out.Count, out.Messages, out.Overhead, err = countChat(e, req.Model, &req.Chat)
		return err
	}
	allowed, disallowed := set(req.AllowedSpecial, bpe.Special{}), set(req.DisallowedSpecial, bpe.All)
	tokens, err := e.Encode([]bpe.Token{}, *req.Text, allowed, disallowed)
	if special, ok := errors.AsType[*bpe.SpecialError](err); ok {
		return fault.Param("text", "The text holds the special token %s, which is refused as tiktoken refuses it. To encode it as a special token, name it in `allowed_special`; to encode it as plain text, send `\"disallowed_special\": []`.", special.Token)
	}
	if err != nil {
		return err
	}
	out.Count = len(tokens)
	if !req.CountOnly {
		out.Tokens = tokens
	}
	if !req.Pieces {
		return nil
	}
	if err := checkPieces(len(tokens)); err != nil {
		return err
	}
	for _, id := range tokens {
		text, _ := e.Bytes(id)
		out.Pieces = append(out.Pieces, piece([]byte(text)))
	}
	return nil
}

// set turns the field of a request into a set; a field that was left out is absent.
func set(field *SpecialSet, absent bpe.Special) bpe.Special {
	switch {
	case field == nil:
		return absent
	case field.All:
		return bpe.All
	}
	return bpe.Only(field.Texts...)
}

func checkPieces(n int) error {
	if n > maxPieces {
		return fault.Param("pieces", "The text has %d tokens; at most %d are shown one by one. Send it in parts, or without `pieces`.", n, maxPieces)
	}
	return nil
}

// native tokenizes with the vocabulary of a served model.
func (s *Service) native(ctx context.Context, who actor.Actor, req TokenizeRequest, out *Tokenization) error {
	special := false
	if req.AllowedSpecial != nil {
		if special = req.AllowedSpecial.All; !special && len(req.AllowedSpecial.Texts) > 0 {
			return fault.Param("allowed_special", "With a model, `allowed_special` is \"all\" or nothing: a list goes with an `encoding`.")
		}
	}
	if req.DisallowedSpecial != nil && (req.DisallowedSpecial.All || len(req.DisallowedSpecial.Texts) > 0) {
		return fault.Param("disallowed_special", "`disallowed_special` goes with an `encoding`; with a model, texts of special tokens are plain text unless `allowed_special` is \"all\".")
	}
	var tokens []engine.Token
	var err error
	if req.Messages != nil {
		messages, tools := req.Chat.turns()
		if out.Served, tokens, err = s.Models.TokenizeMessages(ctx, who, req.Model, messages, tools); err != nil {
			return err
		}
		out.Overhead = new(int)
		*out.Overhead = len(tokens)
		for _, m := range req.Messages {
			_, content, err := s.Models.TokenizeText(ctx, who, req.Model, m.Content.Text(), false)
			if err != nil {
				return err
			}
			out.Messages = append(out.Messages, len(content))
			*out.Overhead -= len(content)
		}
	} else if out.Served, tokens, err = s.Models.TokenizeText(ctx, who, req.Model, *req.Text, special); err != nil {
		return err
	}
	out.Count = len(tokens)
	if tokens == nil {
		tokens = []engine.Token{}
	}
	if !req.CountOnly {
		out.Tokens = tokens
	}
	if !req.Pieces {
		return nil
	}
	if err := checkPieces(len(tokens)); err != nil {
		return err
	}
	out.Pieces, err = s.pieces(ctx, who, req.Model, tokens)
	return err
}

// pieces shows each token of a served model; each id is asked for once.
func (s *Service) pieces(ctx context.Context, who actor.Actor, model string, tokens []engine.Token) ([]Piece, error) {
	place := map[engine.Token]int{}
	var lists [][]engine.Token
	for _, id := range tokens {
		if _, known := place[id]; !known {
			place[id] = len(lists)
			lists = append(lists, []engine.Token{id})
		}
	}
	_, texts, err := s.Models.Detokenize(ctx, who, model, lists)
	if err != nil {
		return nil, err
	}
	out := make([]Piece, len(tokens))
	for i, id := range tokens {
		out[i] = piece(texts[place[id]])
	}
	return out, nil
}

// piece shows the bytes of a token.
func piece(b []byte) Piece {
	p := Piece{Token: strings.ToValidUTF8(string(b), "\uFFFD"), Bytes: make([]int, len(b))}
	for i, c := range b {
		p.Bytes[i] = int(c)
	}
	return p
}

// Detokenize answers POST /v1/detokenize. The headers are those of the limits.
func (s *Service) Detokenize(ctx context.Context, who actor.Actor, req DetokenizeRequest) (out Detokenization, headers [][2]string, err error) {
	if err := exclusive(req.Model, req.Encoding, "POST /v1/detokenize"); err != nil {
		return Detokenization{}, nil, err
	}
	headers, err = s.Limits.Admit(ctx, who, class, cmp.Or(req.Encoding, req.Model))
	if err != nil {
		return Detokenization{}, nil, err
	}
	out, err = s.detokenize(ctx, who, req)
	s.Usage.Record(ctx, who, "detokenize", cmp.Or(req.Model, req.Encoding), cmp.Or(out.Served, req.Encoding), err)
	return out, headers, err
}

func (s *Service) detokenize(ctx context.Context, who actor.Actor, req DetokenizeRequest) (Detokenization, error) {
	out := Detokenization{Object: "detokenization", Model: req.Model, Encoding: req.Encoding}
	var text []byte
	if req.Encoding != "" {
		e, err := encodingOf(req.Encoding)
		if err != nil {
			return Detokenization{}, err
		}
		text, err = e.Decode(nil, req.Tokens)
		if unknown, ok := errors.AsType[*bpe.UnknownTokenError](err); ok {
			return Detokenization{}, fault.Param("tokens", "Token id %d (number %d) is not in the vocabulary of %s, which has ids from 0 to %d.", unknown.ID, unknown.Index, e.Name(), e.Size()-1)
		}
		if err != nil {
			return Detokenization{}, err
		}
	} else {
		served, texts, err := s.Models.Detokenize(ctx, who, req.Model, [][]engine.Token{req.Tokens})
		if err != nil {
			return Detokenization{}, err
		}
		out.Encoding, out.Served, text = native, served, texts[0]
	}
	out.Text = strings.ToValidUTF8(string(text), "\uFFFD")
	if !utf8.Valid(text) {
		out.Base64 = base64.StdEncoding.EncodeToString(text)
	}
	return out, nil
}
