package console

import (
	"embed"
	"html/template"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

//go:embed messages
var messages embed.FS

// texts are the catalogs of all languages: a file for each page, in which each text has its languages side by side.
type texts struct {
	catalogs *lang.Texts
	reasons  *lang.Reasons
}

// loadTexts reads the catalogs. A text is named FILE.KEY.
func loadTexts(explain lang.Explain) (*texts, error) {
	catalogs, err := lang.Load(messages, "messages")
	if err != nil {
		return nil, err
	}
	catalogs.Number = number
	reasons, err := lang.NewReasons(explain)
	return &texts{catalogs, reasons}, err
}

// text returns a text in a language. args are names and values; Count chooses the plural form.
func (t *texts) text(l, id string, args ...any) string {
	return t.catalogs.Text(lang.Language(l), id, args...)
}

// html is text for a text with markup: its args are escaped.
func (t *texts) html(l, id string, args ...any) template.HTML {
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
	return template.HTML(t.text(l, id, safe...)) //nolint:gosec // the texts are ours, and what is put into them is escaped
}

// t returns a text in the reader's language.
func (v *visit) t(id string) string { return v.c.texts.text(v.lang, id) }

// th is t for a text with markup.
func (v *visit) th(id string, args ...any) template.HTML { return v.c.texts.html(v.lang, id, args...) }

// meaning says what happened, in the reader's language: what WeChat means by an errcode, or what a code of ours does.
func (v *visit) meaning(c tasks.Code, errcode int) string { return v.c.meaning(v.lang, c, errcode) }

func (c *Console) meaning(l string, code tasks.Code, errcode int) string {
	return c.texts.reasons.Meaning(lang.Language(l), code, errcode)
}

// remedy says what to do about it.
func (v *visit) remedy(c tasks.Code, errcode int) string {
	return v.c.remedy(v.lang, c, errcode, "")
}

func (c *Console) remedy(l string, code tasks.Code, errcode int, hint string, values ...tasks.Params) string {
	cause := lang.Cause{Code: code, Errcode: errcode, Hint: hint}
	for _, p := range values {
		cause.Params = p
	}
	return c.texts.reasons.Advice(lang.Language(l), cause)
}

// reason says what happened, with its values.
func (c *Console) reason(l string, code tasks.Code, errcode int, english string, values tasks.Params) string {
	return c.texts.reasons.Reason(lang.Language(l), lang.Cause{Code: code, Errcode: errcode, Reason: english, Params: values})
}
