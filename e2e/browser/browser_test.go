// Package browser drives the chat page and the console of the built binary, on the real small model, in the
// system's Chromium through Playwright. The walks stand in web/e2e. With TEST_POSTGRES set only the walks
// against the real server are made, on that database: the other pages have no database behind them.
package browser

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/store/storetest"
)

func TestChatPage(t *testing.T) {
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		t.Skip("CHROMIUM is not set: `make test` installs Debian's Chromium and names it there")
	}
	s := binary.Start(t)
	link, second := strings.TrimSpace(s.Run("signin")), strings.TrimSpace(s.Run("signin"))
	args := []string{"run", "--silent", "e2e"}
	if os.Getenv(storetest.Env) != "" {
		args = append(args, "--", "--project=chat", "--project=console")
	}
	cmd := exec.Command("npm", args...)
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), "PARLEY_URL="+s.URL, "PARLEY_SIGNIN_LINK="+link, "PARLEY_CONSOLE_LINK="+second, "CHROMIUM="+chromium)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("Playwright: %v\nserver log:\n%s", err, s.Log())
	}
}
