package pyenv

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// machine is what the machine's Python says of itself.
type machine struct {
	Version string `json:"version"` // "3.11.7"
	Short   string `json:"short"`   // "3.11"
	Program string `json:"program"` // the executable, links followed
	Library string `json:"library"` // its standard library
}

const ask = `import json, os, sys, sysconfig
print(json.dumps({"version": ".".join(map(str, sys.version_info[:3])), "short": "%d.%d" % sys.version_info[:2],
	"program": os.path.realpath(getattr(sys, "_base_executable", sys.executable)), "library": sysconfig.get_path("stdlib")}))`

// leastMinor is the oldest Python 3 for which the packages have wheels.
const leastMinor = 9

// skipped are parts of the standard library that nobody needs without a screen, a terminal or a network.
var skipped = []string{"site-packages", "dist-packages", "test", "tests", "__pycache__", "idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip", "pydoc_data", "lib2to3", "sitecustomize.py"}

// skippedModules are compiled modules whose libraries would bring half a desktop.
var skippedModules = []string{"_tkinter", "nis", "_curses", "readline", "_test", "_xxtest", "_ctypes_test", "_gdbm", "_dbm", "xxlimited"}

// tools are programs that models call now and then; those that the machine lacks are left out.
var tools = []string{"sh", "ls", "cat", "head", "tail", "wc", "grep", "sort", "uniq", "find", "sed", "cut", "cp", "mv", "rm", "mkdir", "touch", "date", "du", "df", "sleep", "id", "tar", "gzip"}

// Build makes the environment of this release unless it is there. progress is told in words what is going on; it may be nil.
//
// It needs Linux, a Python 3.9 or newer with pip (PARLEY_PYTHON names another than the one on PATH), about 600 MB of disk, and what pip
// downloads from.
func Build(ctx context.Context, cache string, progress func(string)) (Env, error) {
	if progress == nil {
		progress = func(string) {}
	}
	if runtime.GOOS != "linux" {
		return Env{}, fmt.Errorf("the Code Interpreter runs on Linux only, not on %s", runtime.GOOS)
	}
	if e, err := Find(cache); err == nil {
		return e, nil
	}
	m, command, err := findPython(ctx)
	if err != nil {
		return Env{}, err
	}
	dir := Dir(cache)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return Env{}, err
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), "making-")
	if err != nil {
		return Env{}, err
	}
	defer os.RemoveAll(made)
	b := &build{root: filepath.Join(made, "root"), m: m, python: command, progress: progress}
	e, err := b.run(ctx)
	if err != nil {
		return Env{}, err
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return Env{}, err
	}
	if err := os.WriteFile(filepath.Join(made, "environment.json"), append(data, '\n'), 0o644); err != nil {
		return Env{}, err
	}
	// The sandbox's own user has to pass through.
	if err := os.Chmod(made, 0o755); err != nil {
		return Env{}, err
	}
	if err := os.Rename(made, dir); err != nil {
		if found, again := Find(cache); again == nil {
			return found, nil // another process was faster
		}
		return Env{}, err
	}
	return Find(cache)
}

// findPython asks the machine's Python what it is.
func findPython(ctx context.Context) (machine, string, error) {
	var m machine
	command := os.Getenv("PARLEY_PYTHON")
	if command == "" {
		command = "python3"
	}
	path, err := exec.LookPath(command)
	if err != nil {
		return m, "", errors.New("no Python 3 on PATH: install it with pip (Debian, Ubuntu: apt install python3 python3-pip), or name it in PARLEY_PYTHON")
	}
	out, err := exec.CommandContext(ctx, path, "-c", ask).Output()
	if err != nil {
		return m, "", fmt.Errorf("%s does not run: %w", path, err)
	}
	if err := json.Unmarshal(out, &m); err != nil {
		return m, "", fmt.Errorf("%s does not say what it is: %w", path, err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(m.Short, "%d.%d", &major, &minor); err != nil || major != 3 || minor < leastMinor {
		return m, "", fmt.Errorf("%s is Python %s: the Code Interpreter's packages need 3.%d or newer; name one in PARLEY_PYTHON", path, m.Version, leastMinor)
	}
	if out, err := exec.CommandContext(ctx, path, "-m", "pip", "--version").CombinedOutput(); err != nil {
		return m, "", fmt.Errorf("%s has no pip: install it (Debian, Ubuntu: apt install python3-pip): %s", path, bytes.TrimSpace(out))
	}
	return m, path, nil
}

// build is one making of an environment.
type build struct {
	root     string
	m        machine
	python   string
	progress func(string)
}

func (b *build) run(ctx context.Context) (Env, error) {
	lib := filepath.Join(b.root, "usr/local/lib/python"+b.m.Short)
	site := filepath.Join(lib, "site-packages")
	for _, d := range []string{"bin", "etc", "lib", "usr/local/bin", "proc", "sys", "dev", "tmp", "mnt/data"} {
		if err := os.MkdirAll(filepath.Join(b.root, d), 0o755); err != nil {
			return Env{}, err
		}
	}
	for link, to := range map[string]string{"lib64": "lib", "usr/lib": "../lib", "usr/lib64": "../lib", "usr/bin": "../bin"} {
		if err := os.Symlink(to, filepath.Join(b.root, link)); err != nil {
			return Env{}, err
		}
	}
	b.progress("copying Python " + b.m.Version)
	if err := b.copyPython(lib); err != nil {
		return Env{}, err
	}
	if err := b.install(ctx, site); err != nil {
		return Env{}, err
	}
	b.progress("removing the packages' own tests")
	if err := prune(site); err != nil {
		return Env{}, err
	}
	b.progress("compiling")
	// Paths in tracebacks are those of the sandbox. Sources never change there, so they are not looked at.
	compile := exec.CommandContext(ctx, b.python, "-m", "compileall", "-q", "-j", "0", "-s", b.root, "--invalidation-mode", "unchecked-hash", lib)
	if out, err := compile.CombinedOutput(); err != nil && ctx.Err() != nil {
		return Env{}, fmt.Errorf("compiling: %w: %s", err, out)
	}
	b.progress("copying shared libraries")
	if err := b.copyLibraries(ctx); err != nil {
		return Env{}, err
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n", "group": "root:x:0:\nuser:x:1000:\n", "hosts": "127.0.0.1 localhost\n",
	} {
		if err := os.WriteFile(filepath.Join(b.root, "etc", name), []byte(text), 0o644); err != nil {
			return Env{}, err
		}
	}
	b.progress("trying it")
	return b.describe(ctx, site)
}

func (b *build) copyPython(lib string) error {
	program := filepath.Join(b.root, "usr/local/bin", "python"+b.m.Short)
	if err := copyFile(b.m.Program, program, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"python3", "python"} {
		if err := os.Symlink(filepath.Base(program), filepath.Join(b.root, "usr/local/bin", name)); err != nil {
			return err
		}
	}
	if err := copyTree(b.m.Library, lib); err != nil {
		return err
	}
	for _, tool := range tools {
		path, err := exec.LookPath(tool)
		if err != nil {
			continue
		}
		if err := copyFile(path, filepath.Join(b.root, "bin", tool), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// install runs pip, whose lines are the progress.
func (b *build) install(ctx context.Context, site string) error {
	list := filepath.Join(b.root, "..", "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o644); err != nil {
		return err
	}
	b.progress("installing the packages with pip")
	cmd := exec.CommandContext(ctx, b.python, "-m", "pip", "install", "--target", site, "--no-compile", "--no-deps", "--only-binary=:all:",
		"--disable-pip-version-check", "--no-input", "--progress-bar=off", "-r", list)
	cmd.Env = append(os.Environ(), "PIP_REQUIRE_VIRTUALENV=false", "PIP_USER=0", "PYTHONNOUSERSITE=1")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "Collecting ") || strings.HasPrefix(line, "Downloading ") || strings.HasPrefix(line, "Installing ") {
			b.progress("pip: " + line)
		}
	}
	if err := cmd.Wait(); err != nil {
		text := strings.TrimSpace(complaint.String())
		if len(text) > 2000 {
			text = "…" + text[len(text)-2000:]
		}
		return fmt.Errorf("pip could not install the packages of the Code Interpreter: %w: %s", err, text)
	}
	return nil
}

// prune removes what packages carry for their own developers: half of the files.
func prune(site string) error {
	return filepath.WalkDir(site, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && (name == "tests" || name == "__pycache__" || name == "sample_data"), d.IsDir() && path == filepath.Join(site, "bin"):
			if err := os.RemoveAll(path); err != nil {
				return err
			}
			return filepath.SkipDir
		case !d.IsDir() && slices.ContainsFunc([]string{".pyx", ".pxd", ".pyi", ".h", ".c", ".a"}, func(ext string) bool { return strings.HasSuffix(name, ext) }):
			return os.Remove(path)
		}
		return nil
	})
}

// copyLibraries copies what programs and modules are linked with, as the machine's loader finds it.
func (b *build) copyLibraries(ctx context.Context) error {
	var programs []string
	err := filepath.WalkDir(b.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && (strings.Contains(d.Name(), ".so") || strings.HasPrefix(path, filepath.Join(b.root, "bin")) || strings.HasPrefix(path, filepath.Join(b.root, "usr/local/bin"))) {
			programs = append(programs, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for chunk := range slices.Chunk(programs, 40) {
		// ldd fails for what is not linked with anything; its other lines are good.
		out, err := exec.CommandContext(ctx, "ldd", chunk...).Output()
		if len(out) == 0 && err != nil {
			return fmt.Errorf("ldd: %w", err)
		}
		for line := range strings.Lines(string(out)) {
			if _, after, ok := strings.Cut(line, "=> "); ok {
				line = after
			}
			path, _, ok := strings.Cut(strings.TrimSpace(line), " (0x")
			if ok && filepath.IsAbs(path) && !strings.HasPrefix(path, b.root) {
				wanted[path] = true
			}
		}
	}
	for path := range wanted {
		if err := copyFile(path, filepath.Join(b.root, "lib", filepath.Base(path)), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// describe lists what was installed and how large it is.
func (b *build) describe(ctx context.Context, site string) (Env, error) {
	e := Env{Python: b.m.Version, Program: "/usr/local/bin/python" + b.m.Short}
	infos, err := filepath.Glob(filepath.Join(site, "*.dist-info"))
	if err != nil {
		return e, err
	}
	for _, info := range infos {
		name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(info), ".dist-info"), "-")
		e.Packages = append(e.Packages, name+" "+version)
	}
	slices.Sort(e.Packages)
	// The libraries are imported as the sandbox does, but with this machine's loader: what is missing is seen now.
	try := exec.CommandContext(ctx, filepath.Join(b.root, e.Program), "-S", "-c",
		"import sys; sys.path.insert(0, sys.argv[1]); import numpy, pandas, matplotlib.pyplot, PIL.Image, scipy.stats, sklearn.linear_model, openpyxl, docx, pypdf, sympy, sqlite3, ssl, zlib, ctypes", site)
	try.Env = []string{"PYTHONHOME=" + filepath.Join(b.root, "usr/local"), "LD_LIBRARY_PATH=" + filepath.Join(b.root, "lib"), "MPLBACKEND=agg",
		"HOME=" + filepath.Dir(b.root), "MPLCONFIGDIR=" + filepath.Dir(b.root), "PYTHONDONTWRITEBYTECODE=1", "PATH=/usr/bin:/bin"}
	if out, err := try.CombinedOutput(); err != nil {
		return e, fmt.Errorf("the environment does not work: %w: %s", err, bytes.TrimSpace(out))
	}
	err = filepath.WalkDir(b.root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			e.Bytes += info.Size()
		}
		return nil
	})
	return e, err
}

// copyTree copies a standard library, links followed.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case path != from && (slices.Contains(skipped, name) || strings.HasPrefix(name, "config-")):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case strings.HasSuffix(name, ".so") && slices.ContainsFunc(skippedModules, func(m string) bool { return strings.HasPrefix(name, m) }):
			return nil
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return nil // a link to nowhere, as distributions have them
		}
		return copyFile(path, target, 0o644)
	})
}

func copyFile(from, to string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
