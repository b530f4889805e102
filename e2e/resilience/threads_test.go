package resilience

import (
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/testkit/scripted"
)

// TestFiftyThreadsAtOnce has fifty threads whose runs call tools without a pause: for some seconds, or for as long as
// PARLEY_TEST_THREADS says ("2m"). No run may fail, no step be lost or there twice, and the database must not complain.
func TestFiftyThreadsAtOnce(t *testing.T) {
	length := 8 * time.Second
	if text := os.Getenv("PARLEY_TEST_THREADS"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PARLEY_REMOTES", scripted.Start(t, scripted.Options{}).Remotes())
	s := &killed{t: t, Server: binary.Start(t)}
	assistant := s.must("/assistants", object{"model": scripted.Model, "tools": []object{
		{"type": "file_search"}, {"type": "function", "function": object{"name": "look"}},
	}})["id"].(string)
	var drivers sync.WaitGroup
	stop := make(chan struct{})
	all := make([]*driver, 50)
	for i := range all {
		all[i] = &driver{s: s, assistant: assistant, thread: s.must("/threads", object{})["id"].(string)}
		drivers.Go(func() { all[i].drive(stop) })
	}
	time.Sleep(length)
	close(stop)
	drivers.Wait()
	runs := 0
	for _, d := range all {
		runs += d.check()
	}
	t.Logf("%d runs in %s", runs, length)
	if runs < len(all) {
		t.Errorf("only %d runs ended", runs)
	}
	for _, bad := range regexp.MustCompile(`(?im)^.*(database is locked|SQLITE_BUSY|deadlock|level=ERROR|could not serialize).*$`).FindAllString(s.Log(), 10) {
		t.Errorf("the log says %s", bad)
	}
}
