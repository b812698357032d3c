package config

import (
	"reflect"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
)

const (
	prefix = "MEDIAFERRY_"
	nest   = "__"
)

// aliases are the variables whose name is not their key's: the WeChat side of an installation with one account.
var aliases = map[string]string{
	prefix + "WECHAT_BASE_URL":     "wechat.base_url",
	prefix + "WECHAT_PROXY":        "wechat.proxy",
	prefix + "WECHAT_APPID":        "accounts.default.appid",
	prefix + "WECHAT_SECRET":       "accounts.default.secret",
	prefix + "WECHAT_ACCESS_TOKEN": "accounts.default.access_token",
}

// readEnviron returns the tree of the variables, their names resolved against what can be set. file lends the
// spelling of account and producer names, since a variable is upper case and can't hold a dash or a dot.
func (l *loader) readEnviron(environ []string, file map[string]any) map[string]any {
	set := map[string]string{} // full key -> variable
	provider := env.Provider(delimiter, env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if name == pathVariable {
				return "", nil
			}
			target, ok := l.resolve(name, file)
			if !ok || value == "" {
				return "", nil
			}
			full := strings.Join(target.path, ".")
			if other, twice := set[full]; twice && other != name {
				l.bad = append(l.bad, name+": is the same setting as "+other+": give one of them")
				return "", nil
			}
			set[full] = name
			if target.file {
				text, err := l.readSecret(value)
				if err != nil {
					l.bad = append(l.bad, name+": "+err.Error())
					return "", nil
				}
				value = text
			}
			l.origin[full] = name
			return strings.Join(target.path, delimiter), value
		},
	})
	tree, err := provider.Read()
	if err != nil {
		l.bad = append(l.bad, "environment: "+err.Error())
	}
	return tree
}

// target is what a variable sets.
type target struct {
	path []string
	file bool // its value names the file that holds a secret
}

// resolve finds the key that a variable names, and reports one that names none.
func (l *loader) resolve(name string, file map[string]any) (target, bool) {
	base, isFile := strings.CutSuffix(name, strings.ToUpper(fileSuffix))
	if key, ok := aliases[name]; ok {
		return target{path: strings.Split(key, ".")}, true
	}
	if key, ok := aliases[base]; ok && isFile && secretPath(strings.Split(key, ".")) {
		return target{path: strings.Split(key, "."), file: true}, true
	}
	parts := strings.Split(strings.ToLower(strings.TrimPrefix(name, prefix)), nest)
	t, ok := find(reflect.TypeFor[Config](), parts, file)
	if !ok {
		l.bad = append(l.bad, name+": is not a setting"+didYouMean(name, variables()))
	}
	return t, ok
}

// find walks the parts of a key down from section t.
func find(t reflect.Type, parts []string, node map[string]any) (target, bool) {
	f, known := fieldOf(t, parts[0])
	sub, _ := node[parts[0]].(map[string]any)
	switch {
	case !known:
		s, ok := secretOf(t, parts[0])
		return target{path: []string{s.name}, file: true}, ok && len(parts) == 1
	case isSection(f.Type) && len(parts) > 1:
		return below([]string{parts[0]}, f.Type, parts[1:], sub)
	case isNamed(f.Type) && len(parts) > 2:
		name := spelled(parts[1], sub)
		entry, _ := sub[name].(map[string]any)
		return below([]string{parts[0], name}, f.Type.Elem(), parts[2:], entry)
	}
	return target{path: parts}, !isSection(f.Type) && !isNamed(f.Type) && len(parts) == 1
}

func below(path []string, t reflect.Type, rest []string, node map[string]any) (target, bool) {
	found, ok := find(t, rest, node)
	found.path = append(path, found.path...)
	return found, ok
}

// secretPath reports whether the key is that of a secret.
func secretPath(path []string) bool {
	last := len(path) - 1
	t, ok := find(reflect.TypeFor[Config](), append(path[:last:last], path[last]+fileSuffix), nil)
	return ok && t.file
}

// spelled returns the name among the entries that a variable means, or the name as the variable has it.
func spelled(name string, entries map[string]any) string {
	for entry := range entries {
		if fold(entry) == name {
			return entry
		}
	}
	return name
}

// fold writes a name as a variable would, in lower case.
func fold(name string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToLower(name))
}
