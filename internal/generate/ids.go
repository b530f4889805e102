package generate

import (
	"slices"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

const biasParam = "logit_bias"

// textOf is what token ids of a name's own encoding say.
func textOf(param string, target Target, ids []engine.Token) (string, error) {
	encoding, err := bpe.Get(target.Encoding)
	if err != nil {
		return "", err
	}
	text, err := decode(encoding, ids)
	if err != nil {
		return "", fault.Param(param, "%s, the encoding of `%s`. Send ids of that encoding, or text.", err, target.Name)
	}
	return text, nil
}

// CheckTokens refuses token ids that would silently mean something else: those sent to a name of which it is
// not known whose ids its programs send, and those outside of the served model's vocabulary.
func CheckTokens(param string, target Target, info engine.Info, tokens []engine.Token) error {
	if !target.Native {
		instead := "Send text; or name"
		if param == biasParam {
			instead = "Name"
		}
		return fault.Param(param, "`%s` is answered by `%s`, whose token ids are different, so these ids would be read as other words. %s `%s` as the model to send its own token ids; or let the operator say whose ids `%s` takes (`parley calendar set %s --encoding`).",
			target.Name, target.Served, instead, target.Served, target.Name, target.Name)
	}
	for _, id := range tokens {
		if err := checkID(param, id, target, info); err != nil {
			return err
		}
	}
	return nil
}

func checkID(param string, id engine.Token, target Target, info engine.Info) error {
	if id < 0 || info.VocabSize > 0 && int(id) >= info.VocabSize {
		return fault.Param(param, "Token id %d is not in the vocabulary of `%s`, which has ids from 0 to %d.", id, target.Served, info.VocabSize-1)
	}
	return nil
}

// readBias makes of logit_bias what the engine takes. Ids of the name's own encoding become the texts that
// they stand for; the id of <|endoftext|> becomes the ends of an answer. A ban of it lets a completion run on
// to max_tokens; of a chat it bans nothing, since the original's chat models ended their turns with another
// token, whose id it refused. Other special tokens write nothing, so their biases do nothing. Another server
// gets ids as they are: it reads them by its own vocabulary.
func (j *job) readBias(target Target, chat bool) error {
	s := &j.req.Sampling
	if len(s.Bias) == 0 || j.info.Input == engine.InputMessages {
		return nil
	}
	if target.Encoding == "" {
		ids := make([]engine.Token, len(s.Bias))
		for i, b := range s.Bias {
			ids[i] = b.Token
		}
		return CheckTokens(biasParam, target, j.info, ids)
	}
	encoding, err := bpe.Get(target.Encoding)
	if err != nil {
		return err
	}
	bias, specials := s.Bias, encoding.Specials()
	s.Bias, s.BiasTexts = nil, make([]engine.BiasText, 0, len(bias))
	for _, b := range bias {
		text, known := encoding.Bytes(b.Token)
		switch {
		case known && text == bpe.EndOfText:
			if !chat || b.Bias > 0 {
				s.EndBias += b.Bias
			}
		case known && !slices.Contains(specials, text):
			s.BiasTexts = append(s.BiasTexts, engine.BiasText{Text: text, Bias: b.Bias})
		case b.Token > lastBiased(encoding):
			return fault.Param(biasParam, "Invalid key in 'logit_bias': %d. Maximum value is %d.", b.Token, lastBiased(encoding))
		}
	}
	return nil
}

// lastBiased is the highest id that the original took in logit_bias: 100257 of cl100k_base, beyond which
// there are only the special tokens of its own formats.
func lastBiased(encoding *bpe.Encoding) bpe.Token {
	specials := encoding.Specials()
	for id := bpe.Token(encoding.Size() - 1); ; id-- {
		if text, known := encoding.Bytes(id); known && (text == bpe.EndOfText || !slices.Contains(specials, text)) {
			return id
		}
	}
}
