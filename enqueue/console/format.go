package console

import (
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/mediaferry/mediaferry/tasks"
)

// funcs are what templates can call, in one language.
func (c *Console) funcs(lang string) template.FuncMap {
	t := func(id string, args ...any) string { return c.texts.text(lang, id, args...) }
	return template.FuncMap{
		"t":       t,
		"th":      func(id string, args ...any) template.HTML { return c.texts.html(lang, id, args...) },
		"number":  number,
		"share":   share,
		"bytes":   bytesText,
		"ago":     func(at time.Time) template.HTML { return c.moment(lang, at) },
		"took":    took,
		"seconds": func(s float64) string { return took(time.Duration(s * float64(time.Second))) },
		"span":    func(d time.Duration) string { return spanText(lang, d) },
		"id":      func(s any) template.HTML { return idText(fmt.Sprint(s), t("words.copy")) },
		"icon":    icon,
		"asset":   assetPath,
		"base":    path.Base,
		"dir":     dirOf,
		"meaning": func(code tasks.Code, errcode int) string { return c.meaning(lang, code, errcode) },
		"remedy": func(code tasks.Code, errcode int, hint string, values ...tasks.Params) string {
			return c.remedy(lang, code, errcode, hint, values...)
		},
		"reason": func(code tasks.Code, errcode int, english string, values tasks.Params) string {
			return c.reason(lang, code, errcode, english, values)
		},
		"upto":   func(q ...string) string { return "/uploads?q=" + url.QueryEscape(strings.Join(q, " ")) },
		"query":  url.QueryEscape,
		"medium": mediumURL,
		"pretty": pretty,
		"add":    func(a, b int) int { return a + b },
		"list":   func(xs ...any) []any { return xs },
	}
}

// number writes n with commas.
func number(n int) string { return humanize.Comma(int64(n)) }

// share writes a part of a whole as a percentage with three figures that are never rounded up to all.
func share(part, whole int) string {
	if whole <= 0 {
		return "–"
	}
	if part >= whole {
		return "100 %"
	}
	p := math.Floor(float64(part)*1000/float64(whole)) / 10
	if part > 0 && p == 0 {
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}

func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	return humanize.IBytes(uint64(n))
}

// took writes how long something lasted.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// spanText writes a stretch of time in its two largest units.
func spanText(lang string, d time.Duration) string {
	d = d.Abs()
	units := map[string][4]string{"en": {" d", " h", " min", " s"}, "zh": {" 天", " 小时", " 分钟", " 秒"}}[lang]
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days >= 3:
		return fmt.Sprint(days, units[0])
	case days > 0:
		return fmt.Sprint(days, units[0], " ", hours, units[1])
	case hours >= 6, hours > 0 && minutes == 0:
		return fmt.Sprint(hours, units[1])
	case hours > 0:
		return fmt.Sprint(hours, units[1], " ", minutes, units[2])
	case minutes > 0:
		return fmt.Sprint(minutes, units[2])
	}
	return fmt.Sprint(int(d.Seconds()), units[3])
}

// moment shows how long ago a time is, or how far ahead, with the exact one in its title.
func (c *Console) moment(lang string, at time.Time) template.HTML {
	if at.IsZero() {
		return "–"
	}
	d := c.now().Sub(at)
	id := "words.ago"
	switch {
	case d.Abs() < time.Second:
		id = "words.now"
	case d < 0:
		id = "words.ahead"
	}
	text := c.texts.text(lang, id, "Span", spanText(lang, d))
	stamp := at.UTC().Format(time.RFC3339)
	return template.HTML(`<time datetime="` + stamp + `" title="` + at.UTC().Format("2006-01-02 15:04:05 UTC") + `">` + template.HTMLEscapeString(text) + `</time>`) //nolint:gosec // escaped
}

// idText shows a long id cut in the middle, with a button that copies the whole.
func idText(s, copyIt string) template.HTML {
	shown := s
	if r := []rune(s); len(r) > 20 {
		shown = string(r[:9]) + "…" + string(r[len(r)-6:])
	}
	e := template.HTMLEscapeString
	return template.HTML(`<span class="id"><code title="` + e(s) + `">` + e(shown) + `</code><button type="button" class="copy" data-copy="` + e(s) + //nolint:gosec // escaped
		`" aria-label="` + e(copyIt) + `" title="` + e(copyIt) + `">` + string(icon("copy")) + `</button></span>`)
}

// dirOf is the folder that a source lies in.
func dirOf(source string) string {
	if i := strings.LastIndex(source, "/"); i > 0 {
		return source[:i]
	}
	return ""
}

// pretty writes JSON with indents.
func pretty(v any) (string, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return string(b), err
}

// icons are drawn on 16 by 16, by lines of the text's colour.
var icons = map[string]string{ //nolint:gochecknoglobals // a table
	"image":     `<rect x="2" y="3" width="12" height="10" rx="1.5"/><circle cx="5.6" cy="6.4" r="1.1"/><path d="M2.5 12l3.6-3.4 2.2 2 2.9-3.1 2.6 2.9"/>`,
	"voice":     `<rect x="6" y="2" width="4" height="7.5" rx="2"/><path d="M3.5 7.5a4.5 4.5 0 0 0 9 0M8 12v2"/>`,
	"video":     `<rect x="1.5" y="4" width="9" height="8" rx="1.5"/><path d="M10.5 7l4-2v6l-4-2"/>`,
	"thumb":     `<rect x="4" y="4" width="8" height="8" rx="1"/><path d="M4.3 10.6l2.3-2.1 1.4 1.2 1.6-1.8 2.1 2.2"/>`,
	"succeeded": `<path d="M3 8.5l3.2 3L13 4.5"/>`,
	"failed":    `<path d="M4 4l8 8M12 4l-8 8"/>`,
	"canceled":  `<circle cx="8" cy="8" r="5.5"/><path d="M4.2 11.8l7.6-7.6"/>`,
	"queued":    `<path d="M3 4.5h10M3 8h10M3 11.5h6"/>`,
	"running":   `<path d="M8 12.5v-9M4.5 7L8 3.5 11.5 7"/>`,
	"waiting":   `<circle cx="8" cy="8" r="5.5"/><path d="M8 5v3.2l2 1.6"/>`,
	"held":      `<path d="M6 4v8M10 4v8"/>`,
	"copy":      `<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2"/>`,
	"reused":    `<path d="M3 6.5A5.2 5.2 0 0 1 12.5 6M13 9.5A5.2 5.2 0 0 1 3.5 10M12.8 2.8V6H9.6M3.2 13.2V10h3.2"/>`,
	"kept":      `<path d="M8 8C6.5 5.9 5.5 5 4.3 5a3 3 0 0 0 0 6C5.5 11 6.5 10.1 8 8s2.5-3 3.7-3a3 3 0 0 1 0 6C10.5 11 9.5 10.1 8 8z"/>`,
	"unkept":    `<path d="M4.5 2.5h7M4.5 13.5h7M5.5 2.5v2.2L8 8l2.5-3.3V2.5M5.5 13.5v-2.2L8 8l2.5 3.3v2.2"/>`,
	"soon":      `<circle cx="8" cy="8.5" r="5"/><path d="M8 5.8v2.9l1.8 1.2M6.5 1.8h3"/>`,
	"hook":      `<path d="M2 8h9M8 4.5L11.5 8 8 11.5M14 3v10"/>`,
	"accepted":  `<path d="M8 2.5v7M5 6.8l3 2.9 3-2.9M3 13h10"/>`,
	"warn":      `<path d="M8 2.5l6 10.5H2z"/><path d="M8 6.5v3M8 11.2v.3"/>`,
	"menu":      `<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>`,
}

func icon(name any) template.HTML {
	return template.HTML(`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">` + icons[fmt.Sprint(name)] + `</svg>`) //nolint:gosec // ours
}
