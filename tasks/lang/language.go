// Package lang says things in the reader's language: it reads catalogs of texts, and puts into words what happened to an
// upload. Logs, JSON names and CSV headers are no texts: they are English everywhere.
package lang

import (
	"strings"

	"golang.org/x/text/language"
)

// Language is one that texts exist in.
type Language string

// The languages.
const (
	English Language = "en"
	Chinese Language = "zh"
)

// Languages lists all of them, the default first.
var Languages = [...]Language{English, Chinese}

// Variable chooses the language of mediaferry alone.
const Variable = "MEDIAFERRY_LANG"

// OfEnvironment returns the language that the variables ask for: MEDIAFERRY_LANG, and then those of POSIX in its order,
// LC_ALL, LC_MESSAGES and LANG. The first that is not empty decides. A language without texts is answered in English.
func OfEnvironment(environ []string) Language {
	set := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		set[name] = value
	}
	for _, name := range []string{Variable, "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := set[name]; value != "" {
			return ofLocale(value)
		}
	}
	return English
}

// ofLocale returns the language of a locale such as zh_CN.UTF-8.
func ofLocale(locale string) Language {
	name := strings.ToLower(locale)
	if i := strings.IndexAny(name, "_-.@"); i >= 0 {
		name = name[:i]
	}
	if name == string(Chinese) {
		return Chinese
	}
	return English
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.Chinese}) //nolint:gochecknoglobals // a table

// OfHeader returns the language that an Accept-Language header asks for; English if it asks for none that there is.
func OfHeader(accept string) Language {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return English
	}
	_, i, _ := matcher.Match(wanted...)
	return Languages[i]
}
