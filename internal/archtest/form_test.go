package archtest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxLines is the length at which a file has become two things.
const maxLines = 620

func TestFilesStayShort(t *testing.T) {
	for _, f := range tree(t) {
		if !f.gen && f.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it by meaning", f.path, f.lines, maxLines)
		}
	}
}

func TestEveryPackageHasADoc(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range tree(t) {
		if f.test {
			continue
		}
		documented[f.pkg] = documented[f.pkg] || f.ast.Doc != nil && strings.TrimSpace(f.ast.Doc.Text()) != ""
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment: say what it is", pkg)
		}
	}
}

func TestMainIsShort(t *testing.T) {
	for _, f := range tree(t) {
		if f.path == "cmd/parley/main.go" && f.lines > 60 {
			t.Errorf("cmd/parley/main.go has %d lines: logic belongs into internal/cli", f.lines)
		}
	}
}

// maxDialectBranches bounds how many places outside store ask which database they talk to.
const maxDialectBranches = 15

func TestFewDialectBranches(t *testing.T) {
	count := 0
	for _, f := range tree(t) {
		if f.test || within(f.pkg, "internal/store", "internal/jobs") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root(t), f.path))
		if err != nil {
			t.Fatal(err)
		}
		count += strings.Count(string(src), ".Dialect()")
	}
	if count > maxDialectBranches {
		t.Errorf("%d dialect branches outside store, more than %d", count, maxDialectBranches)
	}
}

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	top := root(t)
	reasons, err := os.ReadFile(filepath.Join(top, "docs", "DEPENDENCIES.md"))
	if err != nil {
		t.Fatal(err)
	}
	direct := map[string]bool{}
	for _, f := range tree(t) {
		for _, imp := range f.imports {
			first, _, _ := strings.Cut(imp, "/")
			if strings.Contains(first, ".") && !strings.HasPrefix(imp, module) {
				direct[imp] = true
			}
		}
	}
	mod, err := os.Open(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	defer mod.Close()
	line := regexp.MustCompile(`^\s*(?:require )?([a-z0-9.-]+\.[a-z]+/?\S*) v`)
	scan := bufio.NewScanner(mod)
	for scan.Scan() {
		m := line.FindStringSubmatch(scan.Text())
		if m == nil {
			continue
		}
		used := false
		for imp := range direct {
			used = used || imp == m[1] || strings.HasPrefix(imp, m[1]+"/")
		}
		if used && !strings.Contains(string(reasons), "`"+m[1]+"`") {
			t.Errorf("%s is imported directly and has no line in docs/DEPENDENCIES.md", m[1])
		}
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestNothingUnfinished(t *testing.T) {
	marker := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	for _, f := range tree(t) {
		if within(f.pkg, "internal/archtest") || f.gen {
			continue
		}
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if marker.MatchString(c.Text) {
					t.Errorf("%s: comment %q marks unfinished work: finish it, or say the reason without the marker", f.path, c.Text)
				}
			}
		}
	}
}

// TestNoMachinePaths keeps the paths of the machine this was written on out of the repository.
func TestNoMachinePaths(t *testing.T) {
	top := root(t)
	out, err := exec.Command("git", "-C", top, "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a git checkout: there is no list of files to look at")
	}
	parent := filepath.Dir(top)
	if parent == "/" || parent == "/tmp" || len(parent) < 5 {
		t.Skipf("the checkout lies in %s: too short a path to search for", parent)
	}
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			continue // deleted in the working tree
		}
		if strings.Contains(string(data), parent+"/") {
			t.Errorf("%s names a path of this machine (%s/…)", name, parent)
		}
	}
}
