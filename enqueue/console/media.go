package console

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) mediaRoutes() {
	c.page("GET /media", enqueue.AccessRead, c.media)
	c.page("GET /media/{id}", enqueue.AccessRead, c.medium)
	c.page("POST /media/{id}/renew", enqueue.AccessSubmit, c.renewMedia)
	c.page("POST /media/{id}/forget", enqueue.AccessSubmit, c.forgetMedia)
	c.page("POST /media/{id}/invalid", enqueue.AccessSubmit, c.invalidMedia)
}

const (
	// soon is how long before its end a media that nothing keeps alive is marked.
	soon = 12 * time.Hour
	// renewWait is how long a press of the button waits for the new media_id. A page shows what takes longer.
	renewWait = 10 * time.Second
)

// mediaData is what the list of live media shows.
type mediaData struct {
	choice   mediaChoice
	Query    string
	Hidden   []field // the rest of the choice, for the form
	Rows     []mediumRow
	Next     string
	Later    bool // this is not the first page
	Facets   []facet
	First    string // the first page
	Filtered bool
	Done     string // what was just done: "forgotten", "invalid", "renewing"
}

// mediumRow is a media in the list.
type mediumRow struct {
	tasks.KnownMedia
	Row  string // what it is known by while its media_id changes
	Soon bool
}

// field is a hidden one of a form.
type field struct{ Name, Value string }

// mediaChoice is the address of the list, in the words of the API.
type mediaChoice struct{ query, account, kind, producer, kept, within string }

func (v *visit) mediaChoice() mediaChoice {
	m := mediaChoice{strings.TrimSpace(v.FormValue("q")), v.FormValue("account"), v.FormValue("type"), v.FormValue("producer"), "", ""}
	switch {
	case v.FormValue("kept") == "true":
		m.kept = "kept"
	case v.FormValue("unkept") == "true":
		m.kept = "unkept"
	}
	if v.FormValue("within") != "" {
		m.within = "soon"
	}
	return m
}

// fields are the choice without the text.
func (m mediaChoice) fields() []field {
	var all []field
	add := func(name, value string) {
		if value != "" {
			all = append(all, field{name, value})
		}
	}
	add("account", m.account)
	add("type", m.kind)
	add("producer", m.producer)
	if m.kept != "" {
		add(m.kept, "true")
	}
	if m.within != "" {
		add("within", "43200")
	}
	return all
}

func (m mediaChoice) url(cursor string) string {
	q := url.Values{}
	for _, f := range append(m.fields(), field{"q", m.query}, field{"cursor", cursor}) {
		if f.Value != "" {
			q.Set(f.Name, f.Value)
		}
	}
	if len(q) == 0 {
		return "/media"
	}
	return "/media?" + q.Encode()
}

func (m mediaChoice) filter(who enqueue.Caller) (tasks.MediaFilter, error) {
	f := tasks.MediaFilter{
		Account: m.account, Accounts: who.Accounts, Producer: cmp.Or(who.Sees(), m.producer), Query: m.query, Kept: m.kept == "kept", Unkept: m.kept == "unkept", Limit: rowsPerPage,
	}
	if m.within != "" {
		f.Within = soon
	}
	var err error
	if m.kind != "" {
		f.Type, err = tasks.ParseMediaType(m.kind)
	}
	return f, err
}

func (c *Console) media(v *visit) (answer, error) {
	m := v.mediaChoice()
	f, err := m.filter(v.who)
	if err != nil {
		return nil, err
	}
	f.Cursor = v.FormValue("cursor")
	d := mediaData{choice: m, Query: m.query, Hidden: m.fields(), First: m.url(""), Filtered: m != mediaChoice{}, Later: f.Cursor != ""}
	if done := v.FormValue("done"); done == "forgotten" || done == "invalid" || done == "renewing" {
		d.Done = done
	}
	rows, next, err := c.cfg.Ledger.LiveMedia(v.Context(), f)
	if err != nil {
		return nil, err
	}
	for _, k := range rows {
		d.Rows = append(d.Rows, mediumRow{k, k.Account + "-" + string(k.Type) + "-" + cmp.Or(k.SHA256, k.MediaID), k.Kept.IsZero() && k.ExpiresAt.Sub(c.now()) < soon})
	}
	if next != "" {
		d.Next = m.url(next)
	}
	p := page{name: "media", title: v.t("media.title"), data: &d, every: 5}
	return p, c.mediaFacets(v, &d)
}

// mediaFacets offers what may be chosen with a click.
func (c *Console) mediaFacets(v *visit, d *mediaData) error {
	add := func(key, value string, of func(*mediaChoice) *string) {
		to := d.choice
		on := *of(&to) == value
		*of(&to) = value
		if on {
			*of(&to) = ""
		}
		d.Facets = append(d.Facets, facet{Key: key, Value: value, URL: to.url(""), On: on, Count: -1})
	}
	for _, kept := range []string{"kept", "unkept"} {
		add("kept", kept, func(m *mediaChoice) *string { return &m.kept })
	}
	add("within", "soon", func(m *mediaChoice) *string { return &m.within })
	for _, t := range tasks.MediaTypes {
		add("type", string(t), func(m *mediaChoice) *string { return &m.kind })
	}
	accounts, err := c.cfg.Ledger.Accounts(v.Context())
	for _, a := range accounts {
		if v.who.MayUse(a.Name) && len(accounts) > 1 {
			add("account", a.Name, func(m *mediaChoice) *string { return &m.account })
		}
	}
	if d.choice.producer != "" && v.who.Staff() {
		add("producer", d.choice.producer, func(m *mediaChoice) *string { return &m.producer })
	}
	return err
}

// mediumData is what the page of one media shows.
type mediumData struct {
	tasks.KnownMedia
	Soon    bool
	Was     string // the media_id that it took the place of just now
	Preview bool
	Raw     tasks.KnownMedia // as the API has it
}

func (c *Console) medium(v *visit) (answer, error) {
	m, err := c.known(v)
	if err != nil {
		return nil, err
	}
	d := mediumData{KnownMedia: m, Soon: m.Kept.IsZero() && m.ExpiresAt.Sub(c.now()) < soon, Was: v.FormValue("was"), Raw: m}
	d.Preview = c.cfg.Files != nil && m.Source != "" && v.who.Owns(m.Producer) && c.previewable(v, tasks.Outcome{Source: m.Source})
	return page{name: "medium", title: cmp.Or(m.Filename, m.MediaID), data: d, every: 5}, nil
}

// known is the media that the address names.
func (c *Console) known(v *visit) (tasks.KnownMedia, error) {
	m, err := c.cfg.Ledger.KnownMedia(v.Context(), v.PathValue("id"), v.who.Accounts, v.who.Sees())
	return v.who.Media(m), err
}

// renew uploads the content of a media again, and returns the outcome. It is not final where that takes longer than renewWait.
// A failure is returned as an error.
func (c *Console) renew(v *visit, mediaID string) (tasks.Outcome, error) {
	if err := c.cfg.Producer(v.who).Charge(v.Context()); err != nil {
		return tasks.Outcome{}, err
	}
	id, err := c.cfg.Ledger.RenewMedia(v.Context(), mediaID, v.who.Accounts, v.who.Sees())
	if err != nil {
		return tasks.Outcome{}, err
	}
	c.nudge()
	c.log.InfoContext(v.Context(), "media renewed", "upload_id", id, "by", v.who.Name)
	waiting, cancel := context.WithTimeout(v.Context(), renewWait)
	defer cancel()
	o, err := c.renewals.Await(waiting, id)
	if err == nil && o.State.Final() && o.State != tasks.Succeeded {
		err = &tasks.Error{Code: cmp.Or(o.Code, tasks.Conflict), Op: "renew media", Errcode: o.Errcode, RID: o.RID, Err: errors.New(cmp.Or(o.Reason, string(o.State))), Hint: o.Hint}
	}
	return o, err
}

func (c *Console) renewMedia(v *visit) (answer, error) {
	m, err := c.known(v)
	if err != nil {
		return nil, err
	}
	o, err := c.renew(v, m.MediaID)
	if err != nil {
		return nil, err
	}
	if !o.State.Final() {
		return mediaPage(m, "renewing"), nil
	}
	return seeOther(mediumURL(o.MediaID) + "?" + url.Values{"was": {m.MediaID}}.Encode()), nil
}

func (c *Console) forgetMedia(v *visit) (answer, error) {
	err := c.cfg.Ledger.Forget(v.Context(), v.PathValue("id"), v.who.Accounts, v.who.Sees())
	return seeOther("/media?done=forgotten"), err
}

func (c *Console) invalidMedia(v *visit) (answer, error) {
	m, err := c.known(v)
	if err == nil {
		err = c.cfg.Producer(v.who).TakeRate()
	}
	if err != nil {
		return nil, err
	}
	renewing, err := c.cfg.Ledger.Invalid(v.Context(), m.MediaID, v.who.Accounts, v.who.Sees())
	if err != nil || !renewing {
		return seeOther("/media?done=invalid"), err
	}
	c.nudge()
	return mediaPage(tasks.KnownMedia{}, "renewing"), nil
}

// mediaPage is the list with the one row of a content, which stays while its media_id changes.
func mediaPage(m tasks.KnownMedia, done string) seeOther {
	to := mediaChoice{query: m.SHA256}.url("")
	mark := "?"
	if m.SHA256 != "" {
		mark = "&"
	}
	return seeOther(to + mark + "done=" + done)
}

func mediumURL(mediaID string) string { return "/media/" + url.PathEscape(mediaID) }
