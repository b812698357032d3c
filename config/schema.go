package config

import (
	"reflect"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// nameHolder stands for the name of an account or a producer in a key.
const nameHolder = "NAME"

// leaf is one key that holds a value, as its tags describe it.
type leaf struct {
	name  string
	typ   reflect.Type
	def   string
	unset string
	doc   string
	oneof []string
	min   string
	max   string
	check string
}

var (
	dsnType      = reflect.TypeFor[DSN]()
	secretType   = reflect.TypeFor[tasks.Secret]()
	secretsType  = reflect.TypeFor[[]tasks.Secret]()
	stringsType  = reflect.TypeFor[[]string]()
	sizeType     = reflect.TypeFor[Size]()
	durationType = reflect.TypeFor[time.Duration]()
	errcodesType = reflect.TypeFor[map[int]tasks.Code]()
)

func leafOf(f reflect.StructField) leaf {
	l := leaf{
		name: f.Tag.Get("koanf"), typ: f.Type, def: f.Tag.Get("default"), unset: f.Tag.Get("unset"),
		doc: f.Tag.Get("doc"), min: f.Tag.Get("min"), max: f.Tag.Get("max"), check: f.Tag.Get("check"),
	}
	if s := f.Tag.Get("oneof"); s != "" {
		l.oneof = strings.Split(s, "|")
	}
	return l
}

// secret reports whether the value must not be shown, and may come from a file.
func (l leaf) secret() bool {
	return l.typ == dsnType || l.typ == secretType || l.typ == secretsType
}

// isSection reports whether t holds keys of its own.
func isSection(t reflect.Type) bool { return t.Kind() == reflect.Struct }

// isNamed reports whether t is a map from names to sections.
func isNamed(t reflect.Type) bool { return t.Kind() == reflect.Map && isSection(t.Elem()) }

// fieldOf finds the field of section t with that key.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("koanf") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// secretOf finds the secret field whose file the key names: "secret_file" gives the field of "secret".
func secretOf(t reflect.Type, key string) (leaf, bool) {
	if _, own := fieldOf(t, key); own {
		return leaf{}, false
	}
	base, cut := strings.CutSuffix(key, fileSuffix)
	if !cut {
		return leaf{}, false
	}
	f, ok := fieldOf(t, base)
	if !ok || isSection(f.Type) || isNamed(f.Type) {
		return leaf{}, false
	}
	l := leafOf(f)
	return l, l.secret()
}

// keysOf lists the keys of section t, the files of its secrets left out.
func keysOf(t reflect.Type) []string {
	keys := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		keys = append(keys, t.Field(i).Tag.Get("koanf"))
	}
	return keys
}
