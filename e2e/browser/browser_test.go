// Package browser drives the chat page of the built binary, on the real small model, in the system's
// Chromium through Playwright. The walks stand in web/e2e.
package browser

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/parley-ai/parley/e2e/internal/binary"
)

func TestChatPage(t *testing.T) {
	chromium := os.Getenv("CHROMIUM")
	if chromium == "" {
		t.Skip("CHROMIUM is not set: `make test` installs Debian's Chromium and names it there")
	}
	s := binary.Start(t)
	link := strings.TrimSpace(s.Run("signin"))
	cmd := exec.Command("npm", "run", "--silent", "e2e")
	cmd.Dir = "../../web"
	cmd.Env = append(os.Environ(), "PARLEY_URL="+s.URL, "PARLEY_SIGNIN_LINK="+link, "CHROMIUM="+chromium)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("Playwright: %v\nserver log:\n%s", err, s.Log())
	}
}
