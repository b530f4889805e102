package retention

import (
	"fmt"
	"testing"

	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// BenchmarkKeep is all that keeping a short request costs: copies, compression, encryption and writing. A test's CPU time divided by
// its requests, since most of it is done by another goroutine.
func BenchmarkKeep(b *testing.B) {
	s := newBench(b, storetest.Open(b, storetest.SQLite(b), store.Options{}), nil)
	x := httpapi.Exchange{Actor: ann, Op: "createChatCompletion", Status: 200, Started: begin}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.RequestID = ids.New("req_")
		x.Request = fmt.Appendf(nil, `{"model":"bench","messages":[{"role":"user","content":"Question number %d, about otters."}]}`, i)
		x.Response = fmt.Appendf(nil, `{"id":"chatcmpl-%s","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I help you today?"},"finish_reason":"stop"}]}`, x.RequestID)
		s.Keep(x)
		if i%4096 == 4095 {
			s.flush()
		}
	}
	s.flush()
	if in := s.Installation(); in.Dropped != 0 {
		b.Errorf("%d were dropped", in.Dropped)
	}
}
