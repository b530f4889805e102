package remote

import (
	"net/http"
	"testing"
	"time"
)

// TestWaits: what servers write into Retry-After, as far as it is sensible.
func TestWaits(t *testing.T) {
	now := time.Date(2023, 11, 6, 18, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		header, value string
		want          time.Duration
	}{
		{"Retry-After", "20", 20 * time.Second}, {"Retry-After", "0.5", 500 * time.Millisecond}, {"Retry-After-Ms", "1500", 1500 * time.Millisecond},
		{"Retry-After", "Mon, 06 Nov 2023 18:00:30 GMT", 30 * time.Second}, {"Retry-After", "Mon, 06 Nov 2023 17:00:00 GMT", 0},
		{"Retry-After", "-1", 0}, {"Retry-After", "1e300", time.Hour}, {"Retry-After", "NaN", 0}, {"Retry-After", "soon", 0}, {"X-Other", "1", 0},
	} {
		h := http.Header{}
		h.Set(c.header, c.value)
		if got := waitOf(h, now); got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.header, c.value, got, c.want)
		}
	}
}
