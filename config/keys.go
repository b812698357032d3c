package config

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Key is one setting as the reference shows it.
type Key struct {
	Path    string // in the YAML file: worker.concurrency, accounts.NAME.appid
	Env     string // MEDIAFERRY_WORKER__CONCURRENCY
	Short   string // the short variable, empty for most
	Default string // the value, or in words what a missing one means; empty: not set
	Accepts string // what is taken
	Meaning string
	Secret  bool // never shown, and may come from a file: Path and Env with _file and _FILE behind
}

// Keys lists every setting in the order of Config, made from it.
func Keys() []Key { return keysBelow(reflect.TypeFor[Config](), nil) }

func keysBelow(t reflect.Type, path []string) []Key {
	var out []Key
	for i := range t.NumField() {
		f := t.Field(i)
		here := append(path[:len(path):len(path)], f.Tag.Get("koanf"))
		switch {
		case isSection(f.Type):
			out = append(out, keysBelow(f.Type, here)...)
		case isNamed(f.Type):
			out = append(out, keysBelow(f.Type.Elem(), append(here, nameHolder))...)
		default:
			l := leafOf(f)
			out = append(out, Key{
				Path: strings.Join(here, "."), Env: variableOf(here), Short: aliasOf(here),
				Default: cmp.Or(l.def, l.unset), Accepts: l.accepts(), Meaning: l.doc, Secret: l.secret(),
			})
		}
	}
	return out
}

func variableOf(path []string) string { return prefix + strings.ToUpper(strings.Join(path, nest)) }

func aliasOf(path []string) string {
	key := strings.ReplaceAll(strings.Join(path, "."), nameHolder, "default")
	for short, full := range aliases {
		if full == key {
			return short
		}
	}
	return ""
}

// variables lists every variable's name, for suggestions.
func variables() []string {
	names := slices.Collect(maps.Keys(aliases))
	for _, k := range Keys() {
		names = append(names, k.Env)
	}
	slices.Sort(names)
	return names
}
