package tasks

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Text is a sentence of ours, as an error. Its format is English, and is also the name under which catalogs have the sentence
// in other languages: see package lang.
type Text struct { //nolint:errname // it is a sentence, which often says no error
	Format string   `json:"format"`           // in the verbs of package fmt
	Values []string `json:"values,omitempty"` // one for each verb, as they stand in the English sentence
	Parts  []*Text  `json:"parts,omitempty"`  // the sentences of ours that stand in it
	err    error    // the sentence with its causes; nil: it was read back
}

// Textf makes a Text, as fmt.Errorf makes an error: %w wraps a cause. Values hold no secret.
func Textf(format string, args ...any) *Text {
	t := &Text{Format: format, err: fmt.Errorf(format, args...)}
	for _, a := range args {
		if err, is := a.(error); is {
			t.Parts = append(t.Parts, textsIn(err)...)
		}
	}
	next := 0
	for _, v := range verb.FindAllStringSubmatch(format, -1) {
		if v[2] == "%" {
			continue
		}
		if n, err := strconv.Atoi(v[1]); err == nil {
			next = n - 1
		}
		if next < len(args) {
			one := verb.ReplaceAllStringFunc(v[0], func(s string) string { return strings.Replace(s, "["+v[1]+"]", "", 1) })
			t.Values = append(t.Values, fmt.Errorf(one, args[next]).Error()) //nolint:err113 // the verb is one of format
		}
		next++
	}
	return t
}

// JoinTexts makes one sentence of several, with a separator between them. It returns nil for none.
func JoinTexts(separator string, parts ...error) error {
	if len(parts) == 0 {
		return nil
	}
	args := make([]any, len(parts))
	for i, p := range parts {
		args[i] = p
	}
	return Textf(strings.TrimSuffix(strings.Repeat("%w"+separator, len(parts)), separator), args...)
}

// textsIn are the outermost sentences of ours in the chain of an error.
func textsIn(err error) (all []*Text) {
	switch e := err.(type) { //nolint:errorlint // it looks at every link of the chain
	case *Text:
		return []*Text{e}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			all = append(all, textsIn(one)...)
		}
	case interface{ Unwrap() error }:
		all = textsIn(e.Unwrap())
	}
	return all
}

// verb is one verb of a format: its index, if it has one, and its letter.
var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?(?:\[([0-9]+)\])?([a-zA-Z%])`)

// Error is the sentence in English.
func (t *Text) Error() string {
	if t.err != nil {
		return t.err.Error()
	}
	return t.Fill(t.Format)
}

// Unwrap returns the cause.
func (t *Text) Unwrap() error { return t.err }

// Equal reports whether two sentences say the same.
func (t *Text) Equal(other *Text) bool {
	if t == nil || other == nil {
		return t == other
	}
	return t.Format == other.Format && slices.Equal(t.Values, other.Values) && slices.EqualFunc(t.Parts, other.Parts, (*Text).Equal)
}

// Fill puts the values into a format, which has a verb for each of them: the sentence in another language. A verb with an index,
// as %[2]s, takes that value, and the next verb the one after it.
func (t *Text) Fill(format string) string {
	next := 0
	return verb.ReplaceAllStringFunc(format, func(s string) string {
		m := verb.FindStringSubmatch(s)
		if m[2] == "%" {
			return "%"
		}
		if n, err := strconv.Atoi(m[1]); err == nil {
			next = n - 1
		}
		next++
		if next < 1 || next > len(t.Values) {
			return s
		}
		return t.Values[next-1]
	})
}
