package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// decode fills section v from its node of the tree, defaults first, and reports keys that it does not know.
func (l *loader) decode(v reflect.Value, node map[string]any, path []string) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("koanf")
		here := append(path[:len(path):len(path)], key)
		switch {
		case isSection(f.Type):
			if sub, ok := l.section(node[key], here); ok {
				l.decode(v.Field(i), sub, here)
			}
		case isNamed(f.Type):
			if sub, ok := l.section(node[key], here); ok {
				v.Field(i).Set(l.entries(f.Type, sub, here))
			}
		default:
			l.value(v.Field(i), leafOf(f), node[key], here)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(node)) {
		if _, known := fieldOf(t, key); !known {
			l.reject(append(path[:len(path):len(path)], key), "is not a setting%s", didYouMean(key, keysOf(t)))
		}
	}
}

// section returns the mapping under a key; nothing at all is an empty one.
func (l *loader) section(raw any, path []string) (map[string]any, bool) {
	if raw == nil {
		return nil, true
	}
	m, ok := raw.(map[string]any)
	if !ok {
		l.reject(path, "is a section: want a mapping of keys to values")
	}
	return m, ok
}

// entries decodes a map from names to sections.
func (l *loader) entries(t reflect.Type, node map[string]any, path []string) reflect.Value {
	out := reflect.MakeMapWithSize(t, len(node))
	for _, name := range slices.Sorted(maps.Keys(node)) {
		here := append(path[:len(path):len(path)], name)
		if !tasks.ValidName(name) {
			l.reject(here, "%q is not a name: want 1 to %d of a-z A-Z 0-9 . _ -", name, tasks.MaxName)
			continue
		}
		sub, ok := l.section(node[name], here)
		if !ok {
			continue
		}
		entry := reflect.New(t.Elem()).Elem()
		l.decode(entry, sub, here)
		out.SetMapIndex(reflect.ValueOf(name), entry)
	}
	return out
}

// value sets one leaf from what the tree holds, or from its default. An empty text is nothing.
func (l *loader) value(v reflect.Value, f leaf, raw any, path []string) {
	if raw == nil || raw == "" {
		if f.def == "" {
			return
		}
		raw = f.def
	}
	if err := f.set(v, raw); err != nil {
		l.reject(path, "%v", err)
	}
}

// set parses raw, a scalar, a list or a mapping of the tree, into v. A variable always is a string.
func (f leaf) set(v reflect.Value, raw any) error {
	switch f.typ {
	case stringsType, secretsType:
		return f.setList(v, raw)
	case errcodesType:
		return f.setErrcodes(v, raw)
	}
	text, err := f.text(raw)
	if err != nil {
		return err
	}
	return f.setText(v, text)
}

// text returns a scalar as it was written. A number is no text: YAML reads 007 as 7.
func (f leaf) text(raw any) (string, error) {
	switch raw := raw.(type) {
	case string:
		return raw, nil
	case int, int64, uint64, float64, bool:
		if f.isText() {
			return "", fmt.Errorf("want %s, in quotes since YAML takes it for a number or truth value", f.accepts())
		}
		return fmt.Sprint(raw), nil
	}
	return "", fmt.Errorf("want %s", f.accepts())
}

func (f leaf) isText() bool {
	return f.typ == stringsType || f.secret() || f.typ.Kind() == reflect.String
}

// setList takes a list, or a text with commas. A secret's file may have one on each line.
func (f leaf) setList(v reflect.Value, raw any) error {
	var items []any
	switch raw := raw.(type) {
	case []any:
		items = raw
	case string:
		for part := range strings.FieldsFuncSeq(raw, func(r rune) bool { return r == ',' || r == '\n' }) {
			if part = strings.TrimSpace(part); part != "" {
				items = append(items, part)
			}
		}
	default:
		return fmt.Errorf("want a list of %s", f.accepts())
	}
	out := reflect.MakeSlice(f.typ, 0, len(items))
	for _, item := range items {
		text, err := f.text(item)
		if err != nil {
			return err
		}
		if err := f.verify(text); err != nil {
			return err
		}
		out = reflect.Append(out, reflect.ValueOf(text).Convert(f.typ.Elem()))
	}
	v.Set(out)
	return nil
}
