package ledger

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxText bounds a reason or hint, in bytes: enough for a sentence and a path, and small in a row.
const maxText = 1024

// cause is an error as a row keeps it.
type cause struct {
	code    tasks.Code
	errcode int
	rid     string
	reason  string
	hint    string // empty: the code's own hint serves
}

func causeOf(e *tasks.Error) cause {
	if e == nil {
		return cause{}
	}
	return cause{e.Code, e.Errcode, clean(e.RID), clean(e.Error()), clean(e.Hint)}
}

// clean makes a foreign text fit for a row: valid UTF-8, one line, without control characters, maxText bytes at most.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	if len(s) <= maxText {
		return s
	}
	cut := maxText - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
