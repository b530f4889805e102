package archtest

import (
	"strings"
	"testing"
)

// tiers of docs/ARCHITECTURE.md. A package below a listed one belongs to its tier.
var tiers = map[string]int{
	"internal/fault": 0, "internal/ids": 0, "internal/clock": 0, "internal/obs": 0, "internal/config": 0, "internal/actor": 0,
	"internal/tokenizer/bpe": 0,

	"internal/store": 1, "internal/presence": 1, "internal/blob": 1, "internal/jobs": 1, "internal/bus": 1, "internal/httpapi": 1,
	"internal/sandbox": 1,
	"internal/openapi": 1, "internal/egress": 1, "internal/engine": 1, "internal/chattemplate": 1, "internal/jsonschema": 1, "internal/audit": 1,
	"internal/mail":      1,
	"internal/secrets":   1,
	"internal/documents": 1, "internal/vector": 1,

	"internal/backup": 2, "internal/identity": 2, "internal/limits": 2, "internal/usage": 2, "internal/billing": 2, "internal/models": 2, "internal/tokenizer": 2, "internal/toolcall": 2,
	"internal/retention": 2, "internal/files": 2,

	"internal/generate": 3, "internal/interpreter": 3, "internal/agent": 3, "internal/retrieval": 3, "internal/chat": 3, "internal/completions": 3, "internal/edits": 3, "internal/embeddings": 3,

	"internal/assistants": 4, "internal/responses": 4, "internal/chats": 4, "internal/deletion": 4, "internal/presets": 4, "internal/status": 4, "internal/health": 4,

	// server and cli wire everything; testkit starts a server for tests.
	"internal/server": 5, "internal/testkit": 5, "internal/cli": 5,
}

// sameTier lists the imports between two packages of one tier, each with its reason.
var sameTier = map[string]string{
	"internal/obs -> internal/config":           "log level and format are settings",
	"internal/config -> internal/fault":         "a bad setting is an error that the operator reads",
	"internal/obs -> internal/actor":            "the actor's organization is a log attribute",
	"internal/jobs -> internal/store":           "jobs are enqueued in the caller's transaction",
	"internal/audit -> internal/store":          "lines are written in the transaction of the act",
	"internal/audit -> internal/httpapi":        "a line says which request made it, and the log has routes",
	"internal/presence -> internal/store":       "leases are rows",
	"internal/mail -> internal/store":           "a mail is a row of the caller's transaction",
	"internal/mail -> internal/jobs":            "a job sends it",
	"internal/mail -> internal/egress":          "the mail server is outside",
	"internal/mail -> internal/audit":           "what was given up is told",
	"internal/mail -> internal/httpapi":         "the operator sees how mails go",
	"internal/secrets -> internal/store":        "the database says which keys sealed what is in it",
	"internal/bus -> internal/store":            "LISTEN/NOTIFY runs on the store's PostgreSQL",
	"internal/tokenizer -> internal/toolcall":   "a chat's functions are counted in the form that templates take",
	"internal/openapi -> internal/httpapi":      "the document is made from the route table",
	"internal/engine -> internal/egress":        "the remote backend calls out",
	"internal/blob -> internal/egress":          "buckets are outside",
	"internal/chat -> internal/generate":        "one core operation, many API shapes",
	"internal/completions -> internal/generate": "one core operation, many API shapes",
	"internal/edits -> internal/generate":       "one core operation, many API shapes",
	"internal/embeddings -> internal/generate":  "one core operation, many API shapes",
	"internal/retrieval -> internal/generate":   "chunks and questions are embedded",
	"internal/retrieval -> internal/agent":      "a search is a tool that a model calls",
	"internal/interpreter -> internal/agent":    "it is a tool of the loop",
	"internal/agent -> internal/generate":       "the model's turns of the loop",
	"internal/responses -> internal/assistants": "metadata have the same bounds",
	"internal/testkit -> internal/server":       "tests start the real server",
	"internal/cli -> internal/server":           "parley serve",
}

// unit returns the listed package that p belongs to, and its tier.
func unit(p string) (string, int, bool) {
	for p != "." && p != "" {
		if tier, ok := tiers[p]; ok {
			return p, tier, true
		}
		i := strings.LastIndexByte(p, '/')
		if i < 0 {
			break
		}
		p = p[:i]
	}
	return "", 0, false
}

func TestImportsGoDown(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || !strings.HasPrefix(f.pkg, "internal/") || f.pkg == "internal/archtest" {
			continue
		}
		from, fromTier, ok := unit(f.pkg)
		if !ok {
			t.Errorf("%s: package %s has no tier: give it one in archtest and in docs/ARCHITECTURE.md", f.path, f.pkg)
			continue
		}
		for _, imp := range f.imports {
			p, ours := strings.CutPrefix(imp, module+"/")
			if !ours || !strings.HasPrefix(p, "internal/") {
				continue
			}
			to, toTier, ok := unit(p)
			if !ok || to == from {
				continue
			}
			switch {
			case toTier > fromTier:
				t.Errorf("%s imports %s: tier %d may not import tier %d; use a small interface in the consumer", f.path, p, fromTier, toTier)
			case toTier == fromTier && fromTier == 0 && (to == "internal/fault" || to == "internal/ids"):
				// The two words that all other words may use.
			case toTier == fromTier && sameTier[from+" -> "+to] == "":
				t.Errorf("%s imports %s of its own tier %d: write the reason into sameTier, or turn the dependency around", f.path, p, fromTier)
			}
		}
	}
}

func TestServingHTTPOnlyInHTTPFiles(t *testing.T) {
	free := []string{"internal/httpapi", "internal/openapi", "internal/testkit"}
	for _, f := range tree(t) {
		if f.test || strings.HasPrefix(f.base(), "http") || within(f.pkg, free...) || !strings.HasPrefix(f.pkg, "internal/") {
			continue
		}
		if sel, ok := f.uses("http", "Handler", "HandlerFunc", "ResponseWriter", "ServeMux", "NewServeMux", "Server", "ListenAndServe"); ok && f.importsPath("net/http") {
			t.Errorf("%s uses http.%s: serving HTTP belongs into a file named http*.go", f.path, sel)
		}
	}
}

func TestSQLOnlyInSQLFiles(t *testing.T) {
	free := []string{"internal/store", "internal/jobs"}
	for _, f := range tree(t) {
		if f.test || strings.HasPrefix(f.base(), "sql") || within(f.pkg, free...) {
			continue
		}
		if f.importsPath("database/sql") {
			t.Errorf("%s imports database/sql: SQL belongs into a file named sql*.go, through package store", f.path)
		}
	}
}

func TestJobsOnlyInJobsFiles(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || f.base() == "jobs.go" || within(f.pkg, "internal/jobs", "internal/store") {
			continue
		}
		if f.importsPath("github.com/riverqueue/river") {
			t.Errorf("%s imports River: jobs belong into jobs.go", f.path)
		}
	}
}

// outboundReasons lists the files outside egress that may open connections, with the reason.
var outboundReasons = map[string]string{
	"internal/engine/child":    "dials the Unix socket of its own child process",
	"internal/cli":             "talks to its own server on loopback and to its admin socket",
	"internal/testkit":         "talks to the server that the test started",
	"internal/models/discover": "looks at fixed loopback ports only",
	"internal/server":          "talks to its own admin socket",
}

func TestOutboundOnlyThroughEgress(t *testing.T) {
	for _, f := range tree(t) {
		if f.test || within(f.pkg, "internal/egress") || !strings.HasPrefix(f.pkg, "internal/") {
			continue
		}
		if within(f.pkg, keys(outboundReasons)...) {
			continue
		}
		if sel, ok := f.uses("http", "Get", "Post", "PostForm", "Head", "DefaultClient", "DefaultTransport"); ok {
			t.Errorf("%s uses http.%s: calls to the outside go through egress", f.path, sel)
		}
		if sel, ok := f.uses("net", "Dial", "DialTimeout", "Dialer"); ok {
			t.Errorf("%s uses net.%s: calls to the outside go through egress", f.path, sel)
		}
	}
}

func TestTimeOnlyFromClock(t *testing.T) {
	// Rows and identities get their times from clock, so that tests can move it. Measuring how long
	// something took is not a time of day, so only packages that write rows are held to this.
	for _, f := range tree(t) {
		if f.test || f.base() == "http.go" {
			continue
		}
		if !within(f.pkg, "internal/chats", "internal/identity", "internal/presence") {
			continue
		}
		if _, ok := f.uses("time", "Now"); ok {
			t.Errorf("%s uses time.Now: take a clock.Clock", f.path)
		}
	}
}

func within(p string, parents ...string) bool {
	for _, parent := range parents {
		if p == parent || strings.HasPrefix(p, parent+"/") {
			return true
		}
	}
	return false
}

func keys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}
