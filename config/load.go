package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"github.com/mediaferry/mediaferry/tasks"
)

// pathVariable names the settings file when no flag does.
const pathVariable = prefix + "CONFIG"

// gone are settings of the version before. They are ignored with a warning; the next version refuses them.
var gone = map[string]bool{"dispatcher/lead_ttl": true, "wechat/token_floor": true, "worker/slots": true}

// Load reads the YAML file at path, or at MEDIAFERRY_CONFIG when path is empty, and the variables MEDIAFERRY_… of
// environ ("NAME=value", as from os.Environ). Without a file it goes by the variables and the defaults alone. Paths
// become absolute. Load reports everything that is wrong in one tasks.Invalid error, a line each.
func Load(path string, environ []string) (Config, error) {
	if path == "" {
		path = variable(environ, pathVariable)
	}
	l := loader{k: koanf.New(delimiter), origin: map[string]string{}, environ: environ}
	l.layer(l.readFile(path))
	l.layer(l.readEnviron())
	l.fill()
	var c Config
	decoder := &mapstructure.DecoderConfig{TagName: keyTag, WeaklyTypedInput: true} // errcodes are texts in a key
	if err := l.k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: decoder}); err != nil {
		return Config{}, fmt.Errorf("decode settings: %w", err) // a mistake in this package: each value has its type by now
	}
	c.ignored, c.secrets = l.ignored, l.secrets
	c.reload = func() (Config, error) { return Load(path, environ) }
	l.complete(&c)
	for _, p := range c.problems() {
		if !l.doubted(p.key) {
			l.reject(p.key, p.why)
		}
	}
	if len(l.bad) > 0 {
		return Config{}, invalid(l.bad)
	}
	return c, nil
}

// loader merges the layers of settings, and collects what is wrong with them.
type loader struct {
	k        *koanf.Koanf
	environ  []string
	bad      []error
	rejected []string          // the keys of bad values, dotted
	ignored  []error           // sentences about keys that have no effect
	secrets  []string          // files of secrets of accounts
	origin   map[string]string // where a dotted key was set, for messages
}

// entry is one value as somebody wrote it: a text, a list, or an empty mapping.
type entry struct {
	key   string
	name  string // the dotted key or the variable, for messages
	where string // file and line, or the variable
	raw   any
}

func (e entry) variable() bool { return e.name == e.where }

func (e entry) empty() bool {
	m, isMap := e.raw.(map[string]any)
	return e.raw == nil || e.raw == "" || isMap && len(m) == 0
}

// layer puts entries over what was read before, without those that it rejects.
func (l *loader) layer(entries []entry) {
	taken, values := map[string]string{}, map[string]any{}
	for _, e := range entries {
		s, key, err := find(e)
		switch {
		case gone[e.key]:
			l.ignored = append(l.ignored, tasks.Textf("%s: is no longer a setting and has no effect: remove it", e.name))
		case err != nil:
			l.bad = append(l.bad, tasks.Textf("%s: %w", e.shown(), err))
		case e.empty() && s.isSection(): // an account may have no key at all
			values[key] = map[string]any{}
		case e.empty():
		case s.isSection():
			l.bad = append(l.bad, tasks.Textf("%s: is a section: want a mapping of keys to values", e.shown()))
		case taken[key] != "" && taken[key] != e.name:
			l.bad = append(l.bad, tasks.Textf("%s: is the same setting as %s: give one of them", e.shown(), taken[key]))
		default:
			taken[key], l.origin[dotted(key)] = e.name, e.where
			if v, err := l.value(s, key, e); err != nil {
				l.reject(dotted(key), err)
			} else {
				values[key] = v
			}
		}
	}
	l.load(values)
}

// value returns what the entry sets key to.
func (l *loader) value(s setting, key string, e entry) (any, error) {
	if key != e.key {
		text, err := l.readSecret(e.raw)
		if err != nil {
			return nil, err
		}
		if path, ok := e.raw.(string); ok && strings.HasPrefix(key, "accounts"+delimiter) {
			l.secrets = append(l.secrets, expand(path, l.environ))
		}
		e.raw = text
	}
	v, err := s.value(e.raw)
	if text, ok := v.(string); ok && s.tag.Get("check") == "path" {
		return filepath.Abs(expand(text, l.environ))
	}
	if errcode, ok := strings.CutPrefix(key, errcodes+delimiter); ok && !isErrcode(errcode) {
		return nil, s.refuse(fmt.Sprint(e.raw))
	}
	return v, err
}

func (l *loader) load(values map[string]any) {
	if err := l.k.Load(confmap.Provider(values, delimiter), nil); err != nil { // confmap has no errors
		l.bad = append(l.bad, err)
	}
}

// fill gives the keys that are not set their defaults.
func (l *loader) fill() {
	defaults := map[string]any{}
	for _, s := range settings {
		text, ok := s.tag.Lookup("default")
		for _, key := range l.instances(s.key) {
			if !ok || l.k.Exists(key) {
				continue
			}
			v, err := s.value(text)
			if err != nil { // a mistake in the tags
				panic(err)
			}
			defaults[key] = v
		}
	}
	l.load(defaults)
}

// instances returns the keys that a setting's key stands for: one, or one for each name in use.
func (l *loader) instances(key string) []string {
	section, rest, named := strings.Cut(key, anyName)
	if !named {
		return []string{key}
	}
	var keys []string
	for _, name := range l.k.MapKeys(section) {
		keys = append(keys, section+delimiter+name+rest)
	}
	return keys
}

// shown names an entry, with the place where it stands.
func (e entry) shown() string {
	if e.where == "" || e.variable() {
		return e.name
	}
	return e.name + " (" + e.where + ")"
}

// reject notes that the value of a dotted key can't be taken.
func (l *loader) reject(key string, why error) {
	l.rejected = append(l.rejected, key)
	l.bad = append(l.bad, tasks.Textf("%s: %w", entry{name: key, where: l.origin[key]}.shown(), why))
}

// doubted reports whether a value next to the key was rejected: what is missing there may be only that.
func (l *loader) doubted(key string) bool {
	section := key[:strings.LastIndexByte(key, '.')+1]
	return slices.ContainsFunc(l.rejected, func(r string) bool {
		return r == key || section != "" && strings.HasPrefix(r, section) || strings.HasPrefix(r, key+".")
	})
}

// invalid makes one error of everything that is wrong, and nil of nothing.
func invalid(bad []error) error {
	if len(bad) == 0 {
		return nil
	}
	text := bad[0]
	if len(bad) > 1 {
		text = tasks.Textf("%d settings are wrong:\n  %w", len(bad), tasks.JoinTexts("\n  ", bad...))
	}
	return &tasks.Error{Code: tasks.Invalid, Op: "read settings", Err: text}
}
