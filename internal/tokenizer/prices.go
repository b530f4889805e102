package tokenizer

import (
	"context"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// PriceRequest is the body of POST /api/tokenizer/prices.
type PriceRequest struct {
	Text *string `json:"text,omitzero" doc:"What is counted as a prompt." example:"ChatGPT is great!"`
	Chat
}

// Prices is the answer to a PriceRequest.
type Prices struct {
	Object string  `json:"object" enum:"list" doc:"Always list."`
	Data   []Price `json:"data" doc:"One for each name with a price, in the order of the calendar; for a chat only those that take one."`
}

// Price is what a prompt costs under one name.
type Price struct {
	Model    string   `json:"model" example:"gpt-4"`
	Kind     string   `json:"kind" enum:"chat,completion,edit,embedding"`
	Encoding string   `json:"encoding" doc:"The vocabulary it is counted in; native for a served model's own."`
	Window   int      `json:"context_window,omitzero" doc:"Tokens of prompt and answer together."`
	Tokens   *int     `json:"tokens" doc:"Of the prompt; null where the vocabulary is a served model's own."`
	Input    *float64 `json:"input_price" doc:"US dollars for 1,000 tokens of prompt; null when not known."`
	Output   *float64 `json:"output_price" doc:"US dollars for 1,000 tokens of answer; null when not known."`
}

// Prices answers POST /api/tokenizer/prices. Texts of special tokens count as plain text. The
// headers are those of the limits.
func (s *Service) Prices(ctx context.Context, who actor.Actor, req PriceRequest) (out Prices, headers [][2]string, err error) {
	if (req.Text == nil) == (req.Messages == nil) {
		return Prices{}, nil, fault.Param("text", "Send either `text` or `messages`, one of them.")
	}
	if err := req.Chat.check(); err != nil {
		return Prices{}, nil, err
	}
	headers, err = s.Limits.Admit(ctx, who, class, "prices")
	if err != nil {
		return Prices{}, nil, err
	}
	out, err = price(s.Calendar.Names(who), req)
	s.Usage.Record(ctx, who, "tokenize", "", "", err) // of no model: it is about all of them
	return out, headers, err
}

func price(names []Name, req PriceRequest) (Prices, error) {
	out := Prices{Object: "list", Data: []Price{}}
	type key struct {
		encoding string
		form     form
	}
	counts := map[key]int{}
	for _, n := range names {
		if n.Input == nil && n.Output == nil || req.Messages != nil && n.Kind != chatKind {
			continue
		}
		p := Price{Model: n.Model, Kind: n.Kind, Encoding: n.Encoding, Window: n.Window, Input: n.Input, Output: n.Output}
		if n.Encoding == "" || n.Encoding == native {
			p.Encoding = native
			out.Data = append(out.Data, p)
			continue
		}
		if n.Model == firstSnapshot && req.functions() != nil {
			continue // it took none
		}
		k := key{n.Encoding, formOf(n.Model)}
		count, done := counts[k]
		if !done {
			e, err := encodingOf(n.Encoding)
			if err != nil {
				return Prices{}, err
			}
			if count, err = req.count(e, n.Model); err != nil {
				return Prices{}, err
			}
			counts[k] = count
		}
		p.Tokens = &count
		out.Data = append(out.Data, p)
	}
	return out, nil
}

// chatKind is the kind of names that take messages.
const chatKind = "chat"

func (r *PriceRequest) count(e *bpe.Encoding, model string) (int, error) {
	if r.Text != nil {
		return e.Count(*r.Text), nil
	}
	total, _, _, err := countChat(e, model, &r.Chat)
	return total, err
}
