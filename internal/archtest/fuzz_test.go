package archtest

import (
	"go/ast"
	"strings"
	"testing"
)

// decoding are the functions, by the package's name, that turn bytes into something with a form.
var decoding = map[string][]string{
	"json":     {"Unmarshal", "UnmarshalRead", "UnmarshalDecode", "NewDecoder"},
	"jsontext": {"NewDecoder"},
	"yaml":     {"Unmarshal", "UnmarshalWithOptions", "NewDecoder", "Parser"},
	"proto":    {"Unmarshal"},
	"gob":      {"NewDecoder"},
	"xml":      {"Unmarshal", "NewDecoder"},
	"csv":      {"NewReader"},
	"binary":   {"Read", "LittleEndian", "BigEndian", "Uvarint", "Varint"},
	"zip":      {"NewReader", "OpenReader"},
	"tar":      {"NewReader"},
	"gzip":     {"NewReader"},
	"zlib":     {"NewReader"},
	"flate":    {"NewReader"},
	"bufio":    {"NewReader", "NewReaderSize", "NewScanner"},
	"base64":   {"NewDecoder", "StdEncoding", "RawStdEncoding", "URLEncoding", "RawURLEncoding"},
	"hex":      {"DecodeString", "Decode"},
	"mime":     {"ParseMediaType"},
	"httpapi":  {"Decode", "Multipart", "Query"},
	"regexp":   {"Compile"},
}

// trusted are packages that decode only what cannot be a stranger's, each with the reason.
var trusted = map[string]string{
	"internal/assistants/object":                "schemas that package assistants/wire has read, where it is fuzzed",
	"internal/assistants/runs":                  "actors and cursors that it wrote itself, and schemas that package assistants/wire has read, where it is fuzzed",
	"internal/assistants/thread":                "bodies are fuzzed in package assistants/wire, and with all routes in internal/server",
	"internal/audit":                            "what the log itself wrote",
	"internal/billing":                          "bodies are fuzzed with all routes in internal/server",
	"internal/billing/pdf":                      "its own font",
	"internal/bus":                              "hints of other servers on the same database",
	"internal/models/blobs":                     "its own notes, which are compared with the file and else forgotten",
	"internal/deletion":                         "bodies are fuzzed with all routes in internal/server",
	"internal/models/calendar":                  "bodies are fuzzed with all routes in internal/server",
	"internal/presets":                          "bodies are fuzzed with all routes in internal/server",
	"internal/models/manage":                    "bodies are fuzzed with all routes in internal/server",
	"internal/engine/llama/capi":                "a file beside the native libraries, which are run: whoever wrote it can do more",
	"internal/engine/llama/internal/testassets": "assets of tests",
	"internal/testkit/malformed":                "it reads its own constants",
	"internal/sandbox/pyenv":                    "what it wrote itself, and what the machine's Python says, which is run",
	"internal/testkit/scripted":                 "a fake for tests: it plays what they wrote",
	"internal/tokenizer/bpe/gen":                "a program of the developers; its output is committed",
}

// TestDecodersAreFuzzed: a package that decodes bytes has a fuzz test, or a reason why it needs none.
// Which decoders of a package it reaches is for reviews to see.
func TestDecodersAreFuzzed(t *testing.T) {
	decodes, fuzzed := map[string]string{}, map[string]bool{}
	for _, f := range tree(t) {
		if !strings.HasPrefix(f.pkg, "internal/") && !strings.HasPrefix(f.pkg, "cmd/") {
			continue
		}
		if f.test {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fn.Name.Name, "Fuzz") {
					fuzzed[f.pkg] = true
				}
			}
			continue
		}
		for name, functions := range decoding {
			if sel, ok := f.uses(name, functions...); ok && !f.gen {
				decodes[f.pkg] = f.path + " uses " + name + "." + sel
			}
		}
	}
	if len(decodes) == 0 {
		t.Fatal("found nothing that decodes: the rule would pass on nothing")
	}
	for pkg, how := range decodes {
		if !fuzzed[pkg] && trusted[pkg] == "" {
			t.Errorf("%s: give the package a func FuzzX (scripts/fuzz.sh runs it), or a reason in trusted", how)
		}
	}
	for pkg := range trusted {
		if fuzzed[pkg] || decodes[pkg] == "" {
			t.Errorf("%s is in trusted and need not be: it is fuzzed, or decodes nothing", pkg)
		}
	}
}
