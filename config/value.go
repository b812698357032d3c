package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// decodeText makes of a text what a field of Config wants. The rest is left to mapstructure.
func decodeText(from, to reflect.Value) (any, error) {
	text, ok := from.Interface().(string)
	switch {
	case !ok:
		return from.Interface(), nil
	case to.Kind() == reflect.Slice:
		return texts(text), nil
	case to.Kind() == reflect.Bool:
		return strconv.ParseBool(text)
	case to.CanInt():
		return number(to.Type(), text)
	}
	return text, nil
}

// number parses what is kept as an integer.
func number(t reflect.Type, text string) (int64, error) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		d, err := parseDuration(text)
		return int64(d), err
	case reflect.TypeFor[Size]():
		s, err := ParseSize(text)
		return int64(s), err
	}
	return strconv.ParseInt(text, 10, 64)
}

// parseDuration is time.ParseDuration that knows whole days too.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// texts splits a list at commas and line breaks: a secret's file may have one on each line.
func texts(list string) []string {
	var all []string
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// verify holds a value, as it was written, against its setting. path is its key.
func (s setting) verify(path []string, raw any) error {
	list := s.typ.Kind() == reflect.Slice
	wrong := errors.New("want " + s.accepts())
	if list {
		wrong = errors.New("want a list of " + s.accepts())
	}
	var items []string
	switch raw := raw.(type) {
	case string:
		items = []string{raw}
		if list {
			items = texts(raw)
		}
	case []any:
		for _, item := range raw {
			text, ok := item.(string)
			if !ok || !list {
				return wrong
			}
			items = append(items, text)
		}
	default:
		return wrong
	}
	for _, item := range items {
		if !s.takes(item) || len(path) > len(s.path) && !isInt(path[len(path)-1]) {
			return s.refuse(item)
		}
	}
	return nil
}

func isInt(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}

// takes reports whether a text, one of a list's, can be meant.
func (s setting) takes(text string) bool {
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return false
	case len(s.oneof) > 0:
		return slices.Contains(s.oneof, text)
	case s.check != "":
		return checks[s.check].ok(text)
	case s.typ.Kind() == reflect.Bool:
		_, err := strconv.ParseBool(text)
		return err == nil
	case !reflect.Zero(s.typ).CanInt():
		return true
	}
	n, err := number(s.typ, text)
	return err == nil && (s.min == "" || n >= s.bound(s.min)) && (s.max == "" || n <= s.bound(s.max))
}

func (s setting) bound(text string) int64 {
	n, err := number(s.typ, text)
	if err != nil { // a mistake in the tags
		panic(err)
	}
	return n
}

// refuse says what is taken instead of text, which is shown unless it may be a secret.
func (s setting) refuse(text string) error {
	if s.secret() {
		return fmt.Errorf("the value (not shown) is not taken: want %s", s.accepts())
	}
	if strings.ContainsAny(text, "@?") || strings.Contains(text, "://") { // a URL may hold a password
		text = DSN(text).String()
	}
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return fmt.Errorf("%q is not taken: want %s", text, s.accepts())
}

// accepts says what is taken.
func (s setting) accepts() string {
	kind := "a text"
	switch {
	case len(s.oneof) > 0:
		return "one of " + strings.Join(s.oneof, ", ")
	case s.check != "":
		return checks[s.check].want
	case s.typ == reflect.TypeFor[time.Duration]():
		kind = "a duration like 500ms, 15s, 5m, 2h or 30d"
	case s.typ == reflect.TypeFor[Size]():
		kind = "a size like 64KiB, 256MiB or 1GiB"
	case s.typ.Kind() == reflect.Bool:
		return "true or false"
	case s.typ.Kind() == reflect.Int:
		kind = "a whole number"
	}
	switch {
	case s.min != "" && s.max != "":
		return kind + ", " + s.min + " to " + s.max
	case s.min != "":
		return kind + ", at least " + s.min
	}
	return kind
}
