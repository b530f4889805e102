package script

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// ollama plays a running Ollama with one chat model that answers each question with the same word. It
// stands where OLLAMA_HOST says.
func ollama(t *testing.T) (env string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"object":"list","data":[{"id":"llama3.2:3b","object":"model","owned_by":"library"}]}`)
	})
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"llama3.2:3b"`) {
			http.Error(w, `{"error":{"message":"no such model"}}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, delta := range []string{`{"role":"assistant","content":"Aardvark"}`, `{}`} {
			finish := "null"
			if delta == "{}" {
				finish = `"stop"`
			}
			fmt.Fprintf(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"llama3.2:3b\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", delta, finish)
		}
		io.WriteString(w, "data: [DONE]\n\n")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return "OLLAMA_HOST=" + s.URL, asked
}

// end interrupts a server in a terminal as Ctrl+C does.
func (x *terminal) end() {
	x.t.Helper()
	x.press(ctrlC)
	x.expect(`Ending; running answers have 30s to finish`)
	x.ends(0)
}

func TestServeShowsHowToReachIt(t *testing.T) {
	// A short window ends an answer that the small model would not end.
	x := open(t, home(t), []string{"PARLEY_ENGINE_CONTEXT=256"}, "serve", "--smoke")
	x.expect(`Parley answers on http://127\.0\.0\.1:\d+\n`)
	x.expect(`browser  http://127\.0\.0\.1:\d+/signin\?token=\w+\n`)
	x.expect(`API key  sk-\w+\n`)
	x.expect(`model    smollm2-135m-instruct answers as gpt-3\.5-turbo and gpt-4\n`)
	banner := x.text()
	x.narrow(banner)
	x.never(`level=INFO`)

	// The line to try works when pasted, in the shell that it is written for.
	command := regexp.MustCompile(`(?s)try      (curl .*?\}'\n)`).FindStringSubmatch(banner)
	if command == nil {
		t.Fatalf("no curl line in:\n%s", banner)
	}
	answer := shell(t, command[1])
	if !strings.Contains(answer, `"chat.completion"`) {
		t.Errorf("%s\nanswered %s", command[1], answer)
	}
	x.end()
}

func TestServeOffersABetterModel(t *testing.T) {
	env, _ := ollama(t)
	dir := home(t)
	x := open(t, dir, []string{env}, "serve")
	x.expect(`A better model can be had:\n  1  Ollama on this machine serves llama3\.2:3b\n`)
	x.expect(`Which one\? \[1(–\d)?, Enter for none\]`)
	x.press(enter)
	x.expect(`Staying with the small model`)
	x.end()

	// A no is remembered. Its own chat answers, so it is far beyond the moment when it would have asked.
	x = open(t, dir, []string{env}, "serve")
	x.expect(`it is small and knows little`)
	chat := open(t, dir, nil, "chat")
	chat.expect(`Ask something`)
	chat.press("Hello!", enter)
	chat.expect(`\w+[^▍]*▍`)
	chat.press(ctrlC)
	chat.expect(`· /help`)
	chat.press(ctrlD)
	chat.ends(0)
	x.never(`Which one`)
	x.end()

	// Asked for, it comes again; now it is taken, and answers to the old names.
	x = open(t, dir, []string{env}, "serve", "--ask")
	x.expect(`Which one\?`)
	x.press("1", enter)
	x.expect(`ollama/llama3\.2:3b answers as gpt-3\.5-turbo and gpt-4 now\.`)
	chat = open(t, dir, nil, "chat", "gpt-4")
	chat.expect(`ollama/llama3\.2:3b answers as gpt-4\.`)
	chat.press("Hello!", enter)
	chat.expect(`Aardvark`)
	chat.press(ctrlD)
	chat.ends(0)
	x.end()

	// The choice lasts, and the next start says so when it has found that server again.
	x = open(t, dir, []string{env}, "serve")
	x.expect(`ollama/llama3\.2:3b answers as gpt-3\.5-turbo and gpt-4 now\.`)
	x.never(`Which one`)
	x.end()
}

func TestServeTakesABetterModelWithoutAsking(t *testing.T) {
	env, _ := ollama(t)
	x := open(t, home(t), []string{env}, "serve", "--yes")
	x.expect(`Ollama on this machine serves llama3\.2:3b: taking it\.\n`)
	x.expect(`ollama/llama3\.2:3b answers as gpt-3\.5-turbo and gpt-4 now\.`)
	x.never(`Which one`)
	x.end()
}

func TestServeLooksForNothing(t *testing.T) {
	env, asked := ollama(t)
	dir := home(t)
	x := open(t, dir, []string{env}, "serve", "--smoke")
	x.expect(`it is small and knows little`)
	// Its own chat answers, so it is far beyond the moment when it would have looked.
	chat := open(t, dir, nil, "chat")
	chat.expect(`Ask something`)
	chat.press("Hello!", enter)
	chat.expect(`\w+[^▍]*▍`)
	chat.press(ctrlC)
	chat.expect(`· /help`)
	chat.press(ctrlD)
	chat.ends(0)
	x.never(`better model`)
	if n := asked.Load(); n != 0 {
		t.Errorf("Ollama was asked %d times", n)
	}
	x.end()
}

// An interrupt by a signal ends a pull with the exit code of an interrupted program.
func TestPullIsInterrupted(t *testing.T) {
	begun := make(chan struct{}, 1)
	hold := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
		select {
		case begun <- struct{}{}:
		default:
		}
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hold)
	x := open(t, home(t), []string{"PARLEY_CACHE=" + t.TempDir(), "PARLEY_ENGINE_LIBRARY=" + t.TempDir()}, "pull", s.URL+"/some.gguf")
	<-begun
	x.expect(`some\.gguf downloading +\[`)
	if err := x.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	x.ends(130)
}

// Bars fit the terminal and say in a word what is done; each stays once.
func TestPullShowsProgress(t *testing.T) {
	dir := home(t)
	data, err := os.ReadFile(filepath.Join(dir, "home", "models.json"))
	if err != nil {
		t.Fatal(err)
	}
	sha := regexp.MustCompile(`(?s)"all-minilm-l6-v2".*?"sha256": ?"([0-9a-f]{64})",\s*"bytes": ?\d+,\s*"layout"`).FindSubmatch(data)
	if sha == nil {
		t.Fatal("the manifest has no all-minilm-l6-v2")
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(cache(t), "blobs", "sha256", string(sha[1])))
	}))
	defer s.Close()
	x := open(t, dir, []string{"PARLEY_CACHE=" + t.TempDir(), "PARLEY_ENGINE_LIBRARY=" + t.TempDir()},
		"pull", s.URL+"/a-name-that-is-much-too-long-for-a-line-of-a-terminal.gguf")
	x.expect(`a-name-that-is-much-too… downloading +\[=+\] +(\d+\.\d MB) of (\d+\.\d MB)`)
	x.expect(`a-name-that-is-much-too-long-for-a-line-of-a-terminal: 4\d\.\d MB, F16\n`)
	x.ends(0)
	x.narrow(x.text())
}
