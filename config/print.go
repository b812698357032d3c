package config

import (
	"bytes"
	"fmt"
	"log/slog"
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
	if err := enc.Encode(node(reflect.ValueOf(c))); err != nil {
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

// node is v in YAML. What a type hides of itself it hides here too, and no URL shows what opens it.
func node(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	switch t := v.Type(); {
	case t == reflect.TypeFor[time.Duration]():
		n.SetString(durationText(time.Duration(v.Int())))
	case t == reflect.TypeFor[string]() && strings.Contains(v.String(), "://"):
		n.SetString(DSN(v.String()).String())
	case t.Kind() == reflect.Struct:
		for f, value := range v.Fields() {
			if f.IsExported() {
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.Tag.Get(keyTag)}, node(value))
			}
		}
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		for _, name := range slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			key := new(yaml.Node)
			key.SetString(name.String())
			n.Content = append(n.Content, key, node(v.MapIndex(name)))
		}
	case t.Kind() == reflect.Slice && t != reflect.TypeFor[Command]():
		n.Kind, n.Style = yaml.SequenceNode, yaml.FlowStyle
		for i := range v.Len() {
			n.Content = append(n.Content, node(v.Index(i)))
		}
	default:
		if err := n.Encode(v.Interface()); err != nil {
			n.SetString(err.Error())
		}
	}
	return n
}

// durationText returns the shortest form that Load reads back.
func durationText(d time.Duration) string {
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	for _, unit := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, unit) {
			s = s[:len(s)-2]
		}
	}
	return s
}
