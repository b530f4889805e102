package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// maxPasswordLine bounds what is read of a password.
const maxPasswordLine = 4096

// signInOf are the operator's ways to let a member in who cannot sign in any more.
func (s *admin) signInOf() []*cobra.Command {
	set := run("set-password USER", "Give a member another password, asked for or read from standard input; their sessions end", 1, func(cmd *cobra.Command, args []string) error {
		password, err := readPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return s.call(cmd, http.MethodPut, "/admin/users/"+url.PathEscape(args[0])+"/password", map[string]string{"password": password}, quiet)
	})
	set.Long = "Give a member of the organization another password. It is asked for twice in a terminal, and else read from standard input, one line. " +
		"Their browser sessions end. Where there is no need to know the password, `parley admin users link USER` is better: the member sets their own."
	reset := run("reset-2fa USER", "Turn off the second factor of a member who lost it; their sessions end", 1, func(cmd *cobra.Command, args []string) error {
		return s.call(cmd, http.MethodDelete, "/admin/users/"+url.PathEscape(args[0])+"/second-factor", nil, quiet)
	})
	return []*cobra.Command{set, reset}
}

// signIn shows and sets what an organization asks of its members' sign-in.
func (s *admin) signIn() *cobra.Command {
	var require bool
	cmd := run("signin", "What the organization asks of its members' sign-in", 0, func(cmd *cobra.Command, _ []string) error {
		print := func(out map[string]any) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "second factor required: %v\n", out["require_second_factor"])
			return err
		}
		if !cmd.Flags().Changed("require-second-factor") {
			return s.call(cmd, http.MethodGet, "/api/organization/signin", nil, print)
		}
		return s.call(cmd, http.MethodPost, "/api/organization/signin", map[string]bool{"require_second_factor": require}, print)
	})
	cmd.Flags().BoolVar(&require, "require-second-factor", false, "whether members need a second factor in their browsers")
	return cmd
}

// readPassword asks for a password twice in a terminal, without showing it; else it is the first line.
func readPassword(in io.Reader, out io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		var given [2]string
		for i, text := range []string{"New password: ", "Again: "} {
			fmt.Fprint(out, text)
			line, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(out)
			if err != nil {
				return "", err
			}
			given[i] = string(line)
		}
		if given[0] != given[1] {
			return "", errors.New("the two are not the same: nothing was changed")
		}
		return given[0], nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
