package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			revision := ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" && len(s.Value) >= 12 {
						revision = " " + s.Value[:12]
					}
				}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "parley %s%s %s %s/%s\n", Version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

func configCommand(a *app) *cobra.Command {
	var asJSON, docs bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print every setting, its value and where that came from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), "parley: "+w)
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"data": cfg.Settings()})
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			if docs {
				fmt.Fprintln(w, "SETTING\tVARIABLE\tMEANING")
				for _, s := range cfg.Settings() {
					fmt.Fprintf(w, "%s\t%s\t%s\n", s.Key, s.Env, s.Doc)
				}
				return w.Flush()
			}
			fmt.Fprintln(w, "SETTING\tVALUE\tFROM")
			for _, s := range cfg.Settings() {
				fmt.Fprintf(w, "%s\t%s\t%s\n", s.Key, short(s.Value), s.Source)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().BoolVar(&docs, "docs", false, "what each setting means, and its variable")
	return cmd
}
