package retention

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/parley-ai/parley/internal/httpapi"
)

// Record is a kept request.
type Record struct {
	RequestID    string
	At           time.Time // when it came
	Project      string
	User         string // empty for a service account's key
	Key          string // empty for a browser session
	Service      string
	Op           string
	Status       int
	Request      []byte
	Response     []byte
	RequestSize  int64 // bytes that there were; more than len(Request) when the rest was cut
	ResponseSize int64
}

// head is a record without its bodies, as it stands in a block.
type head struct {
	ID       string   `json:"id"`
	At       int64    `json:"at"` // milliseconds since 1970
	Project  string   `json:"project"`
	User     string   `json:"user,omitempty"`
	Key      string   `json:"key,omitempty"`
	Service  string   `json:"service,omitempty"`
	Op       string   `json:"op"`
	Status   int      `json:"status"`
	Lengths  [2]int   `json:"lengths"` // of the bodies that follow
	Original [2]int64 `json:"original"`
}

// maxBlock is more than any block has when it is unpacked: the writer's own bound and one more request.
const maxBlock = 16 << 20

var errBlock = errors.New("retention: a block is damaged")

// packer compresses; its encoder keeps no state between blocks.
type packer struct{ encoder *zstd.Encoder }

func newPacker() (packer, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(blockSize), zstd.WithLowerEncoderMem(true))
	return packer{e}, err
}

// pack returns the requests compressed together: for each the length of its head in four bytes, the head as JSON, and its bodies.
func (p packer) pack(list []*waiting) ([]byte, error) {
	var raw []byte
	for _, w := range list {
		x := &w.Exchange
		h, err := json.Marshal(head{ID: x.RequestID, At: x.Started.UnixMilli(), Project: x.Actor.Project, User: x.Actor.User, Key: x.Actor.Key, Service: x.Actor.Service,
			Op: x.Op, Status: x.Status, Lengths: [2]int{len(x.Request), len(x.Response)}, Original: [2]int64{x.RequestSize, x.ResponseSize}})
		if err != nil {
			return nil, err
		}
		raw = binary.BigEndian.AppendUint32(raw, uint32(len(h)))
		raw = append(raw, h...)
		raw = append(raw, x.Request...)
		raw = append(raw, x.Response...)
	}
	return p.encoder.EncodeAll(raw, nil), nil
}

// unpack calls each with the requests of a block until it returns false.
func unpack(data []byte, each func(Record) bool) error {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock))
	if err != nil {
		return err
	}
	defer d.Close()
	raw, err := d.DecodeAll(data, nil)
	if err != nil {
		return errors.Join(errBlock, err)
	}
	take := func(n int) ([]byte, bool) {
		if n < 0 || n > len(raw) {
			return nil, false
		}
		part := raw[:n:n]
		raw = raw[n:]
		return part, true
	}
	for len(raw) > 0 {
		length, ok := take(4)
		if !ok {
			return errBlock
		}
		text, ok := take(int(binary.BigEndian.Uint32(length)))
		if !ok {
			return errBlock
		}
		var h head
		if err := json.Unmarshal(text, &h); err != nil {
			return errors.Join(errBlock, err)
		}
		request, ok := take(h.Lengths[0])
		if !ok {
			return errBlock
		}
		response, ok := take(h.Lengths[1])
		if !ok {
			return errBlock
		}
		if !each(Record{RequestID: h.ID, At: time.UnixMilli(h.At).UTC(), Project: h.Project, User: h.User, Key: h.Key, Service: h.Service, Op: h.Op, Status: h.Status,
			Request: request, Response: response, RequestSize: h.Original[0], ResponseSize: h.Original[1]}) {
			return nil
		}
	}
	return nil
}

// short is how many letters of a request's id a block tells without being opened.
const short = 8

// shortID returns the letters by which a request is looked for.
func shortID(id string) [short]byte {
	var out [short]byte
	if len(id) > len("req_") {
		copy(out[:], id[len("req_"):])
	}
	return out
}

var _ httpapi.Keeper = (*Service)(nil)
