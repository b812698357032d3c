// Package words has what the command line says to people, in their language. A text is named FILE.KEY and stands in
// messages/FILE.yaml, with its languages side by side; a file is named after a command, or after the idea that several
// commands share. Help texts and headings of tables stand in the code in English, and have their Chinese here.
//
// Logs, JSON names and the headers of CSV are no texts, and never change.
package words

import (
	"embed"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

//go:embed messages help
var files embed.FS

// load reads the catalogs once for all.
var load = sync.OnceValues(func() (*lang.Texts, error) { return lang.Load(files, "messages") })

// Words says things in one language. A nil Words speaks English, and knows no errcodes.
type Words struct {
	language lang.Language
	texts    *lang.Texts
	reasons  *lang.Reasons
}

// New returns the words of a language. explain knows the errcodes.
func New(l lang.Language, explain lang.Explain) (*Words, error) {
	texts, err := load()
	if err != nil {
		return nil, err
	}
	reasons, err := lang.NewReasons(explain)
	if err != nil {
		return nil, err
	}
	return &Words{l, texts, reasons}, nil
}

// Language is the one that is spoken.
func (w *Words) Language() lang.Language {
	if w == nil {
		return lang.English
	}
	return w.language
}

// English reports whether English is spoken.
func (w *Words) English() bool { return w.Language() == lang.English }

// T returns a text. args are names and values; an int named Count chooses the plural form.
func (w *Words) T(id string, args ...any) string {
	if w == nil {
		texts, err := load()
		if err != nil {
			return id
		}
		return texts.Text(lang.English, id, args...)
	}
	return w.texts.Text(w.language, id, args...)
}

// Headings returns the headings of a table, which are given in English.
func (w *Words) Headings(english ...string) []string {
	if w.English() {
		return english
	}
	own := make([]string, len(english))
	for i, h := range english {
		if h != "" {
			own[i] = w.T("headings." + h)
		}
	}
	return own
}

// Reason says why an upload failed or waits, or why an account is held.
func (w *Words) Reason(c lang.Cause) string {
	if w.English() {
		return c.Reason
	}
	return w.reasons.Reason(w.language, c)
}

// Remedy says what to do about it.
func (w *Words) Remedy(c lang.Cause) string {
	if w.English() {
		return c.Hint
	}
	return w.reasons.Remedy(w.language, c)
}

// Meaning says in a few words what a code means, or what an errcode that led to it does.
func (w *Words) Meaning(c tasks.Code, errcode int) string {
	if w.English() {
		return c.Meaning()
	}
	return w.reasons.Meaning(w.language, c, errcode)
}

// Hint says what a code itself advises.
func (w *Words) Hint(c tasks.Code) string { return w.Remedy(lang.Cause{Code: c, Hint: c.Hint()}) }

// Type is the name of a media type.
func (w *Words) Type(t tasks.MediaType) string {
	if w.English() {
		return string(t)
	}
	return w.reasons.Type(w.language, t)
}

// State is the name of a state.
func (w *Words) State(s tasks.State) string {
	if w.English() {
		return string(s)
	}
	return w.reasons.State(w.language, s)
}

// Join joins the parts of an enumeration.
func (w *Words) Join(parts []string) string { return strings.Join(parts, w.T("words.comma")) }

// Error says what went wrong. What stands around the failure that somebody can act on stays in the words of others.
func (w *Words) Error(err error) string {
	if w.English() {
		return err.Error()
	}
	var said interface {
		error
		Text
	}
	var e *tasks.Error
	var done *exit.Error
	switch {
	case errors.As(err, &said):
		return said.In(w)
	case errors.As(err, &e) && e.Values().Text != nil:
		return w.Reason(lang.CauseOfError(e))
	case errors.As(err, &e) && e.Code == tasks.Invalid:
		return w.T("words.usage", "Text", err.Error())
	case errors.As(err, &e):
		c := lang.CauseOfError(e)
		c.Reason = err.Error()
		return w.Reason(c)
	case errors.As(err, &done) && done.Code == tasks.ExitUsage:
		return w.T("words.usage", "Text", w.reasons.Error(w.language, err))
	}
	return w.reasons.Error(w.language, err)
}

// Advice says what to do about an error, or "".
func (w *Words) Advice(err error) string {
	var e *tasks.Error
	if !errors.As(err, &e) {
		return ""
	}
	return w.Remedy(lang.CauseOfError(e))
}

// Span is a span to the second: 1m5s, or in Chinese its largest unit.
func (w *Words) Span(d time.Duration) string {
	if w.English() {
		return d.Round(time.Second).String()
	}
	return w.Age(d)
}

// Age is a span in its largest unit: 5s, 12m, 3h, 9d; 5 秒, 12 分钟, 3 小时, 9 天.
func (w *Words) Age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return w.T("words.seconds", "N", int(d.Seconds()))
	case d < time.Hour:
		return w.T("words.minutes", "N", int(d.Minutes()))
	case d < 48*time.Hour:
		return w.T("words.hours", "N", int(d.Hours()))
	default:
		return w.T("words.days", "N", int(d.Hours()/24))
	}
}
