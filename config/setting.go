package config

import (
	"cmp"
	"path"
	"reflect"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

const (
	keyTag     = "koanf"
	delimiter  = "/"     // between the parts of a key: the name of an account may hold dots
	anyName    = "/*"    // the part of a key that is the name of an account or producer, or an errcode
	fileSuffix = "_file" // makes the key of a secret the key of the file that holds it
	errcodes   = "wechat/errcodes"
)

// setting is one key, as the field of Config and its tags describe it.
type setting struct {
	key string // its parts with delimiter between them; a part * stands for any name
	typ reflect.Type
	tag reflect.StructTag
}

// settings are all keys, in the order of Config.
var settings = settingsBelow(reflect.TypeFor[Config](), "")

func settingsBelow(t reflect.Type, section string) []setting {
	var all []setting
	for f := range t.Fields() {
		if !f.IsExported() {
			continue
		}
		s := setting{section + f.Tag.Get(keyTag), f.Type, f.Tag}
		for s.typ.Kind() == reflect.Map {
			all = append(all, s)
			s.key, s.typ = s.key+anyName, s.typ.Elem()
		}
		all = append(all, s)
		if s.isSection() {
			all = append(all, settingsBelow(s.typ, s.key+delimiter)...)
		}
	}
	return all
}

// isSection reports whether the key holds other keys, and no value of its own.
func (s setting) isSection() bool {
	return s.typ.Kind() == reflect.Struct || s.typ.Kind() == reflect.Map
}

// secret reports whether the value must not be shown, and may come from a file.
func (s setting) secret() bool {
	switch s.typ {
	case reflect.TypeFor[DSN](), reflect.TypeFor[tasks.Secret](), reflect.TypeFor[[]tasks.Secret]():
		return true
	}
	return false
}

// matches reports whether key is this one, with any name for *.
func (s setting) matches(key string) bool {
	ok, _ := path.Match(s.key, key) // its only error is a bad pattern
	return ok
}

// find returns the setting of an entry, and its key. The two keys differ if the entry names the file of a secret.
func find(e entry) (setting, string, error) {
	base, isFile := strings.CutSuffix(e.key, fileSuffix)
	for _, s := range settings {
		switch {
		case s.matches(e.key) && (!s.isSection() || !e.variable()): // a variable sets no section
			return s, e.key, s.checkName(e.key)
		case isFile && s.secret() && s.matches(base):
			return s, base, s.checkName(base)
		}
	}
	return setting{}, "", didYouMean(tasks.Textf("is not a setting"), e)
}

// checkName refuses a key whose name can't be that of an account or producer.
func (s setting) checkName(key string) error {
	section, _, named := strings.Cut(s.key, anyName)
	if !named || section == errcodes {
		return nil
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(key, section+delimiter), delimiter)
	if !tasks.ValidName(name) {
		return tasks.Textf("%q is not a name: want 1 to %d of a-z A-Z 0-9 . _ -", name, tasks.MaxName)
	}
	return nil
}

// dotted returns a key as people write it.
func dotted(key string) string { return strings.ReplaceAll(key, delimiter, ".") }

// Key is one setting as the reference shows it.
type Key struct {
	Path    string      // in the YAML file: worker.concurrency, accounts.NAME.appid
	Env     string      // MEDIAFERRY_WORKER__CONCURRENCY
	Short   string      // the short variable; most settings have none
	Default string      // the value of a key that is not set, or what that means in words
	Accepts *tasks.Text // in words
	Meaning string
	Secret  bool // the value is never shown, and may come from a file: then Path ends in _file, and Env in _FILE
}

// Keys lists every setting in the order of Config.
func Keys() []Key {
	var keys []Key
	for _, s := range settings {
		if s.isSection() {
			continue
		}
		key := strings.ReplaceAll(strings.TrimSuffix(s.key, anyName), anyName, "/NAME")
		keys = append(keys, Key{
			Path: dotted(key), Env: variableOf(key), Short: aliasOf(s.key), Default: cmp.Or(s.tag.Get("default"), s.tag.Get("unset")),
			Accepts: s.wants(), Meaning: s.tag.Get("doc"), Secret: s.secret(),
		})
	}
	return keys
}
