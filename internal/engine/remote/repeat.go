package remote

import (
	"bytes"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// repeat reads chunks that differ from an earlier one in their text alone, as nearly all of a stream do, without decoding all of them again:
// what stands around the text is compared byte by byte.
type repeat struct {
	head, tail []byte // of the chunk, around the text's JSON string; nil: none is known
	gaveUp     bool   // this server's chunks differ elsewhere, too
	text       []byte
}

// texts are the members in which a chunk has its text.
var texts = [][]byte{[]byte(`"content":`), []byte(`"text":`)}

// learn looks at a chunk that was decoded. One with nothing but a text is what later ones are compared with.
func (r *repeat) learn(data []byte, a *answer) {
	if r.gaveUp || len(a.Choices) != 1 || len(a.Error) > 0 || a.Usage != (usage{}) {
		return
	}
	c := a.Choices[0]
	text := c.Text + c.Delta.Content
	if text == "" || !reflect.DeepEqual(c, choice{Text: text}) && !reflect.DeepEqual(c, choice{Delta: said{Content: text}}) {
		return
	}
	if r.head != nil { // and this one was another: an id or a counter changes with each
		r.gaveUp = true
		return
	}
	for _, name := range texts {
		begin := bytes.Index(data, name)
		if begin < 0 {
			continue
		}
		begin += len(name)
		begin += len(data[begin:]) - len(bytes.TrimLeft(data[begin:], " \t"))
		end := begin + stringLen(data[begin:])
		// Whether this is the member that is read shows when another text stands there.
		probe := bytes.Clone(data[:begin])
		probe, _ = jsontext.AppendQuote(probe, text+"?")
		probe = append(probe, data[end:]...)
		var b answer
		if end == begin || json.Unmarshal(probe, &b, lenient) != nil || len(b.Choices) != 1 {
			continue
		}
		want := c
		if want.Text != "" {
			want.Text += "?"
		} else {
			want.Delta.Content += "?"
		}
		if reflect.DeepEqual(b.Choices[0], want) && len(b.Error) == 0 && b.Usage == (usage{}) {
			r.head, r.tail = bytes.Clone(data[:begin]), bytes.Clone(data[end:])
			return
		}
	}
	r.gaveUp = true
}

// read returns the text of a chunk that is otherwise the one that was learned.
func (r *repeat) read(data []byte) (text string, ok bool) {
	if r.head == nil || len(data) < len(r.head)+len(r.tail) || !bytes.HasPrefix(data, r.head) || !bytes.HasSuffix(data, r.tail) {
		return "", false
	}
	var err error
	r.text, err = jsontext.AppendUnquote(r.text[:0], data[len(r.head):len(data)-len(r.tail)])
	return string(r.text), err == nil
}

// stringLen is the length of the JSON string that data begins with; 0: it begins with none.
func stringLen(data []byte) int {
	if len(data) == 0 || data[0] != '"' {
		return 0
	}
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}
