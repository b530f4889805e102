package saved

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Item is an object as it was saved.
type Item struct {
	Object string // "assistant", "thread", "thread.message", "thread.run", "thread.run.step"
	ID     string
	Thread string // of messages, runs and steps
	Run    string // of steps
	At     int64  // seconds since 1970
	JSON   jsontext.Value
}

// head are the members that order objects.
type head struct {
	Object  string         `json:"object"`
	ID      string         `json:"id"`
	Thread  string         `json:"thread_id"`
	Run     string         `json:"run_id"`
	At      int64          `json:"created_at"`
	Data    jsontext.Value `json:"data"`
	Message jsontext.Value `json:"messages"`
}

// ranks is the order in which objects are taken in: what others refer to comes first.
var ranks = map[string]int{"assistant": 1, "thread": 2, "thread.message": 3, "thread.run": 4, "thread.run.step": 5}

// Read reads objects one after another, arrays of them and list objects of the API (JSON, or JSON Lines). Threads may have their messages
// in a member messages. The error names where it stands: what is no object of these kinds is one too.
func Read(r io.Reader) ([]Item, error) {
	dec := jsontext.NewDecoder(r)
	var out []Item
	for n := 1; ; n++ {
		v, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("value %d is not JSON: %w", n, err)
		}
		if out, err = read(out, v, fmt.Sprintf("value %d", n)); err != nil {
			return nil, err
		}
	}
}

func read(out []Item, v jsontext.Value, at string) ([]Item, error) {
	if v.Kind() == '[' {
		var all []jsontext.Value
		if err := json.Unmarshal(v, &all); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		for i, e := range all {
			var err error
			if out, err = read(out, e, fmt.Sprintf("%s, item %d", at, i+1)); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	var h head
	if v.Kind() != '{' || json.Unmarshal(v, &h) != nil {
		return nil, fmt.Errorf("%s is no object of the API", at)
	}
	if h.Object == "list" && h.Data.Kind() == '[' {
		return read(out, h.Data, at)
	}
	if ranks[h.Object] == 0 {
		return nil, fmt.Errorf("%s is a %q: what can be taken in are objects that say assistant, thread, thread.message, thread.run or thread.run.step", at, h.Object)
	}
	if h.ID == "" {
		return nil, fmt.Errorf("%s is a %s without an id", at, h.Object)
	}
	out = append(out, Item{Object: h.Object, ID: h.ID, Thread: h.Thread, Run: h.Run, At: h.At, JSON: v.Clone()})
	if h.Object == "thread" && len(h.Message) > 0 && h.Message.Kind() != 'n' {
		return read(out, h.Message, at+", messages")
	}
	return out, nil
}

// Sort brings objects into the order in which they are taken in: by kind, then by thread, then by time. The API lists the newest first, so
// of objects of one second those come first that stand last, where a file has the newest first.
func Sort(all []Item) {
	first, last := map[string]int64{}, map[string]int64{}
	for _, it := range all {
		key := it.list()
		if _, ok := first[key]; !ok {
			first[key] = it.At
		}
		last[key] = it.At
	}
	type placed struct {
		item Item
		at   int
	}
	order := make([]placed, len(all))
	for i, it := range all {
		order[i] = placed{it, i}
		if key := it.list(); first[key] > last[key] {
			order[i].at = -i
		}
	}
	slices.SortStableFunc(order, func(a, b placed) int {
		return cmp.Or(
			cmp.Compare(ranks[a.item.Object], ranks[b.item.Object]),
			cmp.Compare(a.item.list(), b.item.list()),
			cmp.Compare(a.item.At, b.item.At),
			cmp.Compare(a.at, b.at),
		)
	})
	for i, p := range order {
		all[i] = p.item
	}
}

// list names the list of the API that an object comes from.
func (it *Item) list() string {
	if it.Object == "thread.run.step" {
		return it.Object + " " + it.Thread + " " + it.Run
	}
	return it.Object + " " + it.Thread
}
