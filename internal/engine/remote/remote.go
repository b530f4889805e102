package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// Options of the remote driver.
type Options struct {
	Client *http.Client // nil is the client for what the operator configures
}

// Open is the engine.Opener of the driver "remote".
func Open(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
	return Opener(Options{})(ctx, spec, progress)
}

// Opener returns an opener for specs with a URL. Opening asks the server for its models: one that
// cannot be reached is Unavailable; one that does not list them is taken as it is.
func Opener(o Options) engine.Opener {
	return func(ctx context.Context, spec engine.Spec, progress engine.Progress) (engine.Backend, error) {
		b, err := newBackend(o, spec)
		if err != nil {
			return nil, err
		}
		models, err := b.models(ctx)
		if fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil {
			return nil, err
		}
		b.choose(models)
		if progress != nil {
			progress(1)
		}
		return b, nil
	}
}

// backend is one model of another server. It holds no connections of its own: the client does.
type backend struct {
	spec    engine.Spec
	client  *http.Client
	model   string // as the other server names it
	info    engine.Info
	header  http.Header // of every request; never changed
	chat    *url.URL
	text    *url.URL
	embed   *url.URL
	list    *url.URL
	ctx     context.Context // ends with Close
	closeIt context.CancelFunc
}

func newBackend(o Options, spec engine.Spec) (*backend, error) {
	base, err := url.Parse(strings.TrimRight(spec.URL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fault.New(fault.Unavailable, "The model %s has the address %q, which is no URL like http://host:port/v1. The operator must correct it.", spec.Name, spec.URL)
	}
	b := &backend{
		spec: spec, client: o.Client, model: spec.UpstreamName,
		header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"parley"}},
		chat:   base.JoinPath("chat/completions"), text: base.JoinPath("completions"),
		embed: base.JoinPath("embeddings"), list: base.JoinPath("models"),
	}
	if b.client == nil {
		b.client = egress.Client(egress.Operator)
	}
	if spec.APIKey != "" {
		b.header.Set("Authorization", "Bearer "+spec.APIKey)
	}
	b.ctx, b.closeIt = context.WithCancel(context.Background())
	b.info = engine.Info{
		Name: spec.Name, Backend: "remote", ContextWindow: spec.ContextWindow,
		CanGenerate: !spec.Embedding, CanEmbed: true, Input: engine.InputMessages,
	}
	return b, nil
}

// choose takes what the server's list says about the model; without a name of its own it is the first.
func (b *backend) choose(models []Model) {
	if b.model == "" && len(models) > 0 {
		b.model = models[0].ID
	}
	for _, m := range models {
		if m.ID == b.model && m.ContextWindow > 0 && (b.info.ContextWindow == 0 || m.ContextWindow < b.info.ContextWindow) {
			b.info.ContextWindow = m.ContextWindow
		}
	}
	sum := sha256.Sum256([]byte(b.spec.URL + "\x00" + b.model))
	b.info.Fingerprint = "fp_" + hex.EncodeToString(sum[:5])
}

func (b *backend) Info(context.Context) (engine.Info, error) {
	if b.ctx.Err() != nil {
		return engine.Info{}, b.closed()
	}
	return b.info, nil
}

func (b *backend) Tokenize(context.Context, engine.TokenizeRequest) ([]engine.Token, error) {
	return nil, b.cannot("tokenize here")
}

func (b *backend) Detokenize(context.Context, []engine.Token) ([]byte, error) {
	return nil, b.cannot("tokenize here")
}

// Close ends running sequences with Unavailable.
func (b *backend) Close() error {
	b.closeIt()
	return nil
}
