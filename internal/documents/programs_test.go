package documents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/parley-ai/parley/internal/fault"
)

// needs skips where a program is missing.
func needs(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			t.Skipf("needs %s (apt-get install poppler-utils tesseract-ocr)", n)
		}
	}
}

func pdf(t *testing.T, make func(p *fpdf.Fpdf)) []byte {
	t.Helper()
	p := fpdf.New("P", "mm", "A4", "")
	p.SetFont("Helvetica", "", 11)
	make(p)
	var out bytes.Buffer
	if err := p.Output(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readAs(t *testing.T, name string, content []byte) Document {
	t.Helper()
	d, err := Read(context.Background(), name, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPDF(t *testing.T) {
	needs(t, "pdftotext")
	d := readAs(t, "--help; $(touch x) | .pdf", pdf(t, func(p *fpdf.Fpdf) {
		p.AddPage()
		p.MultiCell(0, 6, "The first page has a paragraph that goes on\nover two lines.\n\nAnd another.", "", "", false)
		p.Ln(4)
		for _, row := range [][]string{{"ship", "tons", "port"}, {"Aurora", "1200", "Kiel"}, {"Bella", "", "Oslo"}} {
			for _, c := range row {
				p.Cell(50, 6, c)
			}
			p.Ln(6)
		}
		p.AddPage()
		p.AddPage()
		p.Cell(0, 6, "Page three.")
	}))
	if d.Format != "pdf" || d.Pages != 3 {
		t.Errorf("format %s, %d pages", d.Format, d.Pages)
	}
	var got []string
	for _, b := range d.Blocks {
		got = append(got, fmt.Sprintf("%s@%d %s", b.Kind, b.Page, strings.ReplaceAll(b.Text, "\n", "⏎")))
	}
	want := "paragraph@1 The first page has a paragraph that goes on⏎over two lines.\nparagraph@1 And another.\n" +
		"table@1 | ship | tons | port |⏎| --- | --- | --- |⏎| Aurora | 1200 | Kiel |⏎| Bella |  | Oslo |\nparagraph@3 Page three."
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if len(d.Notes) != 1 || d.Notes[0] != "Page 2 has no text." {
		t.Errorf("notes %q", d.Notes)
	}
}

func TestPDFInTwoColumnsIsReadDownThem(t *testing.T) {
	needs(t, "pdftotext")
	line := func(column string, i int) string {
		return fmt.Sprintf("%s line %02d tells us some words more", column, i)
	}
	d := readAs(t, "x", pdf(t, func(p *fpdf.Fpdf) {
		p.AddPage()
		for i := range 30 { // set as close as prose is
			p.Text(15, 20+4.4*float64(i), line("left", i))
			p.Text(110, 20+4.4*float64(i), line("right", i))
		}
	}))
	text := d.Text()
	if l, r := strings.Index(text, line("left", 29)), strings.Index(text, line("right", 0)); l < 0 || r < l {
		t.Errorf("the right column begins at %d, the left ends at %d of\n%s", r, l, text)
	}
}

func refusedAs(t *testing.T, name string, content []byte, code, says string) {
	t.Helper()
	_, err := Read(context.Background(), name, bytes.NewReader(content))
	if f := fault.As(err); f == nil || f.Code != code || !strings.Contains(f.Message, says) {
		t.Errorf("%s: %v, want %s with %q", name, err, code, says)
	}
}

func TestPDFsThatAreRefused(t *testing.T) {
	needs(t, "pdftotext")
	refusedAs(t, "locked.pdf", pdf(t, func(p *fpdf.Fpdf) {
		p.SetProtection(0, "user", "owner")
		p.AddPage()
		p.Cell(0, 6, "secret")
	}), CodeInvalid, "encrypted")
	refusedAs(t, "broken.pdf", []byte("%PDF-1.4\nnothing"), CodeInvalid, "broken")
}

// picture is an image of a text in large letters.
func picture(t *testing.T, text string) []byte {
	t.Helper()
	small := image.NewGray(image.Rect(0, 0, 7*len(text)+20, 30))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	d := font.Drawer{Dst: small, Src: image.NewUniform(color.Black), Face: basicfont.Face7x13, Dot: fixed.P(10, 20)}
	d.DrawString(text)
	large := image.NewGray(image.Rect(0, 0, small.Bounds().Dx()*4, small.Bounds().Dy()*4))
	draw.CatmullRom.Scale(large, large.Bounds(), small, small.Bounds(), draw.Src, nil)
	var out bytes.Buffer
	if err := png.Encode(&out, large); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestImagesWithText(t *testing.T) {
	needs(t, "tesseract", "pdftotext", "pdftoppm")
	p := picture(t, "SEVEN SHIPS CAME IN MAY")
	if d := readAs(t, "-x.jpg", p); d.Format != "image" || !strings.Contains(d.Text(), "SHIPS CAME") {
		t.Errorf("%s: %q", d.Format, d.Text())
	}
	scan := pdf(t, func(f *fpdf.Fpdf) {
		f.AddPage()
		f.RegisterImageOptionsReader("p", fpdf.ImageOptions{ImageType: "PNG"}, bytes.NewReader(p))
		f.ImageOptions("p", 20, 20, 160, 0, false, fpdf.ImageOptions{}, 0, "")
	})
	if d := readAs(t, "scan.pdf", scan); !strings.Contains(d.Text(), "SHIPS CAME") || d.Blocks[0].Page != 1 {
		t.Errorf("scanned: %+v", d)
	}
	white := image.NewGray(image.Rect(0, 0, 300, 200))
	draw.Draw(white, white.Bounds(), image.White, image.Point{}, draw.Src)
	var blank bytes.Buffer
	if err := png.Encode(&blank, white); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, "blank.png", blank.Bytes(), CodeInvalid, "No text")
	refusedAs(t, "torn.png", p[:200], CodeInvalid, "broken")

	hide(t, "tesseract")
	refusedAs(t, "x.png", p, CodeUnsupported, "tesseract-ocr")
	refusedAs(t, "scan.pdf", scan, CodeUnsupported, "tesseract")
}

// hide lets a program be missing until the test ends.
func hide(t *testing.T, name string) {
	t.Helper()
	before := lookPath
	lookPath = func(n string) (string, error) {
		if n == name {
			return "", exec.ErrNotFound
		}
		return before(n)
	}
	t.Cleanup(func() { lookPath = before })
}

func TestMissingProgramsAreNamed(t *testing.T) {
	hide(t, "pdftotext")
	refusedAs(t, "x.pdf", []byte("%PDF-1.4"), CodeUnsupported, "poppler-utils")
	for _, p := range Programs() {
		if p.Name == "pdftotext" && p.Path != "" {
			t.Error("Programs has what is not there")
		}
	}
}

// fake is a program in a shell's words, standing for one that a hostile file has taken over.
func fake(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fake")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return path
}

func TestProgramsAreHeldToLimits(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh")
	}
	t.Setenv("PARLEY_SECRET", "must not be seen")
	dir := t.TempDir()
	out, err := runIn(context.Background(), dir, fake(t, "env; pwd"))
	if err != nil || strings.Contains(string(out), "must not") || !strings.Contains(string(out), dir) {
		t.Errorf("environment: %q, %v", out, err)
	}
	if _, err := runIn(context.Background(), dir, fake(t, "yes")); fault.As(err) == nil || !strings.Contains(err.Error(), "of text") {
		t.Errorf("endless output: %v", err)
	}
	var exit *failed
	if _, err := runIn(context.Background(), dir, fake(t, "echo why >&2; exit 7")); !errors.As(err, &exit) || exit.code != 7 || exit.stderr != "why" {
		t.Errorf("an error: %v", err)
	}
	// Its children end with it, also those that hold its output open.
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := runIn(ctx, dir, fake(t, "sleep 600 & sleep 600")); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errLimit) {
		t.Errorf("endless time: %v", err)
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it was stopped after %v", took)
	}
}

// TestProgramsWaitForTheirTurn: however many files come at once, no more programs run than there are places; who goes away waits no longer.
func TestProgramsWaitForTheirTurn(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh")
	}
	dir := t.TempDir()
	script := fake(t, "touch begun.$$; while ! test -e go; do sleep 0.02; done; rm begun.$$")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	for range 3 * cap(places) {
		all.Go(func() {
			if _, err := runIn(ctx, dir, script); err != nil {
				t.Error(err)
			}
		})
	}
	running := func() int {
		found, err := filepath.Glob(filepath.Join(dir, "begun.*"))
		if err != nil {
			t.Error(err)
		}
		return len(found)
	}
	for deadline := time.Now().Add(time.Minute); running() < cap(places) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond) // for one more to begin, if it could
	if n := running(); n != cap(places) {
		t.Errorf("%d programs run at once, want %d", n, cap(places))
	}
	gone, leave := context.WithCancel(ctx)
	leave()
	if _, err := runIn(gone, dir, script); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all.Wait()
}
