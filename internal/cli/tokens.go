package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/tokenizer/bpe"
)

// tokenization is what POST /v1/tokenize answers, as far as the command shows it.
type tokenization struct {
	Encoding string      `json:"encoding"`
	Model    string      `json:"model,omitempty"`
	Served   string      `json:"served,omitempty"`
	Bytes    int         `json:"bytes"`
	Count    int         `json:"count"`
	Tokens   []bpe.Token `json:"tokens"`
}

func tokensCommand(a *app) *cobra.Command {
	var encoding, model string
	var ids, asJSON bool
	cmd := &cobra.Command{
		Use:   "tokens FILE",
		Short: "Count the tokens of a text",
		Long: "Count the tokens of a text file, or of standard input when FILE is -.\n\n" +
			"An encoding of OpenAI's is counted right here. With --model it is the vocabulary of the served\n" +
			"model that answers for the name, which a server is asked for.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if model != "" && cmd.Flags().Changed("encoding") {
				return &usageError{cmd.CommandPath(), errors.New("give --encoding or --model, not both")}
			}
			text, err := readText(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			out := tokenization{Encoding: encoding, Bytes: len(text)}
			if model == "" {
				e, err := bpe.Get(encoding)
				if err != nil {
					return &usageError{cmd.CommandPath(), err}
				}
				out.Tokens = e.EncodeOrdinary([]bpe.Token{}, text)
				out.Count = len(out.Tokens)
			} else if err := a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				return c.call(cmd.Context(), http.MethodPost, "/v1/tokenize", map[string]string{"model": model, "text": text}, &out)
			}); err != nil {
				return err
			}
			return printTokens(cmd.OutOrStdout(), out, ids, asJSON)
		},
	}
	cmd.Flags().StringVar(&encoding, "encoding", "cl100k_base", "OpenAI's vocabulary: cl100k_base, o200k_base, p50k_base, p50k_edit, r50k_base")
	cmd.Flags().StringVar(&model, "model", "", "the vocabulary of the served model that answers for this name")
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
