// Command tools runs sixty cases of function calling (cases.yaml) on any model behind an OpenAI-compatible
// API and prints a Markdown table: how many calls were made where they were wanted, how many of their
// arguments parse and satisfy their schema, how many call the right function with the right arguments.
//
//	go run ./bench/tools -url http://127.0.0.1:8080/v1 -key sk-… -model gpt-3.5-turbo
//
// It ends with status 1 when a forced or required call has arguments that do not parse or satisfy their schema:
// those are decoded under a grammar, whatever the model.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed cases.yaml
var casesYAML []byte

type suite struct {
	Tools map[string]function `yaml:"tools"`
	Cases []testCase          `yaml:"cases"`
}

type function struct {
	Description string  `yaml:"description"`
	Parameters  ordered `yaml:"parameters"`
	schema      *jsonschema.Schema
}

// ordered is JSON whose members keep the order that they have in the file: models write arguments in the
// order of the schema, and what a call is about has to come first.
type ordered json.RawMessage

// UnmarshalYAML implements yaml.BytesUnmarshaler.
func (o *ordered) UnmarshalYAML(text []byte) error {
	data, err := yaml.YAMLToJSON(text)
	*o = ordered(bytes.TrimSpace(data))
	return err
}

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) { return o, nil }

type testCase struct {
	Name     string                      `yaml:"name"`
	Group    string                      `yaml:"group"`
	Ask      string                      `yaml:"ask"`
	Messages []message                   `yaml:"messages"`
	Tools    []string                    `yaml:"tools"`
	Choice   string                      `yaml:"choice"`
	Calls    []map[string]map[string]any `yaml:"calls"`
	None     bool                        `yaml:"none"`
}

// forced says that the model has no choice but to call.
func (c *testCase) forced() bool { return c.Choice != "" && c.Choice != "auto" && c.Choice != "none" }

type message struct {
	Role    string                      `yaml:"role"`
	Content string                      `yaml:"content"`
	Calls   []map[string]map[string]any `yaml:"calls"`
}

func main() {
	log.SetFlags(0)
	url := flag.String("url", "http://127.0.0.1:8080/v1", "base URL")
	key := flag.String("key", os.Getenv("OPENAI_API_KEY"), "API key")
	model := flag.String("model", "gpt-3.5-turbo", "model to ask")
	maxTokens := flag.Int("max-tokens", 512, "most tokens of an answer")
	verbose := flag.Bool("v", false, "print every answer")
	flag.Parse()

	cases, err := load()
	if err != nil {
		log.Fatal(err)
	}
	r := runner{suite: cases, url: *url, key: *key, model: *model, maxTokens: *maxTokens}
	groups := map[string]*score{}
	var order []string
	broken := false
	for i := range cases.Cases {
		c := &cases.Cases[i]
		if groups[c.Group] == nil {
			groups[c.Group] = &score{}
			order = append(order, c.Group)
		}
		began := time.Now()
		got, err := r.ask(c)
		if err != nil {
			log.Fatalf("%s, %s: %v", c.Group, c.Name, err)
		}
		s := cases.judge(c, got)
		s.times = []time.Duration{time.Since(began)}
		groups[c.Group].add(s)
		if c.forced() && (s.valid < s.calls || s.calls == 0) && got.FinishReason != "length" {
			broken = true
			fmt.Fprintf(os.Stderr, "BROKEN %s, %s: %s\n", c.Group, c.Name, got)
		}
		if *verbose {
			fmt.Fprintf(os.Stderr, "%s, %s: %+v\n  %s\n", c.Group, c.Name, s, got)
		}
	}
	fmt.Print("| group | cases | called or not as wanted | calls | arguments parse | satisfy the schema | right functions | right arguments too | cut by max_tokens | median time |\n|---|---|---|---|---|---|---|---|---|---|\n")
	total := &score{}
	for _, g := range order {
		groups[g].row(g)
		total.add(*groups[g])
	}
	total.row("all")
	if broken {
		os.Exit(1)
	}
}

// load reads the cases and compiles the schemas of the functions.
func load() (*suite, error) {
	var s suite
	if err := yaml.UnmarshalWithOptions(casesYAML, &s, yaml.Strict()); err != nil {
		return nil, err
	}
	for name, f := range s.Tools {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.Parameters))
		if err != nil {
			return nil, err
		}
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err := compiler.AddResource(name, doc); err != nil {
			return nil, err
		}
		if f.schema, err = compiler.Compile(name); err != nil {
			return nil, err
		}
		s.Tools[name] = f
	}
	for _, c := range s.Cases {
		for _, name := range c.Tools {
			if _, ok := s.Tools[name]; !ok {
				return nil, fmt.Errorf("case %s: there is no tool %s", c.Name, name)
			}
		}
		if c.None == (len(c.Calls) > 0) {
			return nil, fmt.Errorf("case %s wants either calls or none", c.Name)
		}
	}
	return &s, nil
}

type runner struct {
	suite           *suite
	url, key, model string
	maxTokens       int
}

// answer is what the model gave.
type answer struct {
	Message struct {
		Content   string `json:"content"`
		ToolCalls []call `json:"tool_calls"`
	} `json:"message"`
	FinishReason string `json:"finish_reason"`
}

type call struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// String shows the answer on one line.
func (a answer) String() string {
	out, _ := json.Marshal(a)
	return string(out)
}

// ask sends one case; the seed and temperature 0 make a run repeatable on one machine.
func (r *runner) ask(c *testCase) (answer, error) {
	body := map[string]any{"model": r.model, "messages": c.conversation(), "temperature": 0, "seed": 1, "max_tokens": r.maxTokens}
	var tools []any
	for _, name := range c.Tools {
		f := r.suite.Tools[name]
		tools = append(tools, map[string]any{"type": "function", "function": map[string]any{"name": name, "description": f.Description, "parameters": f.Parameters}})
	}
	body["tools"] = tools
	switch c.Choice {
	case "":
	case "required", "auto", "none":
		body["tool_choice"] = c.Choice
	default:
		body["tool_choice"] = map[string]any{"type": "function", "function": map[string]any{"name": c.Choice}}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/chat/completions", bytes.NewReader(data))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return answer{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%s: %s", resp.Status, text)
	}
	var out struct {
		Choices []answer `json:"choices"`
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return answer{}, err
	}
	if len(out.Choices) != 1 {
		return answer{}, fmt.Errorf("%d choices in %s", len(out.Choices), text)
	}
	return out.Choices[0], nil
}

// conversation is what is sent: results of tools get the ids of the calls before them, in turn.
func (c *testCase) conversation() []map[string]any {
	if c.Messages == nil {
		return []map[string]any{{"role": "user", "content": c.Ask}}
	}
	var out []map[string]any
	var open []string
	n := 0
	for _, m := range c.Messages {
		turn := map[string]any{"role": m.Role, "content": m.Content}
		if m.Calls != nil {
			turn["content"] = nil
			var calls []any
			for _, one := range m.Calls {
				for name, arguments := range one {
					data, _ := json.Marshal(arguments)
					id := fmt.Sprintf("call_%d", n)
					n++
					open = append(open, id)
					calls = append(calls, map[string]any{"id": id, "type": "function", "function": map[string]any{"name": name, "arguments": string(data)}})
				}
			}
			turn["tool_calls"] = calls
		}
		if m.Role == "tool" {
			turn["tool_call_id"] = open[0]
			open = slices.Delete(open, 0, 1)
		}
		out = append(out, turn)
	}
	return out
}
