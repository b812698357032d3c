package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

//go:embed templates
var templates embed.FS

// page is an answer that a template renders.
type page struct {
	name   string // of the template
	title  string
	status int // 0: 200
	data   any
	// every is the number of seconds after which the page looks again although nothing has told it to; 0: never.
	every int
	still bool // it does not change by itself
}

// room is a page of the menu.
type room struct {
	Name, Path string
	Access     enqueue.Access
}

// rooms are the pages of the menu, in its order. Their names are those of their templates and texts.
var rooms = []room{ //nolint:gochecknoglobals // a table
	{"overview", "/", enqueue.AccessWatch},
	{"uploads", "/uploads", enqueue.AccessRead},
	{"failures", "/failures", enqueue.AccessWatch},
	{"batches", "/batches", enqueue.AccessRead},
	{"media", "/media", enqueue.AccessRead},
	{"new", "/new", enqueue.AccessSubmit},
	{"webhooks", "/webhooks", enqueue.AccessRead},
	{"accounts", "/accounts", enqueue.AccessRead},
	{"system", "/system", enqueue.AccessWatch},
}

// roomOf returns the room that a page belongs to.
func roomOf(name string) string {
	switch name {
	case "upload", "preview", "action":
		return "uploads"
	case "medium":
		return "media"
	case "batch":
		return "batches"
	}
	return name
}

// frame is what the layout shows around a page.
type frame struct {
	Lang, Theme string
	Title       string
	Who         enqueue.Caller
	In          bool
	Rooms       []room
	Here        string // the name of its room
	Self        string // its address
	Every       int
	Still       bool
	Version     string
	Data        any
}

// May reports whether the reader may press what has the access.
func (f frame) May(a string) bool { return enqueue.Access(a).Admits(f.Who.Role) }

func (p page) write(v *visit) error {
	f := frame{
		Lang: v.lang, Theme: v.theme, Title: p.title, Who: v.who, In: v.session != (tasks.Hash{}), Here: roomOf(p.name), Self: v.URL.RequestURI(),
		Every: p.every, Still: p.still, Version: v.c.cfg.Version, Data: p.data,
	}
	if v.Method != http.MethodGet {
		f.Self, f.Still = "/", true
	}
	f.Rooms = slices.DeleteFunc(slices.Clone(rooms), func(r room) bool { return !r.Access.Admits(v.who.Role) })
	var b bytes.Buffer
	if err := v.c.pages[v.lang].ExecuteTemplate(&b, p.name, f); err != nil {
		return fmt.Errorf("render %s: %w", p.name, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.lang)
	h.Add("Vary", "Accept-Language, Cookie")
	if p.status != 0 {
		v.w.WriteHeader(p.status)
	}
	_, _ = b.WriteTo(v.w) // an error means that the connection is gone
	return nil
}

// parsePages parses the templates once for each language. A template is named as its file.
func (c *Console) parsePages() (map[string]*template.Template, error) {
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := map[string]*template.Template{}
	for _, lang := range languages {
		set := template.New("").Funcs(c.funcs(lang)).Option("missingkey=error")
		for _, name := range names {
			b, err := templates.ReadFile(name)
			if err != nil {
				return nil, err
			}
			if _, err := set.New(strings.TrimSuffix(path.Base(name), ".html")).Parse(string(b)); err != nil {
				return nil, fmt.Errorf("parse %s: %w", name, err)
			}
		}
		all[lang] = set
	}
	return all, nil
}
