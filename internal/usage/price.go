package usage

import (
	"math"
	"time"
)

// Price is what things cost, in US dollars; nil is not known. Input, Cached and Output are for 1,000 tokens, where Cached
// falls back to Input; Image is for one, Minute for a minute of audio, Speech for 1,000 characters.
type Price struct{ Input, Cached, Output, Image, Minute, Speech *float64 }

// Counts are what a request used.
type Counts struct {
	Prompt     int           // tokens
	Cached     int           // tokens of Prompt
	Completion int           // tokens
	Images     int           // that were made
	Audio      time.Duration // that was heard
	Characters int           // that were spoken
}

// Cost is what a request cost, in billionths of a US dollar. Total is rounded once, so that small parts of many units are not lost;
// Cached and Output are the parts of it for tokens of the prompt that were computed before and for tokens of the answer.
type Cost struct{ Total, Cached, Output int64 }

// Cost is what counts cost, and whether that is known: it is not when one that is not 0 has no price; then the cost is 0.
func (p Price) Cost(c Counts) (_ Cost, known bool) {
	cachedPrice := p.Cached
	if cachedPrice == nil {
		cachedPrice = p.Input
	}
	part := func(count float64, price *float64, per float64) float64 {
		switch {
		case count == 0:
			return 0
		case price == nil:
			known = false
			return 0
		}
		return count * *price / per * 1e9
	}
	known = c.Prompt == 0 || p.Input != nil // also of a prompt that was computed before to its last token
	input := part(float64(c.Prompt-c.Cached), p.Input, 1000)
	cached := part(float64(c.Cached), cachedPrice, 1000)
	output := part(float64(c.Completion), p.Output, 1000)
	other := part(float64(c.Images), p.Image, 1) + part(c.Audio.Minutes(), p.Minute, 1) + part(float64(c.Characters), p.Speech, 1000)
	if !known {
		return Cost{}, false
	}
	total := int64(math.Round(input + cached + output + other))
	out := Cost{Total: total, Cached: min(int64(math.Round(cached)), total)}
	out.Output = min(int64(math.Round(output)), total-out.Cached)
	return out, true
}
