package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/models/discover"
	"github.com/parley-ai/parley/internal/models/manage"
	"github.com/parley-ai/parley/internal/server"
)

// offer is a better model that can be had.
type offer struct {
	key  string // what a no is remembered by
	text string // "Ollama on this machine serves llama3.2"
	take func(ctx context.Context) error
}

// lookAround adds the models of servers on this machine and, while only the small default model
// answers, asks for a better one or takes the best.
func lookAround(ctx context.Context, in io.Reader, out io.Writer, s *server.Server, mode offers) {
	before := s.Models.Default(catalog.Chat)
	found := s.Models.Discover(ctx, s.Addr())
	if err := s.Models.SetRemotes(models.Remotes(found)); err != nil {
		fmt.Fprintln(out, "The models of other servers on this machine cannot be used: "+message(err))
	}
	if now := s.Models.Default(catalog.Chat); now != before && now != "" {
		fmt.Fprintln(out, nowAnswers(now))
	}
	if now := s.Models.Default(catalog.Chat); mode == offerNothing || now != "" && now != defaultNames[0] {
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
	keys := make([]string, len(list))
	for i, o := range list {
		keys[i] = o.key
	}
	declined := s.Models.Declined()
	if mode == offerNew && !slices.ContainsFunc(keys, func(key string) bool { return !slices.Contains(declined, key) }) {
		return
	}
	fmt.Fprintln(out, "A better model can be had:")
	for i, o := range list {
		fmt.Fprintf(out, "  %d  %s\n", i+1, o.text)
	}
	choice := "1"
	if len(list) > 1 {
		choice = fmt.Sprintf("1–%d", len(list))
	}
	fmt.Fprintf(out, "Which one? [%s, Enter for none] ", choice)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil || ctx.Err() != nil {
		fmt.Fprintln(out)
		return
	}
	var n int
	if _, err := fmt.Sscan(strings.TrimSpace(line), &n); err == nil && n >= 1 && n <= len(list) {
		report(out, list[n-1].take(ctx))
		return
	}
	fmt.Fprint(out, "Staying with the small model; this is asked again only when something new is found.\n"+
		"`parley serve --ask` asks again, `parley pull NAME` brings another any time.\n")
	report(out, s.Models.Decline(ctx, keys))
}

// nowAnswers says that the names of the original lead to another model from now on.
func nowAnswers(served string) string {
	return served + " answers as gpt-3.5-turbo and gpt-4 now."
}

func report(out io.Writer, err error) {
	if err != nil {
		fmt.Fprintln(out, "That did not work: "+message(err))
	}
}

// mostFiles is how many of the files found on the disk are offered, the largest first.
const mostFiles = 5

// findOffers returns what can be had, the best first: what already runs, what lies on the disk, what a
// hub has.
func findOffers(ctx context.Context, out io.Writer, s *server.Server, found []discover.Found) []offer {
	var list []offer
	for _, r := range models.Remotes(found) {
		if o, ok := offerEndpoint(s, r, found, out); ok {
			list = append(list, o)
		}
	}
	var files []discover.Found
	for _, f := range found {
		if f.File != "" && f.Kind == catalog.Chat && f.Skipped == "" && s.Models.Fits(f.Bytes) {
			files = append(files, f)
		}
	}
	slices.SortStableFunc(files, func(a, b discover.Found) int { return cmp.Compare(b.Bytes, a.Bytes) })
	for _, f := range files[:min(mostFiles, len(files))] {
		list = append(list, offerFile(s, f, out))
	}
	if e := s.Models.Recommend(catalog.Chat, s.Models.HubReachable(ctx)); e != nil && e.Name != defaultNames[0] {
		list = append(list, offer{
			key:  "catalog " + e.Name,
			text: fmt.Sprintf("%s from the catalog (%s, %s), pulled in the background", e.Title, bytesText(e.Memory), e.Licence),
			take: func(context.Context) error { s.Upgrade(e.Name, reporter(out)); return nil },
		})
	}
	return list
}

// offerEndpoint offers the first chat model of a server on this machine; false when it has none.
func offerEndpoint(s *server.Server, r models.Remote, found []discover.Found, out io.Writer) (offer, bool) {
	var chats []string
	for _, m := range r.Models {
		if m.Kind == catalog.Chat {
			chats = append(chats, m.Name)
		}
	}
	if len(chats) == 0 {
		return offer{}, false
	}
	program := r.Name
	for _, f := range found {
		if f.URL == r.URL {
			program = f.Program
		}
	}
	text := fmt.Sprintf("%s on this machine serves %s", program, chats[0])
	if len(chats) > 1 {
		text += fmt.Sprintf(" and %d more", len(chats)-1)
	}
	served := r.Name + "/" + chats[0]
	return offer{key: "server " + served, text: text, take: func(ctx context.Context) error {
		if err := s.Models.SetDefault(ctx, catalog.Chat, served); err != nil {
			return err
		}
		fmt.Fprintln(out, nowAnswers(served))
		return nil
	}}, true
}

func offerFile(s *server.Server, f discover.Found, out io.Writer) offer {
	return offer{
		key:  "file " + f.File,
		text: fmt.Sprintf("%s lies in the cache of %s (%s)", f.Name, f.Program, bytesText(f.Bytes)),
		take: func(ctx context.Context) error {
			fmt.Fprintf(out, "Reading %s once, to know when it changes.\n", bytesText(f.Bytes))
			o := pullOptions()
			o.Layout = models.LayoutAsIs
			in, err := s.Models.Import(ctx, f, o)
			if err != nil {
				return err
			}
			if err := s.Models.SetDefault(ctx, catalog.Chat, in.Name); err != nil {
				return err
			}
			fmt.Fprintln(out, nowAnswers(in.Name))
			return nil
		},
	}
}

func pullOptions() models.PullOptions {
	return models.PullOptions{Preparer: preparer()}
}

// reporter prints the progress of a background pull, seldom enough to read.
func reporter(out io.Writer) func(manage.Pull) {
	var last time.Time
	stage := ""
	return func(p manage.Pull) {
		switch {
		case p.State == manage.PullDone:
			fmt.Fprintln(out, nowAnswers(p.Model))
			return
		case p.State == manage.PullCanceled:
			return
		case p.State == manage.PullFailed:
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
