package console

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"

	"github.com/mediaferry/mediaferry/tasks"
)

//go:embed messages
var messages embed.FS

// texts are the catalogs of all languages: a file for each page, in which each text has its languages side by side.
type texts struct {
	by map[string]*i18n.Localizer
}

// loadTexts reads the catalogs. A text is named FILE.KEY.
func loadTexts() (*texts, error) {
	bundle := i18n.NewBundle(language.English)
	names, err := fs.Glob(messages, "messages/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := addCatalog(bundle, name); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	t := &texts{map[string]*i18n.Localizer{}}
	for _, lang := range languages {
		t.by[lang] = i18n.NewLocalizer(bundle, lang)
	}
	return t, nil
}

// catalog has the texts of one file: by key and language, a text or its plural forms.
type catalog map[string]map[string]any

func readCatalog(name string) (catalog, error) {
	b, err := messages.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var c catalog
	return c, yaml.Unmarshal(b, &c)
}

func addCatalog(bundle *i18n.Bundle, name string) error {
	c, err := readCatalog(name)
	if err != nil {
		return err
	}
	prefix := strings.TrimSuffix(path.Base(name), ".yaml") + "."
	for key, langs := range c {
		for lang, text := range langs {
			m, err := i18n.NewMessage(text)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			m.ID = prefix + key
			if err := bundle.AddMessages(language.Make(lang), m); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

// text returns a text in a language. args are names and values; Count chooses the plural form.
func (t *texts) text(lang, id string, args ...any) string {
	c := &i18n.LocalizeConfig{MessageID: id}
	if len(args) > 0 {
		data := map[string]any{}
		for i := 0; i+1 < len(args); i += 2 {
			name, value := fmt.Sprint(args[i]), args[i+1]
			if n, ok := value.(int); ok {
				if name == "Count" {
					c.PluralCount = n
				}
				value = number(n)
			}
			data[name] = value
		}
		c.TemplateData = data
	}
	s, err := t.by[lang].Localize(c)
	if err != nil {
		return id // a test fails for texts that are missing
	}
	return s
}

// html is text for a text with markup: its args are escaped.
func (t *texts) html(lang, id string, args ...any) template.HTML {
	safe := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case template.HTML:
			safe[i] = string(a)
		case string:
			safe[i] = a
			if i%2 == 1 {
				safe[i] = template.HTMLEscapeString(a)
			}
		default:
			safe[i] = a
		}
	}
	return template.HTML(t.text(lang, id, safe...)) //nolint:gosec // the texts are ours, and what is put into them is escaped
}

// t returns a text in the reader's language.
func (v *visit) t(id string) string { return v.c.texts.text(v.lang, id) }

// th is t for a text with markup.
func (v *visit) th(id string, args ...any) template.HTML { return v.c.texts.html(v.lang, id, args...) }

// meaning says what happened, in the reader's language: what WeChat means by an errcode, or what a code of ours does.
func (v *visit) meaning(c tasks.Code, errcode int) string { return v.c.meaning(v.lang, c, errcode) }

func (c *Console) meaning(lang string, code tasks.Code, errcode int) string {
	if errcode != 0 && c.cfg.Explain != nil {
		if meaning, _, ok := c.cfg.Explain(errcode, lang); ok {
			return meaning
		}
	}
	if lang == "en" {
		return code.Meaning()
	}
	return c.texts.text(lang, "codes."+string(code))
}

// remedy says what to do about it.
func (v *visit) remedy(c tasks.Code, errcode int, hint string) string {
	return v.c.remedy(v.lang, c, errcode, hint)
}

func (c *Console) remedy(lang string, code tasks.Code, errcode int, hint string) string {
	if errcode != 0 && c.cfg.Explain != nil {
		if _, remedy, ok := c.cfg.Explain(errcode, lang); ok {
			return remedy
		}
	}
	switch {
	case lang != "en" && code.Hint() != "":
		return c.texts.text(lang, "codes."+string(code)+"_hint")
	case lang == "en" && hint != "":
		return hint
	}
	return code.Hint()
}
