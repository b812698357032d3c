package output

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"封面 é 👍 a\tb\n":                      "封面 é 👍 a\tb\n",
		"\x1b[31mred\a":                      `\u001b[31mred\u0007`,
		"a\u202egpj.exe\u2066x":              `a\u202egpj.exe\u2066x`,
		"\u009b2J\u0085":                     `\u009b2J\u0085`,
		"x\r\x00\x7f\u2028":                  `x\u000d\u0000\u007f\u2028`,
		"\xff\xc3":                           `\xff`, // the second may be the beginning of a character
		"\U000e0001":                         `\udb40\udc01`,
		`already \u202e`:                     `already \u202e`,
		strings.Repeat("长", 3000) + "\u200f": strings.Repeat("长", 3000) + `\u200f`,
	} {
		for _, size := range []int{1, 2, 3, 7, len(in)} {
			var out bytes.Buffer
			w := NewClean(&out)
			for b := []byte(in); len(b) > 0; {
				n, err := w.Write(b[:min(size, len(b))])
				if err != nil {
					t.Fatal(err)
				}
				b = b[n:]
			}
			if out.String() != want {
				t.Errorf("%q, %d at once, is written %q, want %q", in, size, out.String(), want)
			}
		}
	}
	if got := Visible("a\nb\x1b"); got != `a\u000ab\u001b` {
		t.Errorf("in one line: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\u202e\x1b]0;x\a", 2)
	f.Add("\xff\U000e0001", 1)
	f.Fuzz(func(t *testing.T, s string, size int) {
		if size <= 0 {
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w := NewClean(&out)
		for b := text; len(b) > 0; {
			n, err := w.Write(b[:min(size, len(b))])
			if err != nil {
				t.Fatal(err)
			}
			b = b[n:]
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || utf8.ValidString(s) && back != s {
			t.Errorf("%q is no longer exact as JSON: %q, %v", s, out.String(), err)
		}
		for _, text := range []string{out.String(), Visible(s)} {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' }) {
				t.Errorf("%q is written %q", s, text)
			}
		}
	})
}
