package config

import (
	"bytes"
	"encoding"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// YAML writes the settings as they are in force, in the order of Config and as a file that Load takes, but for the
// secrets, which are ***.
func (c Config) YAML() []byte {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(sectionNode(reflect.ValueOf(c))); err != nil {
		return fmt.Appendf(nil, "# %v\n", err)
	}
	return out.Bytes()
}

// String is YAML, so that printing a Config reveals no secret.
func (c Config) String() string { return string(c.YAML()) }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func sectionNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		add(n, v.Type().Field(i).Tag.Get("koanf"), valueNode(v.Field(i)))
	}
	return n
}

func add(n *yaml.Node, key string, value *yaml.Node) {
	n.Content = append(n.Content, textNode(key, false), value)
}

func valueNode(v reflect.Value) *yaml.Node {
	switch t := v.Type(); {
	case isSection(t):
		return sectionNode(v)
	case isNamed(t):
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.SortedFunc(slices.Values(v.MapKeys()), byText) {
			add(n, name.String(), sectionNode(v.MapIndex(name)))
		}
		return n
	case t == errcodesType:
		n := &yaml.Node{Kind: yaml.MappingNode}
		codes := map[int]string{}
		for _, k := range v.MapKeys() {
			codes[int(k.Int())] = v.MapIndex(k).String()
		}
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			add(n, strconv.Itoa(code), textNode(codes[code], true))
		}
		return n
	case t.Kind() == reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range v.Len() {
			n.Content = append(n.Content, valueNode(v.Index(i)))
		}
		return n
	}
	return textNode(scalar(v), v.Kind() == reflect.String)
}

func byText(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }

// scalar writes one value; a type that hides its secret does so here too.
func scalar(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return durationText(x)
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			return ""
		}
		return string(b)
	default:
		return fmt.Sprint(x)
	}
}

// durationText is the shortest form that Load reads back.
func durationText(d time.Duration) string {
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// textNode is a scalar; a text is quoted where YAML would take it for something else.
func textNode(s string, text bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: s}
	if text {
		n.Tag = "!!str"
	}
	return n
}
