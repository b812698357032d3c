package lang

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
)

// Texts are the catalogs of a folder: YAML files in which each text has its languages side by side. A text is named
// FILE.KEY. Texts are safe for concurrent use.
type Texts struct {
	// Number writes the ints in texts. Nil: as digits.
	Number func(int) string
	by     map[Language]*i18n.Localizer
}

// Catalog has the texts of one file: by key and language, a text or its plural forms.
type Catalog map[string]map[Language]any

// Load reads the catalogs of a folder.
func Load(files fs.FS, folder string) (*Texts, error) {
	catalogs, err := Catalogs(files, folder)
	if err != nil {
		return nil, err
	}
	bundle := i18n.NewBundle(language.English)
	for file, c := range catalogs {
		for key, texts := range c {
			for l, text := range texts {
				m, err := i18n.NewMessage(text)
				if err != nil {
					return nil, fmt.Errorf("%s.%s: %w", file, key, err)
				}
				m.ID = file + "." + key
				if err := bundle.AddMessages(language.Make(string(l)), m); err != nil {
					return nil, fmt.Errorf("%s: %w", m.ID, err)
				}
			}
		}
	}
	t := &Texts{by: map[Language]*i18n.Localizer{}}
	for _, l := range Languages {
		t.by[l] = i18n.NewLocalizer(bundle, string(l))
	}
	return t, nil
}

// Catalogs reads the catalogs of a folder, by the names of their files.
func Catalogs(files fs.FS, folder string) (map[string]Catalog, error) {
	names, err := fs.Glob(files, folder+"/*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]Catalog{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var read map[string]map[string]any // nested maps are of the type of the one around them
		if err := yaml.Unmarshal(b, &read); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		c := Catalog{}
		for key, texts := range read {
			c[key] = map[Language]any{}
			for l, text := range texts {
				c[key][Language(l)] = text
			}
		}
		all[strings.TrimSuffix(path.Base(name), ".yaml")] = c
	}
	return all, nil
}

// Text returns a text in a language, or its name if there is no such text. args are names and values. An int under the name
// Count chooses the plural form.
func (t *Texts) Text(l Language, id string, args ...any) string {
	c := &i18n.LocalizeConfig{MessageID: id}
	if len(args) > 0 {
		data := map[string]any{}
		for i := 0; i+1 < len(args); i += 2 {
			name, value := fmt.Sprint(args[i]), args[i+1]
			n, isInt := value.(int)
			if isInt && name == "Count" {
				c.PluralCount = n
			}
			if isInt && t.Number != nil {
				value = t.Number(n)
			}
			data[name] = value
		}
		c.TemplateData = data
	}
	s, err := t.by[l].Localize(c)
	if err != nil {
		return id // a test fails for texts that are missing
	}
	return s
}
