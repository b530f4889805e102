package enginepb

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/fault"
)

// FuzzMessages reads anything as the messages between server and engine: what can be read becomes
// something that goes onto the wire again as the same.
func FuzzMessages(f *testing.F) {
	add := func(m proto.Message) {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	add(FromRequest(engine.GenerateRequest{ID: "1", Tokens: []engine.Token{1, -1}, MaxTokens: math.MaxInt, Sampling: engine.Sampling{
		Bias: []engine.TokenBias{{Token: 1, Bias: 2}}, Grammar: &engine.Grammar{GBNF: "root ::= \"a\""},
	}}))
	logprobs := []engine.TokenLogprob{{Token: 1, Bytes: []byte("a"), Logprob: -1, Top: []engine.TopLogprob{{Token: 2}}}}
	add(FromEvent(1, engine.Delta{Text: "a", Tokens: logprobs}, nil))
	add(FromEvent(2, engine.PromptScored{Tokens: logprobs}, nil))
	add(FromEvent(3, engine.Done{Reason: engine.FinishStop, End: &logprobs[0]}, nil))
	add(FromEvent(4, nil, fault.New(fault.Overloaded, "full")))
	add(&Event{Event: &Event_Error{Error: &Error{Kind: -7, Cause: "x"}}})
	f.Fuzz(func(t *testing.T, data []byte) {
		var request GenerateRequest
		if proto.Unmarshal(data, &request) == nil {
			once := FromRequest(request.Engine())
			if twice := FromRequest(once.Engine()); !proto.Equal(once, twice) {
				t.Errorf("%v\n%v", once, twice)
			}
		}
		var event Event
		if proto.Unmarshal(data, &event) != nil {
			return
		}
		e, err := event.Engine()
		if (e == nil) == (err == nil) {
			t.Fatalf("%v and %v", e, err)
		}
		once := FromEvent(event.Sequence, e, err)
		e, err = once.Engine()
		if twice := FromEvent(event.Sequence, e, err); !proto.Equal(once, twice) {
			t.Errorf("%v\n%v", once, twice)
		}
	})
}
