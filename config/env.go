package config

import (
	"slices"
	"strconv"
	"strings"
)

const (
	prefix = "MEDIAFERRY_"
	nest   = "__"
)

// langVariable chooses the language of what people read. It is no setting: it counts before the settings are read.
const langVariable = prefix + "LANG"

// aliases are the variables with a name of their own: the WeChat side of an installation with one account.
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
		if !strings.HasPrefix(name, prefix) || name == pathVariable || name == langVariable || again {
			continue
		}
		key := l.keyOf(name)
		if key != errcodes {
			entries = append(entries, entry{key, name, name, value})
			continue
		}
		for _, pair := range split(value) {
			errcode, class, _ := strings.Cut(pair.(string), "=")
			entries = append(entries, entry{key + delimiter + errcode, name, name, class})
		}
	}
	return entries
}

// keyOf returns the key that a variable sets, known or not. A variable can't hold a small letter, a dash or a dot, so
// keyOf takes the spelling of a name from the settings file.
func (l *loader) keyOf(name string) string {
	suffix := ""
	if base, isFile := strings.CutSuffix(name, strings.ToUpper(fileSuffix)); isFile && aliases[base] != "" {
		name, suffix = base, fileSuffix
	}
	if key := aliases[name]; key != "" {
		return key + suffix
	}
	key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), nest, delimiter)
	section, rest, _ := strings.Cut(key, delimiter)
	written, rest, below := strings.Cut(rest, delimiter)
	for _, name := range l.k.MapKeys(section) {
		if below && fold(name) == written {
			return section + delimiter + name + delimiter + rest
		}
	}
	return key
}

// fold writes a name as a variable would, in lower case.
func fold(name string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToLower(name))
}

func variableOf(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, delimiter, nest))
}

func aliasOf(key string) string {
	for short, full := range aliases {
		if full == strings.Replace(key, anyName, "/default", 1) {
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

// isErrcode reports whether text is a number as it is usually written.
func isErrcode(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && strconv.Itoa(n) == text
}
