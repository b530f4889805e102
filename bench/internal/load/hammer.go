package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// Rate is what Hammer saw.
type Rate struct {
	Requests  int
	PerSecond float64
	P50, P99  time.Duration
}

// Request is the bytes of one chat request over HTTP/1.1 keep-alive. A hand-made client costs little of
// the two cores that the servers under test need.
func Request(model, key string) []byte {
	return RequestWith(model, false, "Authorization: Bearer "+key)
}

// RequestWith is a request for a whole or a streamed answer with these headers, each "Name: value".
func RequestWith(model string, stream bool, headers ...string) []byte {
	more := ""
	if stream {
		more = `,"stream":true`
	}
	body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Hello!"}],"temperature":0.7,"max_tokens":64%s}`, model, more)
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	return []byte(head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// Hammer sends the request again and again over conns connections for a time. It stops at the first
// answer that is not 200.
func Hammer(addr string, request []byte, conns int, length time.Duration) (Rate, error) {
	var (
		mu        sync.Mutex
		latencies []time.Duration
		failed    error
		wg        sync.WaitGroup
	)
	start := time.Now()
	end := start.Add(length)
	for range conns {
		wg.Go(func() {
			seen, err := hammerOne(addr, request, end)
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, seen...)
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return Rate{}, failed
	}
	return Rate{
		Requests:  len(latencies),
		PerSecond: float64(len(latencies)) / time.Since(start).Seconds(),
		P50:       Percentile(latencies, 0.5),
		P99:       Percentile(latencies, 0.99),
	}, nil
}

func hammerOne(addr string, request []byte, end time.Time) ([]time.Duration, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r := bufio.NewReaderSize(c, 8<<10)
	var seen []time.Duration
	for {
		before := time.Now()
		if before.After(end) {
			return seen, nil
		}
		if _, err := c.Write(request); err != nil {
			return nil, err
		}
		if err := readAnswer(r); err != nil {
			return nil, err
		}
		seen = append(seen, time.Since(before))
	}
}

// readAnswer reads one answer with a Content-Length or in chunks.
func readAnswer(r *bufio.Reader) error {
	length, chunked := -1, false
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case first && !bytes.Contains(line, []byte(" 200")):
			rest := make([]byte, r.Buffered())
			n, _ := io.ReadFull(r, rest)
			return fmt.Errorf("answer %q %s", line, rest[:n])
		case len(line) == 0:
			return discard(r, length, chunked)
		case len(line) > 16 && bytes.EqualFold(line[:16], []byte("Content-Length: ")):
			if length, err = strconv.Atoi(string(line[16:])); err != nil {
				return err
			}
		case bytes.EqualFold(line, []byte("Transfer-Encoding: chunked")):
			chunked = true
		}
	}
}

func discard(r *bufio.Reader, length int, chunked bool) error {
	if !chunked {
		if length < 0 {
			return fmt.Errorf("answer without a length")
		}
		_, err := r.Discard(length)
		return err
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return err
		}
		if _, err := r.Discard(int(n) + 2); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}
