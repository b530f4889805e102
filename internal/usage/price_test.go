package usage

import (
	"testing"
	"time"
)

func TestCost(t *testing.T) {
	price := func(dollars float64) *float64 { return &dollars }
	for _, tt := range []struct {
		counts Counts
		price  Price
		cost   Cost
		priced bool
	}{
		{Counts{Prompt: 1000, Completion: 1000}, Price{Input: price(0.03), Output: price(0.06)}, Cost{90_000_000, 0, 60_000_000}, true},
		{Counts{Prompt: 1}, Price{Input: price(0.00002)}, Cost{Total: 20}, true}, // less than a millionth of a dollar
		{Counts{Prompt: 1000, Cached: 1000}, Price{Input: price(0.03), Cached: price(0)}, Cost{}, true},
		{Counts{Prompt: 1000, Cached: 1000}, Price{Input: price(0.03)}, Cost{30_000_000, 30_000_000, 0}, true},
		{Counts{Prompt: 1000, Cached: 400, Completion: 10}, Price{Input: price(0.01), Cached: price(0.005), Output: price(0.03)}, Cost{8_300_000, 2_000_000, 300_000}, true},
		// Three parts of five eighths of a billionth: the whole is rounded once, and its parts are never more than it.
		{Counts{Prompt: 2, Cached: 1, Completion: 1}, Price{Input: price(0.000000625), Output: price(0.000000625)}, Cost{2, 1, 1}, true},
		{Counts{Prompt: 1, Cached: 1, Completion: 1}, Price{Input: price(0.000000625), Output: price(0.000000625)}, Cost{1, 1, 0}, true},
		{Counts{Prompt: 1, Completion: 1}, Price{Input: price(0.03)}, Cost{}, false},
		{Counts{Prompt: 1}, Price{}, Cost{}, false},
		{Counts{Prompt: 1, Cached: 1}, Price{Cached: price(0.01)}, Cost{}, false},
		{Counts{}, Price{}, Cost{}, true},
		{Counts{Images: 3}, Price{Image: price(0.04)}, Cost{Total: 120_000_000}, true},
		{Counts{Images: 1}, Price{Input: price(0.04)}, Cost{}, false},
		{Counts{Audio: 90 * time.Second}, Price{Minute: price(0.006)}, Cost{Total: 9_000_000}, true},
		{Counts{Audio: time.Second}, Price{Minute: price(0.006)}, Cost{Total: 100_000}, true},
		{Counts{Audio: time.Second}, Price{}, Cost{}, false},
		{Counts{Characters: 250}, Price{Speech: price(0.015)}, Cost{Total: 3_750_000}, true},
		{Counts{Characters: 1}, Price{}, Cost{}, false},
		{Counts{Prompt: 1000, Images: 1}, Price{Input: price(0.01), Image: price(0.02)}, Cost{Total: 30_000_000}, true},
		{Counts{Prompt: 1000, Images: 1}, Price{Input: price(0.01)}, Cost{}, false},
	} {
		if got, priced := tt.price.Cost(tt.counts); got != tt.cost || priced != tt.priced {
			t.Errorf("%+v: %+v %v, want %+v %v", tt.counts, got, priced, tt.cost, tt.priced)
		}
	}
}
