package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

const (
	keyTag      = "koanf"
	nameHolder  = "NAME"  // stands for the name of an account or a producer in a key
	fileSuffix  = "_file" // makes the key of a secret the key of the file that holds it
	errcodesKey = "wechat.errcodes"
)

// gone are settings of the version before. They are ignored with a warning; the next version refuses them.
var gone = map[string]bool{"dispatcher.lead_ttl": true, "wechat.token_floor": true, "worker.slots": true}

// setting is one key that holds a value, as its tags describe it.
type setting struct {
	path    []string
	typ     reflect.Type
	section bool // it is not a value, but holds some
	def     string
	unset   string
	doc     string
	oneof   []string
	min     string
	max     string
	check   string
}

// settings are all there are, in the order of Config.
var settings = settingsBelow(reflect.TypeFor[Config](), nil)

func settingsBelow(t reflect.Type, path []string) []setting {
	var all []setting
	for f := range t.Fields() {
		if !f.IsExported() {
			continue
		}
		here := append(path[:len(path):len(path)], f.Tag.Get(keyTag))
		switch {
		case f.Type.Kind() == reflect.Struct:
			all = append(all, settingsBelow(f.Type, here)...)
		case isNamed(f.Type):
			all = append(all, settingsBelow(f.Type.Elem(), append(here, nameHolder))...)
		default:
			s := setting{
				path: here, typ: f.Type, def: f.Tag.Get("default"), unset: f.Tag.Get("unset"),
				doc: f.Tag.Get("doc"), min: f.Tag.Get("min"), max: f.Tag.Get("max"), check: f.Tag.Get("check"),
			}
			if options := f.Tag.Get("oneof"); options != "" {
				s.oneof = strings.Split(options, "|")
			}
			all = append(all, s)
		}
	}
	return all
}

// isNamed reports whether t is a map from names to sections.
func isNamed(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct
}

func (s setting) name() string { return s.path[len(s.path)-1] }

// secret reports whether the value must not be shown, and may come from a file.
func (s setting) secret() bool {
	switch s.typ {
	case reflect.TypeFor[DSN](), reflect.TypeFor[tasks.Secret](), reflect.TypeFor[[]tasks.Secret]():
		return true
	}
	return false
}

// find returns the setting that an entry sets, and whether it names the file of a secret. The error says that there
// is no such setting, or that it is not one value.
func find(e entry) (s setting, isFile bool, err error) {
	for _, s := range settings {
		switch base, cut := strings.CutSuffix(e.path[len(e.path)-1], fileSuffix); {
		case s.matches(e.path):
			return s, false, s.nameError(e.path)
		case cut && s.secret() && s.matches(append(slices.Clone(e.path[:len(e.path)-1]), base)):
			return s, true, s.nameError(e.path)
		case s.below(e.path) && e.name != e.where: // a variable sets no section
			if !empty(e.raw) {
				return s, false, errors.New("is a section: want a mapping of keys to values")
			}
			return setting{section: true, path: e.path}, false, s.nameError(e.path)
		}
	}
	return s, false, fmt.Errorf("is not a setting%s", didYouMean(e))
}

// matches reports whether path is an instance of the setting's. An errcode has one part more.
func (s setting) matches(path []string) bool {
	extra := len(path) - len(s.path)
	return extra == 0 && like(s.path, path) || extra == 1 && dotted(s.path) == errcodesKey && like(s.path, path[:len(path)-1])
}

// below reports whether the setting is in the section at path.
func (s setting) below(path []string) bool {
	return len(path) < len(s.path) && like(s.path[:len(path)], path)
}

func like(pattern, path []string) bool {
	return slices.EqualFunc(pattern, path, func(p, part string) bool { return p == part || p == nameHolder })
}

func (s setting) nameError(path []string) error {
	if len(path) > 1 && s.path[1] == nameHolder && !tasks.ValidName(path[1]) {
		return fmt.Errorf("%q is not a name: want 1 to %d of a-z A-Z 0-9 . _ -", path[1], tasks.MaxName)
	}
	return nil
}

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
func Keys() []Key {
	var keys []Key
	for _, s := range settings {
		keys = append(keys, Key{
			Path: dotted(s.path), Env: variableOf(s.path), Short: aliasOf(s.path),
			Default: cmp.Or(s.def, s.unset), Accepts: s.accepts(), Meaning: s.doc, Secret: s.secret(),
		})
	}
	return keys
}
