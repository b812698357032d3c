package config

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
)

// value returns the value of the setting from raw, which is a text or a list of texts as somebody wrote it.
func (s setting) value(raw any) (any, error) {
	if s.typ.Kind() == reflect.Slice {
		return s.list(raw)
	}
	text, ok := raw.(string)
	if !ok {
		return nil, tasks.Textf("want %w", s.wants())
	}
	v := reflect.New(s.typ).Elem()
	if !s.parse(text, v) {
		return nil, s.refuse(text)
	}
	return v.Interface(), nil
}

func (s setting) list(raw any) (any, error) {
	items, ok := raw.([]any)
	if text, isText := raw.(string); isText {
		items, ok = split(text), true
	}
	list := reflect.MakeSlice(s.typ, len(items), len(items))
	for i, item := range items {
		text, isText := item.(string)
		if ok = ok && isText; !ok {
			break
		}
		if !s.parse(text, list.Index(i)) {
			return nil, s.refuse(text)
		}
	}
	if !ok {
		return nil, tasks.Textf("want a list of %w", s.wants())
	}
	return list.Interface(), nil
}

// split cuts a list at commas and line breaks: the file of a secret may have one on each line.
func split(list string) []any {
	var all []any
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// parse sets v to what text says, and reports whether the setting accepts that.
func (s setting) parse(text string, v reflect.Value) bool {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return false
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		options, kind := s.options(), s.tag.Get("check")
		return (options == nil || slices.Contains(options, text)) && (kind == "" || kinds[kind].ok(text))
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err == nil
	}
	n, err := number(v.Type(), text)
	v.SetInt(n)
	return err == nil && s.bound("min", math.MinInt64) <= n && n <= s.bound("max", math.MaxInt64)
}

func (s setting) options() []string {
	if list := s.tag.Get("oneof"); list != "" {
		return strings.Split(list, "|")
	}
	return nil
}

func (s setting) bound(tag string, otherwise int64) int64 {
	text := s.tag.Get(tag)
	if text == "" {
		return otherwise
	}
	n, err := number(s.typ, text)
	if err != nil { // a mistake in the tags
		panic(err)
	}
	return n
}

// number parses a value that is kept as an integer. Of a duration it also takes whole days.
func number(t reflect.Type, text string) (int64, error) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		if days, ok := strings.CutSuffix(text, "d"); ok {
			n, err := strconv.ParseUint(days, 10, 16)
			return int64(n) * int64(24*time.Hour), err
		}
		d, err := time.ParseDuration(text)
		return int64(d), err
	case reflect.TypeFor[Size]():
		s, err := ParseSize(text)
		return int64(s), err
	}
	return strconv.ParseInt(text, 10, 64)
}

// refuse says what is accepted instead of text. It shows text, unless that may be a secret.
func (s setting) refuse(text string) error {
	if s.secret() {
		return tasks.Textf("the value (not shown) is not taken: want %w", s.wants())
	}
	if strings.ContainsAny(text, "@?") || strings.Contains(text, "://") { // a URL may hold a password
		text = DSN(text).String()
	}
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return tasks.Textf("%q is not taken: want %w", text, s.wants())
}

// wants says in words what the setting accepts.
func (s setting) wants() *tasks.Text {
	what := tasks.Textf("a text")
	switch {
	case s.options() != nil:
		return tasks.Textf("one of %s", strings.Join(s.options(), ", "))
	case s.tag.Get("check") != "":
		return kinds[s.tag.Get("check")].want
	case s.typ == reflect.TypeFor[time.Duration]():
		what = tasks.Textf("a duration like 500ms, 15s, 5m, 2h or 30d")
	case s.typ == reflect.TypeFor[Size]():
		what = tasks.Textf("a size like 64KiB, 256MiB or 1GiB")
	case s.typ.Kind() == reflect.Bool:
		return tasks.Textf("true or false")
	case s.typ.Kind() == reflect.Int:
		what = tasks.Textf("a whole number")
	}
	switch least, most := s.tag.Get("min"), s.tag.Get("max"); {
	case least != "" && most != "":
		return tasks.Textf("%w, %s to %s", what, least, most)
	case least != "":
		return tasks.Textf("%w, at least %s", what, least)
	}
	return what
}
