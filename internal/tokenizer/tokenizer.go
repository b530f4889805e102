package tokenizer

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// maxPieces bounds how many tokens are shown one by one: each is asked of the engine alone.
const maxPieces = 20000

// Models are the vocabularies of served models. Each method returns the name of the model that answered.
type Models interface {
	TokenizeText(ctx context.Context, who actor.Actor, model, text string, special bool) (served string, tokens []engine.Token, err error)
	TokenizeMessages(ctx context.Context, who actor.Actor, model string, messages []engine.Message) (served string, tokens []engine.Token, err error)
	Detokenize(ctx context.Context, who actor.Actor, model string, lists [][]engine.Token) (served string, texts [][]byte, err error)
}

// Service counts and shows tokens.
type Service struct {
	Models Models
}

// Tokenize answers POST /v1/tokenize.
func (s *Service) Tokenize(ctx context.Context, who actor.Actor, req TokenizeRequest) (Tokenization, error) {
	if err := exclusive(req.Model, req.Encoding, "POST /v1/tokenize"); err != nil {
		return Tokenization{}, err
	}
	if (req.Text == nil) == (req.Messages == nil) {
		return Tokenization{}, fault.Param("text", "Send either `text` or `messages`, one of them.")
	}
	if err := checkMessages(req.Messages); err != nil {
		return Tokenization{}, err
	}
	out := Tokenization{Object: "tokenization"}
	var err error
	if req.Encoding != "" {
		err = s.encode(req, &out)
	} else {
		err = s.native(ctx, who, req, &out)
	}
	if err != nil {
		return Tokenization{}, err
	}
	return out, nil
}

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

// encode tokenizes with one of OpenAI's vocabularies.
func (s *Service) encode(req TokenizeRequest, out *Tokenization) error {
	e, err := encodingOf(req.Encoding)
	if err != nil {
		return err
	}
	out.Encoding = req.Encoding
	if req.Messages != nil {
		if req.Pieces {
			return fault.Param("pieces", "Messages have no pieces with an encoding: they are counted only. Name a `model` to see the prompt that they become.")
		}
		out.Count, out.Messages, out.Overhead = countChat(e, req.Messages)
		return nil
	}
	allowed, disallowed := set(req.AllowedSpecial, bpe.Special{}), set(req.DisallowedSpecial, bpe.All)
	tokens, err := e.Encode([]bpe.Token{}, *req.Text, allowed, disallowed)
	if special, ok := errors.AsType[*bpe.SpecialError](err); ok {
		return fault.Param("text", "The text holds the special token %s, which is refused as tiktoken refuses it. To encode it as a special token, name it in `allowed_special`; to encode it as plain text, send `\"disallowed_special\": []`.", special.Token)
	}
	if err != nil {
		return err
	}
	out.Count, out.Tokens = len(tokens), tokens
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
	out.Encoding = "native"
	if req.Messages != nil {
		if out.Served, tokens, err = s.Models.TokenizeMessages(ctx, who, req.Model, engineMessages(req.Messages)); err != nil {
			return err
		}
		out.Overhead = new(int)
		*out.Overhead = len(tokens)
		for _, m := range req.Messages {
			_, content, err := s.Models.TokenizeText(ctx, who, req.Model, m.Content, false)
			if err != nil {
				return err
			}
			out.Messages = append(out.Messages, len(content))
			*out.Overhead -= len(content)
		}
	} else if out.Served, tokens, err = s.Models.TokenizeText(ctx, who, req.Model, *req.Text, special); err != nil {
		return err
	}
	if tokens == nil {
		tokens = []engine.Token{}
	}
	out.Model, out.Count, out.Tokens = req.Model, len(tokens), tokens
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

// Detokenize answers POST /v1/detokenize.
func (s *Service) Detokenize(ctx context.Context, who actor.Actor, req DetokenizeRequest) (Detokenization, error) {
	if err := exclusive(req.Model, req.Encoding, "POST /v1/detokenize"); err != nil {
		return Detokenization{}, err
	}
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
		out.Encoding, out.Served, text = "native", served, texts[0]
	}
	out.Text = strings.ToValidUTF8(string(text), "\uFFFD")
	if !utf8.Valid(text) {
		out.Base64 = base64.StdEncoding.EncodeToString(text)
	}
	return out, nil
}
