package documents

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	unicodeenc "golang.org/x/text/encoding/unicode"
)

// decode turns bytes of a text into UTF-8. The label is what the file says of its encoding (an HTML meta
// element, a MIME header); it is empty where nothing is said, and not believed where the bytes are valid
// UTF-8 or have a byte order mark. ok is false when the bytes are no text in any encoding known here.
func decode(raw []byte, label string) (text string, ok bool) {
	switch {
	case bytes.HasPrefix(raw, []byte{0xEF, 0xBB, 0xBF}):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
		return decodeWith(unicodeenc.UTF16(unicodeenc.LittleEndian, unicodeenc.ExpectBOM), raw)
	case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
		return decodeWith(unicodeenc.UTF16(unicodeenc.BigEndian, unicodeenc.ExpectBOM), raw)
	}
	if e := utf16Without(raw); e != nil {
		return decodeWith(e, raw)
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return "", false
	}
	if utf8.Valid(raw) {
		return string(raw), readable(string(raw))
	}
	if label != "" {
		if e, err := htmlindex.Get(strings.TrimSpace(label)); err == nil {
			if text, ok := decodeWith(e, raw); ok && !strings.ContainsRune(text, utf8.RuneError) {
				return text, true
			}
		}
	}
	// Of the encodings in which bytes look alike, the one that makes language of them. Korean files of Windows
	// are the ones that Parley's users have most; Shift_JIS only when it makes kana.
	if text, ok := decodeWith(korean.EUCKR, raw); ok && few(text, utf8.RuneError) && share(text, unicode.Hangul) > 0.5 {
		return text, true
	}
	for _, e := range []encoding.Encoding{japanese.ShiftJIS, japanese.EUCJP} {
		if text, ok := decodeWith(e, raw); ok && few(text, utf8.RuneError) && share(text, unicode.Hiragana, unicode.Katakana) > 0.3 {
			return text, true
		}
	}
	if mostlyUTF8(raw) {
		return strings.ToValidUTF8(string(raw), "\uFFFD"), true
	}
	return decodeWith(charmap.Windows1252, raw)
}

func decodeWith(e encoding.Encoding, raw []byte) (string, bool) {
	out, err := e.NewDecoder().Bytes(raw)
	if err != nil {
		return "", false
	}
	return string(out), readable(string(out))
}

// utf16Without recognizes UTF-16 without a mark: zeros in every other byte of what is mostly Latin.
func utf16Without(raw []byte) encoding.Encoding {
	head := raw[:min(len(raw), 4096)&^1]
	if len(head) < 8 {
		return nil
	}
	var even, odd int
	for i, c := range head {
		if c == 0 && i%2 == 0 {
			even++
		} else if c == 0 {
			odd++
		}
	}
	switch half := len(head) / 2; {
	case odd*10 > half*4 && even*20 < half:
		return unicodeenc.UTF16(unicodeenc.LittleEndian, unicodeenc.IgnoreBOM)
	case even*10 > half*4 && odd*20 < half:
		return unicodeenc.UTF16(unicodeenc.BigEndian, unicodeenc.IgnoreBOM)
	}
	return nil
}

// readable says whether text is language and no bytes of a program: hardly any control characters.
func readable(s string) bool {
	control, all := 0, 0
	for _, r := range s {
		all++
		if r < 0x20 && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != '\v' && r != 0x1b {
			control++
		}
	}
	return control*50 <= all
}

// few says whether r is at most one in two hundred.
func few(s string, r rune) bool {
	return strings.Count(s, string(r))*200 <= utf8.RuneCountInString(s)
}

// share is how many of the letters beyond ASCII are of the scripts.
func share(s string, scripts ...*unicode.RangeTable) float64 {
	in, all := 0, 0
	for _, r := range s {
		if r > 0x7f && unicode.IsLetter(r) {
			all++
			if unicode.In(r, scripts...) {
				in++
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(in) / float64(all)
}

// mostlyUTF8 says whether most characters beyond ASCII are whole UTF-8: a file with a few broken bytes.
func mostlyUTF8(raw []byte) bool {
	good, bad := 0, 0
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		raw = raw[n:]
	}
	return good > 4*bad
}
