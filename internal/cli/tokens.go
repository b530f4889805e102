package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/tokenizer"
	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// tokenization is what POST /v1/tokenize answers, as far as the command shows it.
type tokenization struct {
	Encoding string      `json:"encoding"`
	Model    string      `json:"model,omitempty"`
	Served   string      `json:"served,omitempty"`
	Bytes    int         `json:"bytes"`
	Count    int         `json:"count"`
	Tokens   []bpe.Token `json:"tokens,omitzero"`
	Messages []int       `json:"messages,omitzero"`
	Overhead *int        `json:"overhead,omitzero"`
}

func tokensCommand(a *app) *cobra.Command {
	var encoding, model string
	var ids, asJSON, chat bool
	cmd := &cobra.Command{
		Use:   "tokens FILE",
		Short: "Count the tokens of a text",
		Long: "Count the tokens of a text file, or of standard input when FILE is -.\n\n" +
			"An encoding of OpenAI's is counted right here. With --model it is the vocabulary of the served\n" +
			"model that answers for the name, which a server is asked for.\n\n" +
			"With --chat the file is JSON: a list of messages, or a request for /v1/chat/completions with its messages,\n" +
			"functions and tools. It is counted with what the form of a chat costs; --model beside --encoding names\n" +
			"the snapshot whose form that is.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			both := model != "" && cmd.Flags().Changed("encoding")
			local := model == "" || both
			switch {
			case both && !chat:
				return &usageError{cmd.CommandPath(), errors.New("give --encoding or --model, not both")}
			case local && !slices.Contains(bpe.Names(), encoding):
				return &usageError{cmd.CommandPath(), fmt.Errorf("there is no encoding %s: it is one of %s", encoding, strings.Join(bpe.Names(), ", "))}
			case chat && local && ids:
				return &usageError{cmd.CommandPath(), errors.New("a chat has ids with --model only: how OpenAI's models saw one was not published")}
			}
			text, err := readText(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			out := tokenization{Encoding: encoding, Model: model, Bytes: len(text)}
			body := map[string]any{}
			if model != "" {
				body["model"] = model
			}
			if chat {
				if err := chatFields(text, body); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			} else {
				body["text"] = text
			}
			switch {
			case !local:
				err = a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
					return c.call(cmd.Context(), http.MethodPost, "/v1/tokenize", body, &out)
				})
			case chat:
				if err = out.chat(body); err != nil {
					err = fmt.Errorf("%s: %w", args[0], err)
				}
			default:
				var e *bpe.Encoding
				if e, err = bpe.Get(encoding); err == nil {
					out.Tokens = e.EncodeOrdinary([]bpe.Token{}, text)
					out.Count = len(out.Tokens)
				}
			}
			if err != nil {
				return err
			}
			return printTokens(cmd.OutOrStdout(), out, ids, asJSON)
		},
	}
	cmd.Flags().StringVar(&encoding, "encoding", "cl100k_base", "OpenAI's vocabulary: cl100k_base, o200k_base, p50k_base, p50k_edit, r50k_base")
	cmd.Flags().StringVar(&model, "model", "", "the vocabulary of the served model that answers for this name")
	cmd.Flags().BoolVar(&chat, "chat", false, "the file is a chat, in JSON")
	cmd.Flags().BoolVar(&ids, "ids", false, "print the token ids, one per line, in place of their number")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, with the ids")
	complete := func(names func() []string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return names(), cobra.ShellCompDirectiveNoFileComp
		}
	}
	// These fail only for flags that do not exist.
	_ = cmd.RegisterFlagCompletionFunc("encoding", complete(bpe.Names))
	_ = cmd.RegisterFlagCompletionFunc("model", completeWith(a, chatNames))
	return cmd
}

// chatFields puts the fields of a chat request that become a prompt into body. text is such a request, or its
// list of messages.
func chatFields(text string, body map[string]any) error {
	var messages []json.RawMessage
	if json.Unmarshal([]byte(text), &messages) == nil && messages != nil {
		body["messages"] = messages
		return nil
	}
	var request map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &request); err != nil || request["messages"] == nil {
		return errors.New("this is no chat: give a JSON list of messages, or an object with `messages`")
	}
	for _, field := range []string{"messages", "functions", "function_call", "tools", "tool_choice"} {
		if v := request[field]; v != nil {
			body[field] = v
		}
	}
	return nil
}

// chat counts the chat of body in the encoding, as POST /v1/tokenize does.
func (t *tokenization) chat(body map[string]any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	var req tokenizer.TokenizeRequest
	if err := jsonv2.Unmarshal(data, &req, jsonv2.RejectUnknownMembers(true)); err != nil {
		return err
	}
	req.Encoding = t.Encoding
	counted, err := tokenizer.Encode(req)
	t.Count, t.Messages, t.Overhead = counted.Count, counted.Messages, counted.Overhead
	return err
}

// readText reads a file, or standard input for "-".
func readText(stdin io.Reader, name string) (string, error) {
	if name == "-" {
		text, err := io.ReadAll(stdin)
		return string(text), err
	}
	text, err := os.ReadFile(name)
	return string(text), err
}

func printTokens(w io.Writer, t tokenization, ids, asJSON bool) error {
	switch {
	case asJSON:
		return json.NewEncoder(w).Encode(t)
	case ids:
		for _, id := range t.Tokens {
			if _, err := fmt.Fprintln(w, id); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := fmt.Fprintln(w, t.Count)
	return err
}
