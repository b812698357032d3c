package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/tasks"
)

// setText parses one value.
func (f leaf) setText(v reflect.Value, text string) error {
	number, err := f.number(text)
	switch {
	case err != nil:
		return f.refuse(text)
	case f.typ.Kind() == reflect.Bool:
		v.SetBool(number != 0)
		return nil
	case f.isText():
		if err := f.verify(text); err != nil {
			return err
		}
		v.SetString(text)
		return nil
	}
	if low, err := f.number(f.min); f.min != "" && (err != nil || number < low) {
		return f.refuse(text)
	}
	if high, err := f.number(f.max); f.max != "" && (err != nil || number > high) {
		return f.refuse(text)
	}
	v.SetInt(number)
	return nil
}

// number parses what is kept as an integer; a text is 0.
func (f leaf) number(text string) (int64, error) {
	switch {
	case f.isText():
		return 0, nil
	case f.typ == durationType:
		d, err := parseDuration(text)
		return int64(d), err
	case f.typ == sizeType:
		s, err := ParseSize(text)
		return int64(s), err
	case f.typ.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if b {
			return 1, err
		}
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// verify holds a text against its tags.
func (f leaf) verify(text string) error {
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return f.refuse(text)
	case len(f.oneof) > 0 && !slices.Contains(f.oneof, text):
		return f.refuse(text)
	case f.check != "" && text != "" && !checks[f.check].ok(text):
		return f.refuse(text)
	}
	return nil
}

// refuse says what is taken instead of text, which is shown unless it may be a secret.
func (f leaf) refuse(text string) error {
	if f.secret() {
		return fmt.Errorf("the value (not shown) is not taken: want %s", f.accepts())
	}
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return fmt.Errorf("%q is not taken: want %s", text, f.accepts())
}

// accepts says what is taken.
func (f leaf) accepts() string {
	kind := "a text"
	switch {
	case len(f.oneof) > 0:
		return "one of " + strings.Join(f.oneof, ", ")
	case f.check != "":
		return checks[f.check].want
	case f.typ == durationType:
		kind = "a duration like 500ms, 15s, 5m, 2h or 30d"
	case f.typ == sizeType:
		kind = "a size like 64KiB, 256MiB or 1GiB"
	case f.typ.Kind() == reflect.Bool:
		return "true or false"
	case f.typ.Kind() == reflect.Int:
		kind = "a whole number"
	}
	switch {
	case f.min != "" && f.max != "":
		return kind + ", " + f.min + " to " + f.max
	case f.min != "":
		return kind + ", at least " + f.min
	}
	return kind
}

// parseDuration is time.ParseDuration that knows whole days too.
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// setErrcodes takes a mapping from errcode to class, or "45033=temporary,-1000=rejected".
func (f leaf) setErrcodes(v reflect.Value, raw any) error {
	pairs := map[string]any{}
	switch raw := raw.(type) {
	case map[string]any:
		pairs = raw
	case string:
		for pair := range strings.SplitSeq(raw, ",") {
			code, class, _ := strings.Cut(pair, "=")
			pairs[strings.TrimSpace(code)] = strings.TrimSpace(class)
		}
	default:
		return fmt.Errorf("want %s", f.accepts())
	}
	out := make(map[int]tasks.Code, len(pairs))
	for code, class := range pairs {
		n, err := strconv.Atoi(code)
		text, isText := class.(string)
		if err != nil || !isText || !checks[f.check].ok(text) {
			return f.refuse(fmt.Sprintf("%s: %v", code, class))
		}
		out[n] = tasks.Code(text)
	}
	v.Set(reflect.ValueOf(out))
	return nil
}
