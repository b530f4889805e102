package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/discover"
	"github.com/parley-ai/parley/internal/server"
)

func serveCommand(a *app) *cobra.Command {
	var yes, smoke bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until it is interrupted; running answers may finish (shutdown_grace).

With only the small default model, Parley looks for a better one: servers on this machine, model files in their caches, and
the best catalog model for this machine's memory. In a terminal it asks; --yes takes the best offer, --smoke asks nothing and
looks for nothing. Without a terminal nothing is asked and the models stay as they are.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return serve(cmd, cfg, offering(cmd, yes), !smoke)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "take the best offer of a better model without asking")
	cmd.Flags().BoolVar(&smoke, "smoke", false, "look for no better model: the small one is enough")
	cmd.MarkFlagsMutuallyExclusive("yes", "smoke")
	return cmd
}

// offers says how a better model is looked for.
type offers int

const (
	offerNothing offers = iota
	offerAsk
	offerTake
)

func offering(cmd *cobra.Command, yes bool) offers {
	switch {
	case yes:
		return offerTake
	case !isTerminal(cmd.InOrStdin()) || !isTerminal(cmd.OutOrStdout()):
		return offerNothing
	}
	return offerAsk
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func serve(cmd *cobra.Command, cfg *config.Config, mode offers, look bool) error {
	ctx := cmd.Context()
	log, err := logger(cfg, isTerminal(cmd.OutOrStdout()) && isTerminal(cmd.ErrOrStderr()))
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		log.WarnContext(ctx, w)
	}
	s, err := server.New(ctx, server.Options{Config: cfg, Log: log, Version: Version, Openers: openers(cfg, log)})
	if err != nil {
		return err
	}
	failed, err := s.Start(ctx)
	if err != nil {
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	out := cmd.OutOrStdout()
	if err := banner(context.WithoutCancel(ctx), out, s); err != nil {
		return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	if look {
		go lookAround(ctx, cmd.InOrStdin(), out, s, mode)
	}
	select {
	case <-ctx.Done():
		fmt.Fprintf(out, "\nEnding; running answers have %s to finish. Ctrl+C again ends at once.\n", cfg.ShutdownGrace)
	case err = <-failed:
	}
	return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
}

// banner prints how to reach the server.
func banner(ctx context.Context, out io.Writer, s *server.Server) error {
	link, err := s.SignInLink(ctx)
	if err != nil {
		return err
	}
	key, err := s.FirstKey(ctx)
	if err != nil {
		return err
	}
	// The old documentation's form: HTTP basic with the key as password, which keeps the lines short.
	shown := `":$OPENAI_API_KEY"`
	fmt.Fprintf(out, "Parley answers on %s\n\n", s.URL())
	fmt.Fprintf(out, "  browser  %s\n           (signs in once, within 15 minutes; `parley signin` prints another)\n", link)
	if key != "" {
		shown = ":" + key
		fmt.Fprintf(out, "  API key  %s\n           (shown only this once; `parley keys create --name NAME` makes others)\n", key)
	} else {
		fmt.Fprintln(out, "  API key  was made before; `parley keys create --name NAME` makes another")
	}
	fmt.Fprintf(out, `  try      curl %s/v1/chat/completions \
             -u %s \
             -H 'Content-Type: application/json' \
             -d '{"model": "gpt-3.5-turbo",
                  "max_tokens": 60,
                  "messages": [{"role": "user", "content": "Hello!"}]}'
`, s.URL(), shown)
	if served := s.Models.Default(catalog.Chat); served != "" {
		fmt.Fprintf(out, "  model    %s answers as gpt-3.5-turbo and gpt-4%s\n", served, small(served))
	} else {
		fmt.Fprintln(out, "  model    none is installed: `parley pull --defaults` brings a small one")
	}
	fmt.Fprintln(out)
	return nil
}

func small(served string) string {
	if served == defaultNames[0] {
		return "\n           (it is small and knows little)"
	}
	return ""
}

// offer is a better model that can be had.
type offer struct {
	text string // "Ollama on this machine serves llama3.2"
	take func(ctx context.Context) error
}

// lookAround adds the models of servers on this machine and, while only the small default model
// answers, asks for a better one or takes the best.
func lookAround(ctx context.Context, in io.Reader, out io.Writer, s *server.Server, mode offers) {
	found := s.Models.Discover(ctx, s.Addr())
	if err := s.Models.SetRemotes(models.Remotes(found)); err != nil {
		fmt.Fprintln(out, "The models of other servers on this machine cannot be used: "+message(err))
	}
	if mode == offerNothing || s.Models.Default(catalog.Chat) != defaultNames[0] {
		return
	}
	list := findOffers(ctx, out, s, found)
	if len(list) == 0 {
		return
	}
	if mode == offerTake {
		fmt.Fprintf(out, "%s: taking it.\n", list[0].text)
		report(out, list[0].take(ctx))
		return
	}
	fmt.Fprintln(out, "A better model can be had:")
	for i, o := range list {
		fmt.Fprintf(out, "  %d  %s\n", i+1, o.text)
	}
	fmt.Fprintf(out, "Which one? [1–%d, Enter for none] ", len(list))
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil || ctx.Err() != nil {
		return
	}
	var n int
	if _, err := fmt.Sscan(strings.TrimSpace(line), &n); err != nil || n < 1 || n > len(list) {
		fmt.Fprintln(out, "Staying with the small model; `parley pull NAME` brings another any time.")
		return
	}
	report(out, list[n-1].take(ctx))
}

func report(out io.Writer, err error) {
	if err != nil {
		fmt.Fprintln(out, "That did not work: "+message(err))
	}
}

// findOffers returns what can be had, the best first: what already runs, what lies on the disk, what a
// hub has.
func findOffers(ctx context.Context, out io.Writer, s *server.Server, found []discover.Found) []offer {
	var list []offer
	for _, f := range found {
		if f.URL != "" && len(f.Models) > 0 && f.Skipped == "" {
			list = append(list, offerEndpoint(s, found, f, out))
		}
	}
	for _, f := range found {
		if f.File != "" && f.Kind == catalog.Chat && f.Skipped == "" {
			list = append(list, offerFile(s, f, out))
		}
	}
	if e := s.Models.Recommend(catalog.Chat, s.Models.HubReachable(ctx)); e != nil && e.Name != defaultNames[0] {
		list = append(list, offer{
			text: fmt.Sprintf("%s from the catalog (%s, %s): pulled in the background while the small one answers", e.Title, bytesText(e.Memory), e.Licence),
			take: func(context.Context) error { s.Upgrade(e.Name, pullOptions(), reporter(out)); return nil },
		})
	}
	return list
}

func offerEndpoint(s *server.Server, all []discover.Found, f discover.Found, out io.Writer) offer {
	first := f.Models[0].Name
	for _, m := range f.Models {
		if m.Kind == catalog.Chat || m.Kind == "" {
			first = m.Name
			break
		}
	}
	return offer{
		text: fmt.Sprintf("%s on this machine serves %s", f.Program, first),
		take: func(ctx context.Context) error {
			for _, r := range models.Remotes(all) {
				if r.URL == f.URL {
					first = r.Name + "/" + first
				}
			}
			if err := s.Models.SetDefault(ctx, catalog.Chat, first); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s answers now.\n", first)
			return nil
		},
	}
}

func offerFile(s *server.Server, f discover.Found, out io.Writer) offer {
	return offer{
		text: fmt.Sprintf("%s lies in the cache of %s (%s)", f.Name, f.Program, bytesText(f.Bytes)),
		take: func(ctx context.Context) error {
			o := pullOptions()
			o.Layout = models.LayoutAsIs
			in, err := s.Models.Import(ctx, f, o)
			if err != nil {
				return err
			}
			if err := s.Models.SetDefault(ctx, catalog.Chat, in.Name); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s answers now.\n", in.Name)
			return nil
		},
	}
}

func pullOptions() models.PullOptions {
	return models.PullOptions{Preparer: preparer()}
}

// reporter prints the progress of a background pull, seldom enough to read.
func reporter(out io.Writer) func(server.Pull) {
	var last time.Time
	stage := ""
	return func(p server.Pull) {
		switch {
		case p.State == "done":
			fmt.Fprintf(out, "%s is ready and answers now.\n", p.Name)
			return
		case p.State == "failed":
			fmt.Fprintf(out, "%s could not be pulled: %s\n", p.Name, p.Error)
			return
		case p.Stage == stage && time.Since(last) < 5*time.Second:
			return
		}
		last, stage = time.Now(), p.Stage
		if p.Total > 0 {
			fmt.Fprintf(out, "%s: %s, %s\n", p.Name, stageText(p.Stage), amount(models.Progress{Stage: p.Stage, Done: p.Done, Total: p.Total}))
		}
	}
}
