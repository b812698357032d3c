package console

import (
	"net/url"
	"strings"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) uploadsRoutes() { c.page("GET /uploads", enqueue.AccessRead, c.uploads) }

const rowsPerPage = 50

// uploadsData is what the list shows.
type uploadsData struct {
	Line     string
	Wrong    string // what is wrong with the line
	Rows     []tasks.Outcome
	Next     string // where older ones are
	Later    bool   // this is not the first page
	First    string // the first page
	Facets   []facet
	Suggest  []string // whole words that the line may have
	Filtered bool
	Matched  int  // -1: it is not counted
	More     bool // so many and more
}

// mostCounted is how far the rows that match are counted.
const mostCounted = 10_000

// facet is a link that changes one word of the line.
type facet struct {
	Key, Value string
	URL        string
	On         bool
	Count      int // -1: it is not counted
}

func (c *Console) uploads(v *visit) (answer, error) {
	l := parseLine(v.FormValue("q"))
	d := uploadsData{Line: l.String(), Filtered: len(l) > 0, Later: v.FormValue("cursor") != "", First: uploadsURL(l, "")}
	f, err := l.filter(c.now())
	if err != nil {
		d.Wrong = tasks.AsError(err).Err.Error()
	} else {
		f = v.who.Confined(f)
		f.Cursor, f.Limit = v.FormValue("cursor"), rowsPerPage
		rows, next, err := c.cfg.Ledger.List(v.Context(), f)
		if err != nil {
			return nil, err
		}
		d.Rows = rows
		n, whole, err := c.cfg.Ledger.CountUpTo(v.Context(), f, mostCounted)
		if err != nil {
			return nil, err
		}
		d.Matched, d.More = n, !whole
		if next != "" {
			d.Next = uploadsURL(l, next)
		}
	}
	if err := c.facets(v, l, &d); err != nil {
		return nil, err
	}
	return page{name: "uploads", title: v.t("uploads.title"), data: d, every: 5}, nil
}

func uploadsURL(l line, cursor string) string {
	q := url.Values{}
	if len(l) > 0 {
		q.Set("q", l.String())
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return "/uploads"
	}
	return "/uploads?" + strings.ReplaceAll(q.Encode(), "%3A", ":")
}

// facets offers the states, types and accounts. How many uploads are in a state is known of all of them, not of a choice.
func (c *Console) facets(v *visit, l line, d *uploadsData) error {
	counts := map[tasks.State]int{}
	whole := v.may(enqueue.AccessWatch) && len(l.with("state", "")) == 0
	if whole {
		st, err := c.cfg.Ledger.Status(v.Context())
		if err != nil {
			return err
		}
		counts = st.Counts
	}
	add := func(key, value string, count int) {
		on := l.get(key) == value
		to := l.with(key, value)
		if on {
			to = l.with(key, "")
		}
		d.Facets = append(d.Facets, facet{key, value, uploadsURL(to, ""), on, count})
		d.Suggest = append(d.Suggest, term{key, value}.String())
	}
	for _, s := range tasks.States {
		n := -1
		if whole {
			n = counts[s]
		}
		add("state", string(s), n)
	}
	for _, t := range tasks.MediaTypes {
		add("type", string(t), -1)
	}
	accounts, err := c.cfg.Ledger.Accounts(v.Context())
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if v.who.MayUse(a.Name) && len(accounts) > 1 {
			add("account", a.Name, -1)
		}
	}
	for _, key := range keys {
		if key != "state" && key != "type" && key != "account" && key != "code" {
			d.Suggest = append(d.Suggest, strings.TrimSuffix(key, ":")+":")
		}
	}
	for _, code := range tasks.Codes() {
		d.Suggest = append(d.Suggest, "code:"+string(code))
	}
	return nil
}
