package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

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
	l := loader{origin: map[string]string{}, environ: environ}
	file := l.readFile(path)
	env := l.readEnviron(environ, file)

	k := koanf.New(delimiter)
	for _, layer := range []map[string]any{file, env} {
		if err := k.Load(confmap.Provider(layer, ""), nil); err != nil {
			return Config{}, fmt.Errorf("merge settings: %w", err)
		}
	}
	var c Config
	l.decode(reflect.ValueOf(&c).Elem(), k.Raw(), nil)
	l.complete(&c)
	for _, p := range c.problems() {
		if !l.doubted(p.key) {
			l.reject(strings.Split(p.key, "."), "%s", p.why)
		}
	}
	if len(l.bad) > 0 {
		return Config{}, invalid(l.bad)
	}
	return c, nil
}

// loader collects what is wrong while settings are read.
type loader struct {
	bad      []string
	rejected []string          // the keys of bad values
	origin   map[string]string // where a key was set, for messages
	environ  []string
}

// reject notes that the value at path can't be taken.
func (l *loader) reject(path []string, format string, args ...any) {
	name := strings.Join(path, ".")
	l.rejected = append(l.rejected, name)
	if where := l.origin[name]; where != "" {
		name += " (" + where + ")"
	}
	l.bad = append(l.bad, name+": "+fmt.Sprintf(format, args...))
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

// variable returns the value of the last variable of that name.
func variable(environ []string, name string) string {
	for _, kv := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}
