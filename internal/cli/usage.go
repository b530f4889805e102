package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// usageSum is a sum as /api/usage shows it.
type usageSum struct {
	Start    int64             `json:"start_time"`
	Group    map[string]string `json:"group"`
	Requests int64             `json:"requests"`
	Errors   int64             `json:"errors"`
	Input    int64             `json:"input_tokens"`
	Cached   int64             `json:"input_cached_tokens"`
	Output   int64             `json:"output_tokens"`
	Cost     float64           `json:"cost_usd"`
	Unpriced int64             `json:"unpriced_requests"`
	Latency  struct {
		P50 float64 `json:"p50"`
		P95 float64 `json:"p95"`
	} `json:"latency_ms"`
}

// usageDimensions are what --by takes, by the names of /api/usage; those of time have none.
var usageDimensions = map[string]string{
	"day": "", "hour": "", "model": "model", "key": "api_key_id", "project": "project_id", "user": "user_id", "endpoint": "endpoint",
	"served": "served_model", "outcome": "outcome", "end-user": "end_user",
}

func usageCommand(a *app) *cobra.Command {
	var by, since, until, export string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "What was used and what it cost, by day, model, key, …",
		Long: "What was used and what it cost. --by is day, hour, model, served, key, project, user, endpoint, outcome or end-user. --since is a day (2023-11-06,\n" +
			"in UTC) or a number of days back (30d). --export csv or json prints every single request instead.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dimension, known := usageDimensions[by]
			if !known {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--by is day, hour, model, served, key, project, user, endpoint, outcome or end-user, not %q", by)}
			}
			query, err := usageTime(since, until, time.Now())
			if err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			if export != "" && export != "csv" && export != "json" {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--export is csv or json, not %q", export)}
			}
			return a.withServer(cmd.Context(), cmd.ErrOrStderr(), func(c *client) error {
				if export != "" {
					query.Set("format", export)
					resp, err := c.send(cmd.Context(), http.MethodGet, "/api/usage/export?"+query.Encode(), nil)
					if err != nil {
						return err
					}
					defer resp.Body.Close()
					_, err = io.Copy(cmd.OutOrStdout(), resp.Body)
					return err
				}
				switch {
				case by == "hour":
					query.Set("bucket_width", "1h")
				case dimension != "":
					query.Set("bucket_width", "all")
					query.Set("group_by", dimension)
				}
				var page struct {
					Data []usageSum `json:"data"`
				}
				if err := c.call(cmd.Context(), http.MethodGet, "/api/usage?"+query.Encode(), nil, &page); err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(page)
				}
				return printUsage(cmd.OutOrStdout(), by, dimension, page.Data)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&by, "by", "day", "what sums are kept apart by")
	f.StringVar(&since, "since", "7d", "first day, or how many days back")
	f.StringVar(&until, "until", "", "day after the last one; now when left out")
	f.StringVar(&export, "export", "", "every single request: csv or json")
	f.BoolVar(&asJSON, "json", false, "as JSON")
	cmd.MarkFlagsMutuallyExclusive("json", "export")
	cmd.AddCommand(usageRetentionCommand(a))
	return cmd
}

// usageTime writes the parameters of a time.
func usageTime(since, until string, now time.Time) (url.Values, error) {
	query := url.Values{}
	from, err := time.Parse(time.DateOnly, since)
	if days, ok := strings.CutSuffix(since, "d"); err != nil && ok {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n > 0 && n <= 1000 {
			from = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-n)
		} else {
			err = errors.New("too many days, or none")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("--since is a day such as 2023-11-06, or a number of days such as 30d, not %q", since)
	}
	query.Set("start_time", strconv.FormatInt(from.Unix(), 10))
	if until != "" {
		to, err := time.Parse(time.DateOnly, until)
		if err != nil {
			return nil, fmt.Errorf("--until is a day such as 2023-11-07, not %q", until)
		}
		query.Set("end_time", strconv.FormatInt(to.Unix(), 10))
	}
	return query, nil
}

// printUsage writes a table with a line for all.
func printUsage(out io.Writer, by, dimension string, sums []usageSum) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tREQUESTS\tERRORS\tPROMPT\tCACHED\tANSWER\tCOST\tP50\tP95\t\n", strings.ToUpper(by))
	var all usageSum
	for _, s := range sums {
		name := s.Group[dimension]
		switch {
		case by == "hour":
			name = time.Unix(s.Start, 0).UTC().Format("2006-01-02 15:04")
		case dimension == "":
			name = time.Unix(s.Start, 0).UTC().Format(time.DateOnly)
		case name == "":
			name = "–"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", name, s.Requests, s.Errors, s.Input, s.Cached, s.Output, usageCost(s),
			usageLatency(s.Latency.P50), usageLatency(s.Latency.P95))
		all.Requests, all.Errors, all.Unpriced = all.Requests+s.Requests, all.Errors+s.Errors, all.Unpriced+s.Unpriced
		all.Input, all.Cached, all.Output, all.Cost = all.Input+s.Input, all.Cached+s.Cached, all.Output+s.Output, all.Cost+s.Cost
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\t%d\t%s\t\t\t\n", all.Requests, all.Errors, all.Input, all.Cached, all.Output, usageCost(all))
	if err := w.Flush(); err != nil {
		return err
	}
	if all.Unpriced > 0 {
		_, err := fmt.Fprintf(out, "%d requests have no price: `parley calendar set NAME --input-price … --output-price …` gives their names one.\n", all.Unpriced)
		return err
	}
	return nil
}

// usageCost is money; with a + where some requests have no price.
func usageCost(s usageSum) string {
	text := fmt.Sprintf("$%.4f", s.Cost)
	if s.Unpriced > 0 {
		text += "+"
	}
	return text
}

// usageLatency is milliseconds for people.
func usageLatency(ms float64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
