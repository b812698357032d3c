package config

import (
	"slices"
	"strings"
)

const (
	prefix = "MEDIAFERRY_"
	nest   = "__"
)

// aliases are the variables whose name is not their key's: the WeChat side of an installation with one account.
var aliases = map[string]string{
	prefix + "WECHAT_BASE_URL":     "wechat/base_url",
	prefix + "WECHAT_PROXY":        "wechat/proxy",
	prefix + "WECHAT_APPID":        "accounts/default/appid",
	prefix + "WECHAT_SECRET":       "accounts/default/secret",
	prefix + "WECHAT_ACCESS_TOKEN": "accounts/default/access_token",
}

// readEnviron returns what the variables set.
func (l *loader) readEnviron() []entry {
	var entries []entry
	for i, kv := range l.environ {
		name, value, _ := strings.Cut(kv, "=")
		again := slices.ContainsFunc(l.environ[i+1:], func(later string) bool { return strings.HasPrefix(later, name+"=") })
		if !strings.HasPrefix(name, prefix) || name == pathVariable || again {
			continue
		}
		path := l.keyOf(name)
		if dotted(path) != errcodesKey || value == "" {
			entries = append(entries, entry{name, path, name, value})
			continue
		}
		for _, pair := range texts(value) {
			code, class, _ := strings.Cut(pair, "=")
			entries = append(entries, entry{name, append(path[:len(path):len(path)], code), name, class})
		}
	}
	return entries
}

// keyOf returns the key that a variable sets, known or not. A variable is upper case and can't hold a dash or a dot:
// the settings file lends it the spelling of names.
func (l *loader) keyOf(name string) []string {
	if key := aliases[name]; key != "" {
		return strings.Split(key, delimiter)
	}
	if base, isFile := strings.CutSuffix(name, strings.ToUpper(fileSuffix)); isFile && aliases[base] != "" {
		return strings.Split(aliases[base]+fileSuffix, delimiter)
	}
	path := strings.Split(strings.ToLower(strings.TrimPrefix(name, prefix)), nest)
	if len(path) > 2 {
		if i := slices.IndexFunc(l.names(path[0]), func(n string) bool { return fold(n) == path[1] }); i >= 0 {
			path[1] = l.names(path[0])[i]
		}
	}
	return path
}

// fold writes a name as a variable would, in lower case.
func fold(name string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToLower(name))
}

func variableOf(path []string) string { return prefix + strings.ToUpper(strings.Join(path, nest)) }

func aliasOf(path []string) string {
	key := strings.ReplaceAll(strings.Join(path, delimiter), nameHolder, "default")
	for short, full := range aliases {
		if full == key {
			return short
		}
	}
	return ""
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
