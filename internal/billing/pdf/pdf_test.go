package pdf

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func sample(lines int) Invoice {
	in := Invoice{
		Number: "INV-000001", Date: "2023-12-01", Month: "2023-11", Issued: time.Date(2023, 12, 1, 1, 0, 0, 0, time.UTC),
		Seller: Party{"팔리 주식회사", "서울특별시 종로구 세종대로 1\n대한민국"}, Buyer: Party{"한국어 회사 (주)", "부산광역시"}, BuyerID: "org-abc",
		Subtotal: "$1.00", Credit: "-$0.25", Total: "$0.75", Note: "신한은행 110-000-000000\nThank you.",
	}
	for i := range lines {
		in.Lines = append(in.Lines, Line{fmt.Sprintf("ft:gpt-3.5-turbo-0613:우리-회사:%d:a-name-that-is-longer-than-its-column", i), "input tokens", "1,000,000", "$0.0015", "$1.50"})
	}
	return in
}

// TestPages: a document for one line and for a thousand, always the same one, of a size that can be mailed.
func TestPages(t *testing.T) {
	for lines, pages := range map[int]int{0: 1, 1: 1, 1000: 20} {
		a, err := sample(lines).Write()
		if err != nil {
			t.Fatal(err)
		}
		b, err := sample(lines).Write()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%d lines: two documents differ", lines)
		}
		n := bytes.Count(a, []byte("/Type /Page\n"))
		if !bytes.HasPrefix(a, []byte("%PDF-1.")) || n < pages || n > 4*pages || len(a) > 1<<20 {
			t.Errorf("%d lines: %d pages, %d bytes, begins with %q", lines, n, len(a), a[:8])
		}
	}
}

// TestLetters: what the font has is shown as it is, the rest as a box.
func TestLetters(t *testing.T) {
	f := face()
	if f.err != nil {
		t.Fatal(f.err)
	}
	for text, want := range map[string]string{
		"팔리 주식회사 뷁 ㄱ (주)":                                "팔리 주식회사 뷁 ㄱ (주)",
		"Société Générale, Åland, Straße, Αθηνα, Москва": "Société Générale, Åland, Straße, Αθηνα, Москва",
		"Győr, Αθήνα, Łódź":                              "Gyor, Αθηνα, □ódz",
		"₩1,000 €5 £3 ¥7 “x” – … ひらがな カタカナ":              "₩1,000 €5 £3 ¥7 “x” – … ひらがな カタカナ",
		"株式会社 😀 عربى":                                    "□□□□ □ □□□□",
		"a\nb\x00\xff":                                   "a\nb□□",
	} {
		if got := f.shown(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := strings.Count(f.shown(strings.Repeat("가", 3)), "가"); got != 3 {
		t.Errorf("%d", got)
	}
}
