// Command overhead measures what a server adds in front of an upstream that answers at once, beside a
// bare reverse proxy that only parses and forwards, and beside other gateways. All parts run as processes of this binary on
// loopback: `overhead upstream`, `overhead proxy`, `overhead load`, which pairs two targets, `overhead compare`, which takes any number in turn,
// and `overhead memory`, which watches what the server holds.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/parley-ai/parley/bench/internal/load"
)

const usage = `usage: overhead upstream ADDR | proxy ADDR UPSTREAM | load [flags] | compare [flags] NAME=HOST:PORT[;model=NAME][;Header: value]… | memory [flags]`

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal(usage)
	}
	switch os.Args[1] {
	case "upstream":
		log.Fatal(http.ListenAndServe(os.Args[2], http.HandlerFunc(answer)))
	case "proxy":
		log.Fatal(http.ListenAndServe(os.Args[2], proxy(os.Args[3])))
	case "load":
		if err := runLoad(os.Args[2:]); err != nil {
			log.Fatal(err)
		}
	case "compare":
		if err := runCompare(os.Args[2:]); err != nil {
			log.Fatal(err)
		}
	case "memory":
		if err := runMemory(os.Args[2:]); err != nil {
			log.Fatal(err)
		}
	default:
		log.Fatal(usage)
	}
}

const completion = `{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"Hello! How can I help you today? I am an upstream that answers at once."},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":16,"total_tokens":28}}`

// streamed is how many chunks with text a streamed answer of the upstream has.
const streamed = 50

// answer is the 0 ms upstream: one chat completion, whole or in chunks, and a list with one model.
func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodGet {
		io.WriteString(w, `{"object":"list","data":[{"id":"bench","object":"model","created":1700000000,"owned_by":"bench"}]}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if !bytes.Contains(body, []byte(`"stream":true`)) && !bytes.Contains(body, []byte(`"stream": true`)) {
		io.WriteString(w, completion)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(choice string) {
		io.WriteString(w, `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[`+choice+"]}\n\n")
		w.(http.Flusher).Flush()
	}
	chunk(`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}`)
	for range streamed {
		chunk(`{"index":0,"delta":{"content":" word"},"finish_reason":null}`)
	}
	chunk(`{"index":0,"delta":{},"finish_reason":"stop"}`)
	io.WriteString(w, "data: [DONE]\n\n")
}

// proxy is the peer: it parses the JSON of the request and of the answer, and forwards them.
func proxy(upstream string) http.Handler {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in, out map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body, err := json.Marshal(in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, upstream+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		if in["stream"] == true {
			w.Header().Set("Content-Type", "text/event-stream")
			pass(w, resp.Body)
			return
		}
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(resp.StatusCode)
		json.NewEncoder(w).Encode(out)
	})
}

// pass gives a stream on as it comes.
func pass(w http.ResponseWriter, from io.Reader) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
		if err != nil {
			return
		}
	}
}

func runLoad(args []string) error {
	fs := flag.NewFlagSet("load", flag.ExitOnError)
	ours := fs.String("url", "", "our host:port")
	key := fs.String("key", "", "our API key")
	model := fs.String("model", "bench", "model name to ask for")
	peer := fs.String("peer", "", "the peer's host:port")
	direct := fs.String("direct", "", "the upstream's host:port, for a third row")
	seconds := fs.Float64("seconds", 1, "length of one measurement")
	rounds := fs.Int("rounds", 20, "pairs of measurements")
	only := fs.Int("conns", 0, "only this many connections")
	pid := fs.Int("pid", 0, "our process, for the processor time of a request")
	peerPID := fs.Int("peer-pid", 0, "the peer's process")
	fs.Parse(args)
	length := time.Duration(*seconds * float64(time.Second))
	request := load.Request(*model, *key)
	fmt.Println("| connections | parley | bare proxy | direct | ratio parley / proxy | added latency p50 over the proxy | processor time of a request, parley / proxy |\n|---|---|---|---|---|---|---|")
	for _, conns := range []int{1, 32} {
		if *only != 0 && *only != conns {
			continue
		}
		var a, b, d, ratios, added, cost, peerCost []float64
		for i := range *rounds {
			// Whoever comes second finds the machine as the first left it: they take turns.
			var x, y measured
			var err, peerErr error
			if i%2 == 0 {
				x, err = measure(*ours, request, conns, length, *pid)
				y, peerErr = measure(*peer, request, conns, length, *peerPID)
			} else {
				y, peerErr = measure(*peer, request, conns, length, *peerPID)
				x, err = measure(*ours, request, conns, length, *pid)
			}
			if err != nil {
				return fmt.Errorf("parley: %w", err)
			}
			if peerErr != nil {
				return fmt.Errorf("proxy: %w", peerErr)
			}
			cost, peerCost = append(cost, x.cost), append(peerCost, y.cost)
			a, b, ratios = append(a, x.PerSecond), append(b, y.PerSecond), append(ratios, x.PerSecond/y.PerSecond)
			added = append(added, float64((x.P50-y.P50).Microseconds())/1000)
			if *direct != "" {
				z, err := load.Hammer(*direct, request, conns, length)
				if err != nil {
					return fmt.Errorf("direct: %w", err)
				}
				d = append(d, z.PerSecond)
			}
		}
		fmt.Printf("| %d | %.0f req/s | %.0f req/s | %.0f req/s | %.2f | %+.3f ms | %.0f / %.0f µs |\n", conns,
			load.Median(a), load.Median(b), load.Median(d), load.Median(ratios), load.Median(added), load.Median(cost), load.Median(peerCost))
	}
	return nil
}

// measured is a load and what it cost the server.
type measured struct {
	load.Rate
	cost float64 // processor time of a request in µs
}

func measure(addr string, request []byte, conns int, length time.Duration, pid int) (measured, error) {
	before := load.ProcessorTime(pid)
	r, err := load.Hammer(addr, request, conns, length)
	if err != nil {
		return measured{}, err
	}
	return measured{r, float64((load.ProcessorTime(pid) - before).Microseconds()) / float64(max(1, r.Requests))}, nil
}
