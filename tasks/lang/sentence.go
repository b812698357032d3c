package lang

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/mediaferry/mediaferry/tasks"
)

// sentences are the texts that the code has in English (tasks.Text, and hints without values), in the other languages. They stand
// in the folder sentences, in a file for each package that says them.
type sentences map[string]map[Language]string

func loadSentences() (sentences, error) {
	catalogs, err := Catalogs(messages, "sentences")
	if err != nil {
		return nil, err
	}
	all := sentences{}
	for _, c := range catalogs {
		for english, texts := range c {
			all[english] = map[Language]string{}
			for l, text := range texts {
				all[english][l], _ = text.(string)
			}
		}
	}
	return all, nil
}

// say puts a sentence into a language. It reports false if it does not know it.
func (s sentences) say(l Language, t *tasks.Text) (string, bool) {
	if t == nil {
		return "", false
	}
	format := s[t.Format][l]
	if format == "" && len(t.Parts) > 0 && !hasWords(t.Format) { // it only joins what others say
		format = joints.Replace(t.Format)
	}
	return t.Fill(format), format != ""
}

// joints are how sentences are joined in Chinese.
var joints = strings.NewReplacer(": ", "：", "; ", "；", ", ", "，")

// hasWords reports whether a format says something itself, and not only what its values say.
func hasWords(format string) bool {
	return strings.ContainsFunc(verb.ReplaceAllString(format, ""), unicode.IsLetter)
}

// Error says an error in a language. What is ours in it is translated, and the words of others stay as they are.
func (r *Reasons) Error(l Language, err error) string {
	if err == nil || l == English {
		return errorText(err)
	}
	switch e := err.(type) { //nolint:errorlint // it looks at every link of the chain
	case *tasks.Text:
		return r.text(l, e)
	case *tasks.Error:
		return r.Reason(l, CauseOfError(e))
	case interface{ Unwrap() []error }:
		said := err.Error()
		for _, part := range e.Unwrap() {
			said = replaceLast(said, part.Error(), r.Error(l, part))
		}
		return said
	}
	if cause := errors.Unwrap(err); cause != nil {
		return replaceLast(err.Error(), cause.Error(), r.Error(l, cause))
	}
	if format := r.sentences[err.Error()][l]; format != "" {
		return format
	}
	return err.Error()
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// text is a sentence with those that stand in it. One that is not known stays in English.
func (r *Reasons) text(l Language, t *tasks.Text) string {
	said, known := r.sentences.say(l, t)
	if !known {
		said = t.Error()
	}
	for _, part := range t.Parts {
		said = replaceLast(said, part.Error(), r.text(l, part))
	}
	return said
}

// replaceLast puts the translation of a part, which stands at the end of most texts, in its place.
func replaceLast(s, old, now string) string {
	i := strings.LastIndex(s, old)
	if i < 0 || old == "" {
		return s
	}
	return s[:i] + now + s[i+len(old):]
}

// Sentences are all that are known in a language, by their English format.
func (r *Reasons) Sentences(l Language) map[string]string {
	all := map[string]string{}
	for english, texts := range r.sentences {
		all[english] = texts[l]
	}
	return all
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?(?:\[[0-9]+\])?[a-zA-Z%]`)

// VerbsOf returns the number of values that a format takes.
func VerbsOf(format string) int {
	return len(slices.DeleteFunc(verb.FindAllString(format, -1), func(v string) bool { return strings.HasSuffix(v, "%") }))
}
