package resilience

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/store/storetest"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// TestRunsOfSeveralServers: a run is cancelled through another server than the one that executes it, and is gone on with by
// another when that one shuts down, or is killed.
func TestRunsOfSeveralServers(t *testing.T) {
	if os.Getenv(storetest.Env) == "" {
		t.Skip("several servers share PostgreSQL alone: e2e/postgres.sh run starts one")
	}
	t.Setenv("PARLEY_REMOTES", scripted.Start(t, scripted.Options{}).Remotes())
	first := binary.Start(t)
	second := first.Beside(t)
	a, b := &killed{t: t, Server: first}, &killed{t: t, Server: second}
	assistant := a.must("/assistants", object{"model": scripted.Model})["id"].(string)
	begin := func(turn scripted.Turn) string {
		run := a.must("/threads/runs", object{"assistant_id": assistant, "thread": object{"messages": []object{{"role": "user", "content": scripted.Play(turn)}}}})
		return "/threads/" + run["thread_id"].(string) + "/runs/" + run["id"].(string)
	}
	ends := func(path, status string) {
		t.Helper()
		var run object
		for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if _, run = b.ask(http.MethodGet, path, nil); run["status"] == status {
				return
			}
		}
		t.Errorf("the run is %v, want %s: %v", run["status"], status, run["last_error"])
	}
	path := begin(scripted.Turn{Text: "never", DelayMS: 60_000})
	b.must(path+"/cancel", object{})
	ends(path, "cancelled")

	path = begin(scripted.Turn{Text: "at last", DelayMS: 1500})
	time.Sleep(100 * time.Millisecond)
	first.Kill()
	ends(path, "completed") // when the lease of the dead one has ended
}
