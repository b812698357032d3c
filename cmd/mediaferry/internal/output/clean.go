package output

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean is a writer for what a terminal shows. Whatever could move its cursor, change its colours or turn its text
// around (control characters, those of direction, bytes that are no UTF-8) is written as an escape, \u202e or \x80. The
// escapes are those of JSON, which therefore stays exact. Line ends and tabs pass. It is safe for concurrent use.
type Clean struct {
	mu   sync.Mutex
	w    io.Writer
	rest []byte // of a character that has not come whole
}

// NewClean cleans what is written to w.
func NewClean(w io.Writer) *Clean { return &Clean{w: w} }

// Write cleans b and writes it.
func (c *Clean) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := append(c.rest, b...)
	whole := len(all)
	for at := max(0, whole-utf8.UTFMax); at < whole; at++ {
		if utf8.RuneStart(all[at]) && !utf8.FullRune(all[at:]) {
			whole = at
		}
	}
	_, err := io.WriteString(c.w, clean(string(all[:whole]), "\n\t"))
	c.rest = append([]byte(nil), all[whole:]...)
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// raw is the writer below, for what draws on a terminal by itself.
func raw(w any) any {
	if c, ok := w.(*Clean); ok {
		return c.w
	}
	return w
}

// Visible is a text in one line, with an escape for each character that a terminal would not show as itself.
func Visible(s string) string { return clean(s, "") }

// clean escapes what is not graphic, but for those characters.
func clean(s, but string) string {
	harmless := func(r rune) bool { return unicode.IsGraphic(r) || strings.ContainsRune(but, r) }
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !harmless(r) }) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case harmless(r):
			b.WriteString(s[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[n:]
	}
	return b.String()
}
