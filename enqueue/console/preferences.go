package console

import (
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/tasks/lang"
)

const (
	langCookie  = "mediaferry_lang"
	themeCookie = "mediaferry_theme"
	// prefersFor is how long a browser keeps what its reader prefers.
	prefersFor = 365 * 24 * time.Hour
)

// languages are those that the console speaks, the default first.
var languages = [...]string{"en", "zh"} //nolint:gochecknoglobals // a table

// language returns the one that the reader has chosen, or that the browser asks for.
func (c *Console) language(r *http.Request) string {
	if k, err := r.Cookie(langCookie); err == nil {
		for _, l := range languages {
			if l == k.Value {
				return l
			}
		}
	}
	return string(lang.OfHeader(r.Header.Get("Accept-Language")))
}

// themeOf returns "dark" or "light" as the reader has chosen, and "" for what the browser prefers.
func themeOf(r *http.Request) string {
	if k, err := r.Cookie(themeCookie); err == nil && (k.Value == "dark" || k.Value == "light") {
		return k.Value
	}
	return ""
}

// prefer keeps the language or the theme that the reader has chosen.
func (c *Console) prefer(v *visit) (answer, error) {
	for form, cookie := range map[string]string{"lang": langCookie, "theme": themeCookie} {
		if value := v.FormValue(form); value != "" && len(value) <= 5 {
			http.SetCookie(v.w, &http.Cookie{
				Name: cookie, Value: value, Path: "/", MaxAge: int(prefersFor / time.Second), SameSite: http.SameSiteStrictMode, HttpOnly: true, Secure: c.secure(v.Request),
			})
		}
	}
	return seeOther(ownPath(v.FormValue("back"))), nil
}
