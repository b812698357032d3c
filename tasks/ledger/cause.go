package ledger

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
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
	values  any    // of the reason, as JSON; nil: none
}

func causeOf(e *tasks.Error) cause {
	if e == nil {
		return cause{}
	}
	return cause{e.Code, e.Errcode, clean(e.RID), clean(e.Error()), clean(e.Hint), valuesOf(e.Values())}
}

// params returns the values again.
func (c cause) params() tasks.Params {
	text, _ := c.values.(string)
	return schema.Values([]byte(text))
}

// valuesOf returns the values of a reason as a row keeps them.
func valuesOf(p tasks.Params) any {
	if p == (tasks.Params{}) {
		return nil
	}
	p.Format, p.Command, p.Detail = clean(p.Format), clean(p.Command), clean(p.Detail)
	p.Text, p.Advice = cleanText(p.Text), cleanText(p.Advice)
	b, err := json.Marshal(p)
	if err != nil { // a number that JSON has no word for
		return nil
	}
	return string(b)
}

// cleanText makes the values of a sentence fit for a row.
func cleanText(t *tasks.Text) *tasks.Text {
	if t == nil {
		return nil
	}
	kept := &tasks.Text{Format: t.Format, Values: make([]string, len(t.Values))}
	for i, v := range t.Values {
		kept.Values[i] = clean(v)
	}
	for _, part := range t.Parts {
		kept.Parts = append(kept.Parts, cleanText(part))
	}
	return kept
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
