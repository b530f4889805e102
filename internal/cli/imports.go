package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/assistants/saved"
	"github.com/parley-ai/parley/internal/models"
)

// Objects of one request of an import: as many as make the progress worth looking at, and as large as a request may be with room to spare.
const (
	importObjects = 200
	importBytes   = 8 << 20
)

func importCommand(a *app) *cobra.Command {
	var (
		dry, asJSON  bool
		org, project string
	)
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Take in assistants, threads, messages, runs and steps that a program saved",
		Long: `Take in assistants, threads, messages, runs and steps that a program saved as the objects of OpenAI's
Assistants API, in the shape of v1 or v2: a JSON array, a list as the API answered it, single objects, or JSON
Lines. "-" is standard input.

Ids and times are kept. What is there already is skipped, so that a file can be taken in again. Runs and their
steps come as history. Files that are referred to and not here are named: upload them, or leave them out.`,
		Example: `  parley import assistants.json threads.jsonl --dry-run
  parley import saved/*.json
  parley import saved.json --organization org-abc --project proj_abc`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if project != "" && org == "" {
				return &usageError{cmd.CommandPath(), errors.New("name the project's --organization too")}
			}
			items, err := readSaved(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				c.org, c.project = org, project
				report, err := sendSaved(cmd, c, items, dry, asJSON)
				if err != nil {
					return err
				}
				if asJSON {
					if err := json.NewEncoder(cmd.OutOrStdout()).Encode(report); err != nil {
						return err
					}
				} else if err := printImport(cmd.OutOrStdout(), report, dry); err != nil {
					return err
				}
				if n := outcomes(report)[saved.Refused]; n > 0 {
					return fmt.Errorf("%d of %d objects were refused", n, len(report.Outcomes))
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only tell what would become of each object")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the report as JSON")
	cmd.Flags().StringVar(&org, "organization", "", "whose they are to be (default: the first organization)")
	cmd.Flags().StringVar(&project, "project", "", "in which project (default: the organization's first)")
	return cmd
}

// readSaved reads all objects of files, in the order in which they are taken in.
func readSaved(stdin io.Reader, names []string) ([]saved.Item, error) {
	var all []saved.Item
	for _, name := range names {
		items, err := readSavedFile(stdin, name)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	saved.Sort(all)
	return all, nil
}

func readSavedFile(stdin io.Reader, name string) (_ []saved.Item, err error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	items, err := saved.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return items, nil
}

// sendSaved sends objects in several requests and joins the reports.
func sendSaved(cmd *cobra.Command, c *client, items []saved.Item, dry, quiet bool) (saved.Report, error) {
	out := saved.Report{Outcomes: []saved.Outcome{}, MissingFiles: []string{}, MissingVectorStores: []string{}, UnknownModels: []string{}}
	p := newProgress(cmd.ErrOrStderr())
	defer p.close()
	for done := 0; done < len(items); {
		n, size := done, 0
		for n < len(items) && n-done < importObjects && (n == done || size+len(items[n].JSON) < importBytes) {
			size += len(items[n].JSON)
			n++
		}
		objects := make([]json.RawMessage, 0, n-done)
		for _, it := range items[done:n] {
			objects = append(objects, json.RawMessage(it.JSON))
		}
		body := map[string]any{"objects": objects, "dry_run": dry}
		if dry {
			body["planned"] = referred(items[done:n], out.Outcomes)
		}
		var r saved.Report
		if err := c.call(cmd.Context(), http.MethodPost, "/api/assistants/import", body, &r); err != nil {
			return out, fmt.Errorf("%w (%d of %d objects were dealt with before: the same command goes on behind them)", err, done, len(items))
		}
		out.Outcomes = append(out.Outcomes, r.Outcomes...)
		out.MissingFiles = joined(out.MissingFiles, r.MissingFiles)
		out.MissingVectorStores = joined(out.MissingVectorStores, r.MissingVectorStores)
		out.UnknownModels = joined(out.UnknownModels, r.UnknownModels)
		done = n
		if !quiet {
			p.update("objects", models.Progress{Stage: "import", Done: int64(done), Total: int64(len(items))})
		}
	}
	return out, nil
}

// referred are the threads and runs that objects belong to and that a trial would have added before.
func referred(items []saved.Item, before []saved.Outcome) []string {
	wanted := map[string]bool{}
	for _, it := range items {
		wanted[it.Thread], wanted[it.Run] = true, true
	}
	for _, it := range items {
		delete(wanted, it.ID) // of this request
	}
	out := []string{}
	for _, o := range before {
		if o.Is == saved.Added && wanted[o.ID] {
			out = append(out, o.ID)
		}
	}
	return out
}

// joined are the values of both lists, each once.
func joined(all, more []string) []string {
	seen := map[string]bool{}
	for _, s := range all {
		seen[s] = true
	}
	for _, s := range more {
		if !seen[s] {
			all = append(all, s)
		}
	}
	return all
}

func outcomes(r saved.Report) map[string]int {
	n := map[string]int{}
	for _, o := range r.Outcomes {
		n[o.Is]++
	}
	return n
}

// printImport tells how many objects of each kind became what, and what is missing.
func printImport(w io.Writer, r saved.Report, dry bool) error {
	var b strings.Builder
	add := "added"
	if dry {
		add = "would be added"
	}
	for _, kind := range []struct{ object, name string }{
		{"assistant", "assistants"}, {"thread", "threads"}, {"thread.message", "messages"}, {"thread.run", "runs"}, {"thread.run.step", "run steps"},
	} {
		n := map[string]int{}
		for _, o := range r.Outcomes {
			if o.Object == kind.object {
				n[o.Is]++
			}
		}
		if len(n) > 0 {
			fmt.Fprintf(&b, "%s: %d %s, %d there already, %d refused\n", kind.name, n[saved.Added], add, n[saved.Skipped], n[saved.Refused])
		}
	}
	for _, o := range r.Outcomes {
		if o.Is == saved.Refused {
			fmt.Fprintf(&b, "refused %s %s: %s\n", o.Object, o.ID, o.Reason)
		}
	}
	for _, list := range []struct {
		names []string
		what  string
	}{
		{r.MissingFiles, "files that are not here"}, {r.MissingVectorStores, "vector stores that are not here"}, {r.UnknownModels, "models that nothing answers to"},
	} {
		if len(list.names) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", list.what, strings.Join(list.names, ", "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
