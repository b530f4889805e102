package enginepb_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/parley-ai/parley/internal/engine"
	"github.com/parley-ai/parley/internal/engine/enginepb"
	"github.com/parley-ai/parley/internal/fault"
)

// fill sets every field of v to something that is not zero, so that a field which the conversion
// forgets is seen.
func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(*n))
	case reflect.Float32:
		v.SetFloat(float64(*n) / 2)
	default:
		t.Fatalf("fill does not know %s", v.Type())
	}
}

func wire[M proto.Message](t *testing.T, m, into M) M {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
	return into
}

func TestRequestKeepsEveryField(t *testing.T) {
	var want engine.GenerateRequest
	fill(t, reflect.ValueOf(&want).Elem(), new(int))
	got := wire(t, enginepb.FromRequest(want), &enginepb.GenerateRequest{}).Engine()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("after the wire:\n%+v\nwant\n%+v", got, want)
	}
	if got := wire(t, enginepb.FromRequest(engine.GenerateRequest{}), &enginepb.GenerateRequest{}).Engine(); !reflect.DeepEqual(got, engine.GenerateRequest{}) {
		t.Errorf("the zero request came back as %+v", got)
	}
}

func TestEventsKeepEveryField(t *testing.T) {
	for _, e := range []any{&engine.Started{}, &engine.PromptScored{}, &engine.Delta{}, &engine.Done{}} {
		v := reflect.ValueOf(e).Elem()
		fill(t, v, new(int))
		want := v.Interface().(engine.Event)
		got, err := wire(t, enginepb.FromEvent(7, want, nil), &enginepb.Event{}).Engine()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%T after the wire: %+v, %v; want %+v", want, got, err, want)
		}
	}
	_, err := wire(t, enginepb.FromEvent(7, nil, errors.New("boom")), &enginepb.Event{}).Engine()
	if err == nil || err.Error() != "boom" || fault.As(err) != nil {
		t.Errorf("a plain error came back as %#v", err)
	}
}

func TestFaultsSurviveUnaryCalls(t *testing.T) {
	want := fault.Param("prompt", "Too long by %d.", 3).WithCode("context_length_exceeded").WithCause(errors.New("why"))
	got, lost := enginepb.FromStatus(context.Background(), enginepb.Status(fmt.Errorf("while testing: %w", want)))
	f := fault.As(got)
	if lost || f == nil || f.Kind != want.Kind || f.Code != want.Code || f.Param != want.Param || f.Message != want.Message || f.Err.Error() != "why" {
		t.Errorf("came back as %#v, lost %v", got, lost)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got, lost := enginepb.FromStatus(ctx, enginepb.Status(want)); got != context.Canceled || lost {
		t.Errorf("with an ended context: %v, %v", got, lost)
	}
}
