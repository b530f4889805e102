package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-ai/parley/internal/models"
)

func chatCommand(app *app) *cobra.Command {
	var (
		url, key string
		resume   bool
	)
	cmd := &cobra.Command{
		Use:   "chat [MODEL]",
		Short: "Talk to a model in the terminal",
		Long: `Talk to a model in the terminal. Chats are kept with those of the browser.

` + chatHelp + `

Without a terminal on standard input the whole input is one question, and the answer alone goes to standard output:
  git diff | parley chat > review.md`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeWith(app, chatNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			model := ""
			if len(args) == 1 {
				model = args[0]
			}
			if url != "" {
				if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
					return &usageError{cmd.CommandPath(), fmt.Errorf("--url %q is no address: write http://HOST:PORT", url)}
				}
				return runChat(cmd, urlClient(url, cmp.Or(key, os.Getenv("PARLEY_KEY"))), model, resume)
			}
			// A line of the log in the middle of the screen would tear it.
			logs := new(held)
			err := app.withServer(cmd.Context(), logs, func(c *client) error { return runChat(cmd, c, model, resume) })
			return errors.Join(err, logs.release(cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "another server's base URL, e.g. http://192.0.2.1:8080")
	// Not as the flag's default, which --help would print.
	cmd.Flags().StringVar(&key, "key", "", "API key for --url (PARLEY_KEY)")
	cmd.Flags().BoolVar(&resume, "resume", false, "go on with the newest chat")
	return cmd
}

// runChat picks the model and runs the screen, or answers one question when there is no terminal.
func runChat(cmd *cobra.Command, c *client, model string, resume bool) error {
	ctx := cmd.Context()
	list, err := listModels(ctx, c)
	if err != nil {
		return err
	}
	chosen, err := pickModel(list, model)
	if err != nil {
		return err
	}
	conv := &conversation{client: c, model: chosen.ID, served: chosen.Served}
	in, isFile := cmd.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(in.Fd())) {
		return answerOnce(ctx, conv, cmd.InOrStdin(), cmd.OutOrStdout())
	}
	var earlier []chatMessage
	if resume {
		if earlier, err = conv.resume(ctx); err != nil {
			return err
		}
	}
	out := cmd.OutOrStdout()
	screen := newChatScreen(ctx, conv)
	if width, _, err := term.GetSize(int(in.Fd())); err == nil {
		screen.resize(width, 0)
	}
	fmt.Fprintf(out, "%s %s\n\n", answers(chosen), dim.Render("/help says what you can do."))
	for _, m := range earlier {
		if m.Role == "user" {
			screen.remember(m.text())
			fmt.Fprintln(out, question(m.text(), screen.width))
		} else {
			fmt.Fprintln(out, screen.turn(m.text(), m))
		}
	}
	_, err = tea.NewProgram(screen, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out)).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// pickModel returns the named model, or the default chat model.
func pickModel(list []modelObject, name string) (modelObject, error) {
	var names []string
	for _, m := range list {
		if name == "" && m.Default && m.Kind == "chat" || name != "" && m.ID == name && m.Kind == "chat" {
			return m, nil
		}
		if m.Kind == "chat" {
			names = append(names, m.ID)
		}
	}
	switch {
	case name == "" && len(names) > 0:
		return pickModel(list, names[0])
	case len(names) == 0:
		return modelObject{}, errors.New("no chat model is installed: `parley pull --defaults` brings one")
	}
	if near := models.Similar(name, names); len(near) > 0 {
		return modelObject{}, fmt.Errorf("there is no chat model %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return modelObject{}, fmt.Errorf("there is no chat model %q; there are:\n%s", name, modelTable(list))
}

// answers says who answers for a name.
func answers(m modelObject) string {
	if m.Served == m.ID || m.Served == "" {
		return accent.Render(m.ID) + " answers."
	}
	return accent.Render(m.Served) + " answers as " + m.ID + "."
}

// answerOnce reads a question to the end of the input and writes the answer as it comes.
func answerOnce(ctx context.Context, conv *conversation, in io.Reader, out io.Writer) error {
	question, err := io.ReadAll(io.LimitReader(in, 8<<20))
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(question)) == "" {
		return errors.New("the question on standard input is empty")
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	m, err := conv.ask(ctx, string(question), func(piece string) { fmt.Fprint(out, piece) })
	fmt.Fprintln(out)
	if err != nil {
		return err
	}
	if m.State == "failed" && m.Error != nil {
		return errors.New(m.Error.Message)
	}
	return nil
}
