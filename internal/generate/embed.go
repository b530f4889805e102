package generate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// maxEmbedTokens is how many tokens all inputs of a request may have together, as in the original. They
// are counted as the caller counts them: in the encoding of the name where it has one, else as the served
// model reads them. What another server answers is measured only where the name has an encoding.
const maxEmbedTokens = 300_000

// EmbedRequest asks for one vector per input. Exactly one of Texts and Tokens is set.
type EmbedRequest struct {
	Op     string
	Class  string
	Model  string
	Param  string // the field that errors about an input name: "input"
	Texts  []string
	Tokens [][]engine.Token // in the vocabulary of the name: its encoding where it has one, else the served model's
	User   string           // the caller's end user, for the limits
}

// Embedded is the answer to an EmbedRequest.
type Embedded struct {
	Admitted   Admitted
	Vectors    [][]float32 // unit length, in the order of the inputs
	Dimensions int         // how long programs expect vectors of the name to be; 0: as they are
	Split      int         // inputs that were longer than the served model's window
	Windows    int         // in how many windows these were embedded together
}

// Embed turns texts or tokens into vectors. Admitted.PromptTokens counts the inputs' tokens. An input
// that the name takes and that is longer than the served model's window is embedded in windows, whose
// vectors are averaged by their length and made unit length again.
func (s *Service) Embed(ctx context.Context, who actor.Actor, req EmbedRequest) (_ Embedded, err error) {
	target, err := s.Models.Resolve(ctx, who, req.Model)
	if err != nil {
		return Embedded{}, err
	}
	backend, release, err := s.Pool.Use(ctx, target.Spec)
	if err != nil {
		return Embedded{}, canceled(ctx, err)
	}
	defer release()
	info, err := backend.Info(ctx)
	if err != nil {
		return Embedded{}, canceled(ctx, err)
	}
	if !info.CanEmbed {
		err := notAllowed("generate embeddings from", "`%s` writes text. Use an embedding model; GET /v1/models lists them.", req.Model)
		return Embedded{}, s.Refuse(ctx, who, req.Class, req.Model, err)
	}
	out := Embedded{Admitted: admittedOf(target, info), Dimensions: target.Dimensions}
	call, err := embedInput(ctx, backend, info, target, req)
	if err == nil {
		call.tokens, err = countInputs(target, req, call.tokens)
	}
	if err != nil {
		return Embedded{}, s.Refuse(ctx, who, req.Class, req.Model, canceled(ctx, err))
	}
	out.Admitted.PromptTokens, out.Split, out.Windows = call.tokens, call.split, call.windows
	out.Admitted.Grant, err = s.Limits.Admit(ctx, who, Demand{Class: req.Class, Model: req.Model, Tokens: out.Admitted.PromptTokens, User: req.User})
	if err != nil {
		return Embedded{}, err
	}
	record := Record{Op: req.Op, Model: req.Model, Served: target.Served, Requests: 1, Outcome: Failed, User: req.User}
	defer func() {
		out.Admitted.Grant.correct(record.Usage)
		s.Usage.Record(context.WithoutCancel(ctx), who, record)
	}()

	answer, err := backend.Embed(ctx, call.request)
	if err != nil {
		err = canceled(ctx, err)
		if fault.KindOf(err) == fault.Canceled {
			record.Outcome = Canceled
		}
		return Embedded{}, err
	}
	if want := len(call.request.Texts) + len(call.request.Tokens); len(answer.Vectors) != want {
		return Embedded{}, fmt.Errorf("generate: %s gave %d vectors for %d inputs", target.Served, len(answer.Vectors), want)
	}
	if len(call.request.Texts) > 0 && !target.Counts { // only the other server knows how many tokens it read
		out.Admitted.PromptTokens = answer.PromptTokens
	}
	record.Outcome, record.Usage.PromptTokens = Completed, out.Admitted.PromptTokens
	out.Vectors = call.join(answer.Vectors)
	return out, nil
}

// embedCall is what the backend is asked, and how its answer becomes that to the request.
type embedCall struct {
	request engine.EmbedRequest
	tokens  int   // of all inputs: as the served model reads them, then as the name counts
	parts   []int // vectors of the backend per input; nil is one each
	split   int   // inputs with more than one
	windows int   // of these
}

// embedInput brings the inputs into the backend's form, measures each against what the name takes, and
// cuts what is longer than the served model's window.
func embedInput(ctx context.Context, backend engine.Backend, info engine.Info, target Target, req EmbedRequest) (embedCall, error) {
	texts, err := embedTexts(target, req)
	if err != nil {
		return embedCall{}, err
	}
	if info.Input == engine.InputMessages {
		if len(texts) == 0 {
			return embedCall{}, fault.Param(req.Param, "The model `%s` is answered by another server (%s), which takes text, not token ids. Please send the text.", req.Model, target.Served)
		}
		return embedCall{request: engine.EmbedRequest{Texts: texts}}, nil
	}
	tokens := req.Tokens
	if len(texts) > 0 {
		tokens = make([][]engine.Token, len(texts))
		for i, text := range texts {
			t, err := backend.Tokenize(ctx, engine.TokenizeRequest{Text: text, AddSpecial: true})
			if err != nil {
				return embedCall{}, err
			}
			tokens[i] = t
		}
	} else {
		for _, t := range tokens {
			if err := CheckTokens(req.Param, target, info, t); err != nil {
				return embedCall{}, err
			}
		}
	}
	served := info.ContextWindow
	limit := target.Limit
	switch {
	case limit == 0:
		limit = window(target.Window, served)
	case target.Encoding != "":
		limit = 0 // was measured in the tokens that the caller counts in
	}
	call := embedCall{request: engine.EmbedRequest{Tokens: tokens}}
	for _, t := range tokens {
		if limit > 0 && len(t) > limit {
			return embedCall{}, inputTooLong(req.Param, limit, len(t))
		}
		call.tokens += len(t)
		if served > 0 && len(t) > served {
			call.split++
		}
	}
	if target.Encoding == "" && call.tokens > maxEmbedTokens {
		return embedCall{}, tooManyTokens(call.tokens)
	}
	if call.split == 0 {
		return call, nil
	}
	return call, call.cut(ctx, backend, served)
}

// countInputs counts the inputs in the tokens of the name's encoding, where it counts in these; native is
// how many they are to the served model.
func countInputs(target Target, req EmbedRequest, native int) (int, error) {
	encoding, err := countedIn(target)
	if encoding == nil || err != nil {
		return native, err
	}
	total := 0
	for _, text := range req.Texts {
		total += encoding.Count(text)
	}
	for _, ids := range req.Tokens {
		total += len(ids)
	}
	return total, nil
}

// embedTexts returns the inputs as texts: ids of the name's own encoding are decoded. It measures them in
// that encoding, in which callers count. The served model's own ids stay what they are: then it returns
// nothing.
func embedTexts(target Target, req EmbedRequest) ([]string, error) {
	if target.Encoding == "" {
		return req.Texts, nil
	}
	encoding, err := bpe.Get(target.Encoding)
	if err != nil {
		return nil, err
	}
	if len(req.Texts) > 0 {
		return req.Texts, measureTexts(encoding, target.Limit, req)
	}
	total := 0
	for _, ids := range req.Tokens {
		if target.Limit > 0 && len(ids) > target.Limit {
			return nil, inputTooLong(req.Param, target.Limit, len(ids))
		}
		total += len(ids)
	}
	if total > maxEmbedTokens {
		return nil, tooManyTokens(total)
	}
	texts := make([]string, len(req.Tokens))
	for i, ids := range req.Tokens {
		if texts[i], err = decode(encoding, ids); err != nil {
			return nil, fault.Param(req.Param, "%s, the encoding of `%s`. Send ids of that encoding, or text.", err, target.Name)
		}
	}
	return texts, nil
}

// measureTexts refuses texts of which one has more than limit tokens (0 is no limit), or all together
// more than a request may have. No token is shorter than a byte, so that most need not be counted.
func measureTexts(encoding *bpe.Encoding, limit int, req EmbedRequest) error {
	bytes := 0
	for _, text := range req.Texts {
		bytes += len(text)
	}
	total := 0
	for _, text := range req.Texts {
		if bytes <= maxEmbedTokens && (limit == 0 || len(text) <= limit) {
			continue
		}
		n := encoding.Count(text)
		if limit > 0 && n > limit {
			return inputTooLong(req.Param, limit, n)
		}
		total += n
	}
	if total > maxEmbedTokens {
		return tooManyTokens(total)
	}
	return nil
}

// decode returns the text of ids. Bytes that are no text, because a character was cut, are replaced.
func decode(encoding *bpe.Encoding, ids []engine.Token) (string, error) {
	own := make([]bpe.Token, len(ids))
	for i, id := range ids {
		own[i] = bpe.Token(id)
	}
	text, err := encoding.Decode(nil, own)
	if err != nil {
		return "", err
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}

// inputTooLong is the original's error, in its words.
func inputTooLong(param string, limit, tokens int) error {
	return fault.Param(param, "This model's maximum context length is %d tokens, however you requested %d tokens (%d in your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
		limit, tokens, tokens).WithCode("context_length_exceeded")
}

// tooManyTokens is the original's error, in its words and with its type.
func tooManyTokens(n int) error {
	return &requestTooLarge{fault.New(fault.Invalid, "Requested %d tokens, max %d tokens per request", n, maxEmbedTokens).WithCode("max_tokens_per_request")}
}

// requestTooLarge is a fault whose `type` on the wire is its code.
type requestTooLarge struct{ fault *fault.Error }

func (e *requestTooLarge) Error() string                   { return e.fault.Error() }
func (e *requestTooLarge) Unwrap() error                   { return e.fault }
func (e *requestTooLarge) ErrorType() string               { return e.fault.Code }
func (e *requestTooLarge) ErrorHeaders() map[string]string { return nil }

// cut puts windows in the place of inputs that are longer than size tokens. The windows of an input are
// equally long, so that no short rest has a vector of its own, and each has the control tokens that the
// model expects around a text.
func (c *embedCall) cut(ctx context.Context, backend engine.Backend, size int) error {
	before, after, err := around(ctx, backend)
	if err != nil {
		return err
	}
	inputs := c.request.Tokens
	c.request.Tokens, c.parts = nil, make([]int, len(inputs))
	for i, t := range inputs {
		if len(t) <= size {
			c.request.Tokens, c.parts[i] = append(c.request.Tokens, t), 1
			continue
		}
		windows := cutWindows(t, before, after, size)
		c.request.Tokens, c.parts[i] = append(c.request.Tokens, windows...), len(windows)
		c.windows += len(windows)
	}
	return nil
}

// cutWindows cuts tokens into windows of at most size tokens, each between before and after where the
// tokens as a whole are.
func cutWindows(tokens, before, after []engine.Token, size int) [][]engine.Token {
	body := tokens
	if len(before)+len(after) < size && len(tokens) >= len(before)+len(after) &&
		slices.Equal(tokens[:len(before)], before) && slices.Equal(tokens[len(tokens)-len(after):], after) {
		body = tokens[len(before) : len(tokens)-len(after)]
	} else {
		before, after = nil, nil
	}
	room := size - len(before) - len(after)
	n := (len(body) + room - 1) / room
	out := make([][]engine.Token, n)
	for i := range out {
		part := body[i*len(body)/n : (i+1)*len(body)/n]
		out[i] = slices.Concat(before, part, after)
	}
	return out
}

// around returns the control tokens that the model's tokenizer puts before and after a text.
func around(ctx context.Context, backend engine.Backend) (before, after []engine.Token, err error) {
	const text = "a"
	with, err := backend.Tokenize(ctx, engine.TokenizeRequest{Text: text, AddSpecial: true})
	if err != nil {
		return nil, nil, err
	}
	plain, err := backend.Tokenize(ctx, engine.TokenizeRequest{Text: text})
	if err != nil {
		return nil, nil, err
	}
	for at := 0; at+len(plain) <= len(with); at++ {
		if slices.Equal(with[at:at+len(plain)], plain) {
			return with[:at], with[at+len(plain):], nil
		}
	}
	return nil, nil, nil
}

// join makes one vector per input of those of its windows: their mean by the windows' lengths, with
// length 1.
func (c *embedCall) join(vectors [][]float32) [][]float32 {
	if c.parts == nil {
		return vectors
	}
	out := make([][]float32, 0, len(c.parts))
	at := 0
	for _, n := range c.parts {
		if n == 1 {
			out = append(out, vectors[at])
		} else {
			out = append(out, mean(vectors[at:at+n], c.request.Tokens[at:at+n]))
		}
		at += n
	}
	return out
}

// mean returns the unit vector in the direction of the mean of vectors, weighted by how many tokens each
// stands for; vectors that cancel out give zeros.
func mean(vectors [][]float32, tokens [][]engine.Token) []float32 {
	sum := make([]float64, len(vectors[0]))
	for i, v := range vectors {
		for k, x := range v {
			sum[k] += float64(x) * float64(len(tokens[i]))
		}
	}
	var square float64
	for _, x := range sum {
		square += x * x
	}
	out := make([]float32, len(sum))
	if square == 0 {
		return out
	}
	norm := math.Sqrt(square)
	for k, x := range sum {
		out[k] = float32(x / norm)
	}
	return out
}
