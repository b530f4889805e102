// Package load drives OpenAI-compatible servers for the benchmarks: it streams chats, notes when each
// token arrived, and reads the memory that a process tree holds. It is a client; nothing in it knows
// which server it talks to.
package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Target is a server under test.
type Target struct {
	Name  string
	URL   string // ends in /v1
	Key   string
	Model string
	PID   int // the server's process; its children count too
}

// Ask is one streamed chat.
type Ask struct {
	Prompt    string
	MaxTokens int
	N         int             // choices; 0 is 1
	Bias      map[string]int  // logit_bias: bans the end of turn, so that lengths are equal
	Stop      context.Context // ends the request early; nil runs to the end
}

// Result is what was seen of a chat.
type Result struct {
	Start  time.Time
	First  time.Duration // until the first text
	Total  time.Duration
	Times  []time.Time // of each chunk with text
	Tokens int         // completion tokens that the server reports
	Prompt int
	Err    error
}

// TokensPerSecond is the decode speed after the first token.
func (r Result) TokensPerSecond() float64 {
	if d := r.Total - r.First; d > 0 && r.Tokens > 1 {
		return float64(r.Tokens-1) / d.Seconds()
	}
	return 0
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}}

// Chat streams one chat and notes the times.
func (t Target) Chat(ask Ask) (r Result) {
	body := map[string]any{
		"model":          t.Model,
		"messages":       []map[string]string{{"role": "user", "content": ask.Prompt}},
		"max_tokens":     ask.MaxTokens,
		"temperature":    0,
		"stream":         true,
		"stream_options": map[string]bool{"include_usage": true},
	}
	if ask.N > 1 {
		body["n"] = ask.N
		body["temperature"] = 1
	}
	if len(ask.Bias) > 0 {
		body["logit_bias"] = ask.Bias
	}
	data, err := json.Marshal(body)
	if err != nil {
		return Result{Err: err}
	}
	ctx := ask.Stop
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL+"/chat/completions", bytes.NewReader(data))
	if err != nil {
		return Result{Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+t.Key)
	r.Start = time.Now()
	resp, err := client.Do(req)
	if err != nil {
		r.Err = err
		return r
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		r.Err = fmt.Errorf("%s: %s: %s", t.Name, resp.Status, text)
		return r
	}
	r.Err = r.read(resp.Body)
	r.Total = time.Since(r.Start)
	return r
}

// chunk is the part of a chat.completion.chunk that counts here.
type chunk struct {
	Choices []struct {
		Delta struct {
			Content string `json:"content"`
		} `json:"delta"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

func (r *Result) read(body io.Reader) error {
	scan := bufio.NewScanner(body)
	scan.Buffer(make([]byte, 64<<10), 4<<20)
	for scan.Scan() {
		data, ok := bytes.CutPrefix(scan.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		if string(data) == "[DONE]" {
			return nil
		}
		var c chunk
		if err := json.Unmarshal(data, &c); err != nil {
			return err
		}
		if len(c.Error) > 0 && string(c.Error) != "null" {
			return fmt.Errorf("error event: %s", c.Error)
		}
		if c.Usage != nil {
			r.Tokens, r.Prompt = c.Usage.CompletionTokens, c.Usage.PromptTokens
		}
		if len(c.Choices) > 0 && c.Choices[0].Delta.Content != "" {
			now := time.Now()
			if len(r.Times) == 0 {
				r.First = now.Sub(r.Start)
			}
			r.Times = append(r.Times, now)
		}
	}
	if err := scan.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// Together runs the asks at the same time and returns their results in order, and the time until the
// last one ended.
func (t Target) Together(asks []Ask) ([]Result, time.Duration) {
	results := make([]Result, len(asks))
	var wg sync.WaitGroup
	start := time.Now()
	for i, ask := range asks {
		wg.Go(func() { results[i] = t.Chat(ask) })
	}
	wg.Wait()
	return results, time.Since(start)
}

// Percentile returns the p-th percentile (0–1) of the durations.
func Percentile(d []time.Duration, p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Clone(d)
	slices.Sort(d)
	return d[min(len(d)-1, int(p*float64(len(d))))]
}

// Median of numbers.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// Resident returns the resident memory in bytes of a process and its descendants (Linux: /proc).
// Pages of files that several of them map are counted in each.
func Resident(pid int) int64 {
	parents := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, s := range stats {
		data, err := os.ReadFile(s)
		if err != nil {
			continue
		}
		// The name in brackets may hold spaces: the fields start after its end.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		child, err1 := strconv.Atoi(filepath.Base(filepath.Dir(s)))
		parent, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil {
			parents[parent] = append(parents[parent], child)
		}
	}
	var sum int64
	queue := []int{pid}
	for len(queue) > 0 {
		p := queue[0]
		queue = append(queue[1:], parents[p]...)
		sum += residentOf(p)
	}
	return sum
}

func residentOf(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err == nil {
				return kb << 10
			}
		}
	}
	return 0
}

// ProcessorTime returns how long a process has computed, in its own code and in the kernel's (Linux: /proc, in steps
// of 10 ms); 0 when that cannot be read.
func ProcessorTime(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// proc(5): utime and stime are fields 14 and 15; the first after the bracket is the third.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// WaitReady polls a health URL until it answers 200.
func WaitReady(url string, limit time.Duration) error {
	end := time.Now().Add(limit)
	for {
		resp, err := client.Get(url)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s was not ready within %s", url, limit)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
