package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/parley-ai/parley"

// file is one parsed Go file of the repository.
type file struct {
	path    string // relative to the repository root, with slashes
	pkg     string // import path below the module, e.g. "internal/engine/pool"
	test    bool
	gen     bool // generated code
	lines   int
	ast     *ast.File
	imports []string
}

// base is the file's name without its directory.
func (f file) base() string { return filepath.Base(f.path) }

// uses reports whether the file mentions pkgName.sel for one of the selectors.
func (f file) uses(pkgName string, selectors ...string) (string, bool) {
	found := ""
	ast.Inspect(f.ast, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := s.X.(*ast.Ident)
		if !ok || id.Name != pkgName {
			return true
		}
		for _, sel := range selectors {
			if s.Sel.Name == sel {
				found = sel
			}
		}
		return true
	})
	return found, found != ""
}

func (f file) importsPath(prefix string) bool {
	for _, p := range f.imports {
		if p == prefix || strings.HasPrefix(p, prefix+"/") {
			return true
		}
	}
	return false
}

// root is the repository's root directory.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// tree parses every Go file of the repository.
func tree(t *testing.T) []file {
	t.Helper()
	top := root(t)
	var files []file
	fset := token.NewFileSet()
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "node_modules", "testdata", "bin", "dist", ".cache":
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, path, src, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		f := file{
			path:  filepath.ToSlash(rel),
			pkg:   filepath.ToSlash(filepath.Dir(rel)),
			test:  strings.HasSuffix(path, "_test.go"),
			gen:   ast.IsGenerated(parsed),
			lines: strings.Count(string(src), "\n"),
			ast:   parsed,
		}
		for _, imp := range parsed.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go files: the rules would pass on nothing")
	}
	return files
}
