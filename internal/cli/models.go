package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/config"
	"github.com/parley-ai/parley/internal/models"
	"github.com/parley-ai/parley/internal/models/catalog"
	"github.com/parley-ai/parley/internal/server"
)

func modelsCommand(a *app) *cobra.Command {
	var asJSON, offers bool
	cmd := &cobra.Command{
		Use:   "models",
		Short: "What is installed, what answers for which name, and what the catalog offers",
		Args:  subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, reg, err := a.models()
			if err != nil {
				return err
			}
			if offers {
				return printCatalog(cmd.OutOrStdout(), reg, asJSON)
			}
			return printInstalled(cmd.OutOrStdout(), reg, states(cmd.Context(), cfg), asJSON)
		},
	}
	cmd.AddCommand(live(a, &asJSON)...)
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVar(&offers, "catalog", false, "what can be pulled")
	return cmd
}

// states asks the running server what its models are doing; empty when none runs.
func states(ctx context.Context, cfg *config.Config) map[string]string {
	socket := server.SocketPath(cfg.Home)
	if !server.Alive(socket) {
		return nil
	}
	var answer struct {
		Models []struct {
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"models"`
	}
	if socketClient(socket).call(ctx, http.MethodGet, "/admin/status", nil, &answer) != nil {
		return nil
	}
	out := map[string]string{}
	for _, m := range answer.Models {
		out[m.Name] = m.State
	}
	return out
}

// installedRow is a line of `parley models --json`.
type installedRow struct {
	Name        string       `json:"name"`
	Kind        catalog.Kind `json:"kind"`
	Path        string       `json:"path,omitempty"`
	Dir         string       `json:"dir,omitempty"` // libraries
	SHA256      string       `json:"sha256,omitempty"`
	Bytes       int64        `json:"bytes"`
	Weights     string       `json:"weights,omitempty"`
	Layout      string       `json:"layout,omitempty"`
	ScoreBefore *float64     `json:"log_likelihood_before,omitempty"`
	ScoreAfter  *float64     `json:"log_likelihood_after,omitempty"`
	State       string       `json:"state,omitempty"`
	Source      string       `json:"source,omitempty"`
	Licence     string       `json:"licence,omitempty"`
}

func printInstalled(out io.Writer, reg *models.Registry, states map[string]string, asJSON bool) error {
	rows := []installedRow{}
	for _, in := range reg.Installed() {
		row := installedRow{Name: in.Name, Kind: in.Kind, Path: in.Path, Dir: in.Dir, SHA256: in.SHA256, Bytes: in.Bytes, Weights: in.Weights,
			Layout: in.Layout, State: states[in.Name], Source: in.Source, Licence: in.Licence}
		if in.Prepared != nil {
			row.ScoreBefore, row.ScoreAfter = in.Prepared.ScoreBefore, in.Prepared.ScoreAfter
		}
		rows = append(rows, row)
	}
	if asJSON {
		return json.NewEncoder(out).Encode(map[string]any{"data": rows})
	}
	if len(rows) == 0 {
		fmt.Fprintln(out, "Nothing is installed. `parley pull --defaults` brings the small default models, `parley models --catalog` lists others.")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tSIZE\tWEIGHTS\tLAYOUT\tLOG-LIKELIHOOD\tSTATE\tLICENCE")
	for i, in := range reg.Installed() {
		r := rows[i]
		score := "-"
		if r.ScoreBefore != nil && r.ScoreAfter != nil {
			score = fmt.Sprintf("%.2f → %.2f", *r.ScoreBefore, *r.ScoreAfter)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", in.Name, in.Kind, bytesText(in.Bytes), dash(in.Weights), dash(in.Layout), score, dash(r.State), dash(in.Licence))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return printAliases(out, reg)
}

// printAliases says which installed model answers for the original's names.
func printAliases(out io.Writer, reg *models.Registry) error {
	list, err := reg.List(context.Background(), actor.Actor{})
	if err != nil {
		return err
	}
	names := map[string][]string{}
	var order []string
	for _, m := range list {
		if !m.Alias {
			continue
		}
		if names[m.Served] == nil {
			order = append(order, m.Served)
		}
		names[m.Served] = append(names[m.Served], m.ID)
	}
	for _, served := range order {
		all := names[served]
		more := ""
		if len(all) > 6 {
			more = fmt.Sprintf(" and %d more", len(all)-6)
			all = all[:6]
		}
		fmt.Fprintf(out, "\n%s answers as ", served)
		for i, n := range all {
			if i > 0 {
				fmt.Fprint(out, ", ")
			}
			fmt.Fprint(out, n)
		}
		fmt.Fprintln(out, more)
	}
	return nil
}

// catalogRow is a line of `parley models --catalog --json`.
type catalogRow struct {
	Name       string       `json:"name"`
	Title      string       `json:"title"`
	Kind       catalog.Kind `json:"kind"`
	Licence    string       `json:"licence"`
	Notes      string       `json:"notes,omitempty"`
	Parameters int64        `json:"parameters,omitempty"`
	Context    int          `json:"context,omitempty"` // tokens
	Dimensions int          `json:"dimensions,omitempty"`
	Matryoshka []int        `json:"matryoshka,omitempty"` // lengths to which vectors may be cut
	Memory     int64        `json:"memory_bytes,omitempty"`
	Languages  []string     `json:"languages,omitempty"`
	Platform   string       `json:"platform,omitempty"` // GOOS/GOARCH of libraries
	Pulled     bool         `json:"pulled_by_project"`  // false: only described from sources, see the catalog
}

func printCatalog(out io.Writer, reg *models.Registry, asJSON bool) error {
	entries := reg.Catalog().Entries
	if asJSON {
		rows := make([]catalogRow, len(entries))
		for i, e := range entries {
			rows[i] = catalogRow{e.Name, e.Title, e.Kind, e.Licence, e.Notes, e.Parameters, e.Context, e.Dimensions, e.Matryoshka, e.Memory, e.Languages, e.Platform, e.Verified == catalog.PulledHere}
		}
		return json.NewEncoder(out).Encode(map[string]any{"data": rows})
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tMEMORY\tCONTEXT\tLICENCE\tTRIED")
	for _, e := range entries {
		if e.Kind == catalog.Library && e.Platform != runtime.GOOS+"/"+runtime.GOARCH {
			continue
		}
		tried, memory, window := "never", "-", "-"
		if e.Verified == catalog.PulledHere {
			tried = "yes"
		}
		if e.Memory > 0 {
			memory = bytesText(e.Memory)
		}
		if e.Context > 0 {
			window = strconv.Itoa(e.Context)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Kind, memory, window, e.Licence, tried)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, `
MEMORY is weights and a window of 8,192 tokens; this machine has %s. TRIED says whether Parley's project ever pulled it:
what it never did is described from public sources, and its pull checks size and sha256.
`, bytesText(models.Memory()))
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
