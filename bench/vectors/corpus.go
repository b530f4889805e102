package main

import (
	"crypto/sha256"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// passageWords is how long a passage is at most, in words: one embedding each.
const passageWords = 16

// passages returns count passages of the comments and Markdown files below the given folders, each said
// once, in an order that the seed decides. What they are is real English about programs.
func passages(roots []string, count int, seed uint64) ([]string, error) {
	seen := map[[32]byte]bool{}
	var all []string
	add := func(text string) {
		words := strings.Fields(text)
		for start := 0; start < len(words); start += passageWords {
			part := words[start:min(start+passageWords, len(words))]
			if len(part) < 6 || len(strings.Join(part, " ")) > 160 {
				continue
			}
			p := strings.Join(part, " ")
			if sum := sha256.Sum256([]byte(p)); !seen[sum] && mostlyWords(p) {
				seen[sum] = true
				all = append(all, p)
			}
		}
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch filepath.Ext(path) {
			case ".md":
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				for _, paragraph := range strings.Split(string(text), "\n\n") {
					add(paragraph)
				}
			case ".go":
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				comments(text, add)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(all) < count {
		return nil, fmt.Errorf("only %d passages below %s, %d are wanted", len(all), strings.Join(roots, ", "), count)
	}
	sort.Strings(all)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:count], nil
}

// comments calls add with each run of comment lines of a Go file.
func comments(source []byte, add func(string)) {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	s.Init(file, source, func(token.Position, string) {}, scanner.ScanComments)
	var group strings.Builder
	last := -2
	for {
		pos, tok, text := s.Scan()
		if tok == token.COMMENT {
			line := file.Line(pos)
			if line > last+1 {
				add(group.String())
				group.Reset()
			}
			text = strings.TrimSuffix(strings.TrimLeft(text, "/*"), "*/")
			group.WriteString(text + " ")
			last = line + strings.Count(text, "\n")
		}
		if tok == token.EOF {
			add(group.String())
			return
		}
	}
}

// mostlyWords says whether text reads as language: no tables of numbers, no licences' lines of dashes.
func mostlyWords(s string) bool {
	letters := 0
	for i := range len(s) {
		if c := s[i] | 0x20; c >= 'a' && c <= 'z' || c == ' ' {
			letters++
		}
	}
	return letters*10 >= len(s)*8 && !strings.Contains(s, "Copyright")
}
