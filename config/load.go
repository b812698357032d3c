package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"github.com/mediaferry/mediaferry/tasks"
)

// pathVariable names the settings file when no flag does.
const pathVariable = prefix + "CONFIG"

// delimiter can't be in the name of an account or producer, which may hold dots.
const delimiter = "/"

// Load reads the YAML file at path, or at MEDIAFERRY_CONFIG when path is empty, and the variables MEDIAFERRY_… of
// environ ("NAME=value", as from os.Environ); with neither, there are the variables and the defaults alone.
// Defaults are filled in, paths are made absolute and the result is validated. Whatever is wrong is reported in one
// tasks.Invalid error, a line each.
func Load(path string, environ []string) (Config, error) {
	if path == "" {
		path = variable(environ, pathVariable)
	}
	l := loader{k: koanf.New(delimiter), origin: map[string]string{}, environ: environ}
	l.layer(l.readFile(path))
	l.layer(l.readEnviron())
	l.fill()
	var c Config
	// Each value has been checked, so that only a mistake in this package fails here.
	if err := l.k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: &c, TagName: keyTag, DecodeHook: decodeText,
	}}); err != nil {
		return Config{}, fmt.Errorf("decode settings: %w", err)
	}
	c.ignored = l.ignored
	l.complete(&c)
	for _, p := range c.problems() {
		if !l.doubted(p.key) {
			l.reject(p.key, "%s", p.why)
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
	bad      []string
	rejected []string          // the keys of bad values
	ignored  []string          // sentences about keys that have no effect
	origin   map[string]string // where a key was set, for messages
}

// entry is one value as somebody wrote it: a text, a list of texts, or an empty mapping.
type entry struct {
	name  string   // a key or a variable, for messages
	path  []string // the key's parts
	where string
	raw   any
}

// layer puts entries over what was read before. It takes those alone that can be meant.
func (l *loader) layer(entries []entry) {
	taken, values := map[string]string{}, map[string]any{}
	for _, e := range entries {
		if name := dotted(e.path); gone[name] {
			l.ignored = append(l.ignored, e.name+": is no longer a setting and has no effect: remove it")
			continue
		}
		s, isFile, err := find(e)
		if err != nil {
			l.bad = append(l.bad, e.shown()+": "+err.Error())
			continue
		}
		path := e.path
		if isFile {
			path = append(slices.Clone(path[:len(path)-1]), s.name())
		}
		key := strings.Join(path, delimiter)
		if empty(e.raw) {
			if s.section { // an account may have no key at all
				values[key] = map[string]any{}
			}
			continue
		}
		l.origin[dotted(path)] = e.where
		if other := taken[key]; other != "" && other != e.name {
			l.bad = append(l.bad, e.shown()+": is the same setting as "+other+": give one of them")
			continue
		}
		taken[key] = e.name
		if isFile {
			e.raw, err = l.readSecret(e.raw)
		}
		if err == nil {
			err = s.verify(path, e.raw)
		}
		if err != nil {
			l.reject(dotted(path), "%v", err)
			continue
		}
		values[key] = e.raw
	}
	l.load(values)
}

func (l *loader) load(values map[string]any) {
	if err := l.k.Load(confmap.Provider(values, delimiter), nil); err != nil { // confmap has no errors
		l.bad = append(l.bad, err.Error())
	}
}

// fill gives the keys that are not set their defaults.
func (l *loader) fill() {
	defaults := map[string]any{}
	for _, s := range settings {
		for _, path := range l.instances(s.path) {
			if key := strings.Join(path, delimiter); s.def != "" && !l.k.Exists(key) {
				defaults[key] = s.def
			}
		}
	}
	l.load(defaults)
}

// instances returns the keys that a setting's path stands for: one, or one for each name in use.
func (l *loader) instances(path []string) [][]string {
	if len(path) < 2 || path[1] != nameHolder {
		return [][]string{path}
	}
	var all [][]string
	for _, name := range l.names(path[0]) {
		here := slices.Clone(path)
		here[1] = name
		all = append(all, here)
	}
	return all
}

// names lists the accounts or the producers that are set so far.
func (l *loader) names(section string) []string {
	under, _ := l.k.Get(section).(map[string]any)
	return slices.Sorted(maps.Keys(under))
}

// shown names an entry, with the place where it stands.
func (e entry) shown() string {
	if e.where == "" || e.where == e.name {
		return e.name
	}
	return e.name + " (" + e.where + ")"
}

// reject notes that the value of a key can't be taken.
func (l *loader) reject(key, format string, args ...any) {
	l.rejected = append(l.rejected, key)
	l.bad = append(l.bad, entry{name: key, where: l.origin[key]}.shown()+": "+fmt.Sprintf(format, args...))
}

// doubted reports whether a value next to the key was rejected: what is missing there may be only that.
func (l *loader) doubted(key string) bool {
	section := key[:strings.LastIndexByte(key, '.')+1]
	return slices.ContainsFunc(l.rejected, func(r string) bool {
		return r == key || section != "" && strings.HasPrefix(r, section) || strings.HasPrefix(r, key+".")
	})
}

// invalid makes one error of all that is wrong, nil of nothing.
func invalid(bad []string) error {
	if len(bad) == 0 {
		return nil
	}
	text := bad[0]
	if len(bad) > 1 {
		text = fmt.Sprintf("%d settings are wrong:\n  %s", len(bad), strings.Join(bad, "\n  "))
	}
	return &tasks.Error{Code: tasks.Invalid, Op: "read settings", Err: fmt.Errorf("%s", text)}
}

func dotted(path []string) string { return strings.Join(path, ".") }

func empty(raw any) bool {
	m, isMap := raw.(map[string]any)
	return raw == nil || raw == "" || isMap && len(m) == 0
}
