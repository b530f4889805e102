// Command divergence measures how often a text differs from the one that the same request gives when it
// runs alone with a cold prefix cache: repeated alone, repeated on a warm cache, and while others run.
// Batching, computing a prompt in pieces and prefix hits change floats in their last digits; where two
// tokens are nearly equally likely, that changes the text from there on.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"sync"

	"github.com/parley-ai/parley/bench/internal/load"
)

type server struct{ url, key, model string }

func main() {
	log.SetFlags(0)
	var s server
	flag.StringVar(&s.url, "url", "", "base URL, ends in /v1")
	flag.StringVar(&s.key, "key", "", "API key")
	flag.StringVar(&s.model, "model", "gpt-3.5-turbo", "model name")
	n := flag.Int("n", 48, "prompts")
	flag.Parse()
	for _, temperature := range []float64{0, 1} {
		if err := s.measure(*n, temperature); err != nil {
			log.Fatal(err)
		}
	}
}

// measure asks n prompts alone, again, and 16 at a time.
func (s server) measure(n int, temperature float64) error {
	alone, err := s.all(n, 1, temperature)
	if err != nil {
		return err
	}
	warm, err := s.all(n, 1, temperature)
	if err != nil {
		return err
	}
	together, err := s.all(n, 16, temperature)
	if err != nil {
		return err
	}
	fmt.Printf("| temperature %v | alone, prefix cached: %d of %d texts differ | 16 together: %d of %d texts differ |\n",
		temperature, differ(alone, warm), n, differ(alone, together), n)
	return nil
}

func differ(a, b []string) int {
	count := 0
	for i := range a {
		if a[i] != b[i] {
			count++
		}
	}
	return count
}

// all asks the prompts, width at a time.
func (s server) all(n, width int, temperature float64) ([]string, error) {
	texts := make([]string, n)
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	next := make(chan int)
	for range width {
		wg.Go(func() {
			for i := range next {
				text, err := s.ask(i, temperature)
				mu.Lock()
				texts[i] = text
				if err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return texts, failed
}

func (s server) ask(i int, temperature float64) (string, error) {
	body, err := json.Marshal(map[string]any{
		"model": s.model, "max_tokens": 64, "temperature": temperature, "seed": 1000 + i,
		"messages": []map[string]string{{"role": "user", "content": "Write about " + load.Words(8, 9000+uint64(i)) + " (" + strconv.Itoa(i) + ")"}},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, s.url+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var answer struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil || len(answer.Choices) == 0 {
		return "", fmt.Errorf("%s: %s", resp.Status, data)
	}
	return answer.Choices[0].Message.Content, nil
}
