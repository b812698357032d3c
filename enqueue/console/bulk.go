package console

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) bulkRoutes() {
	c.page("POST /actions/preview", enqueue.AccessSubmit, c.previewAction)
	c.page("GET /actions/preview", enqueue.AccessSubmit, c.previewAction)
	c.page("POST /actions", enqueue.AccessSubmit, c.beginAction)
	c.page("GET /actions/{id}", enqueue.AccessRead, c.action)
	c.page("POST /actions/{id}/stop", enqueue.AccessSubmit, c.stopAction)
}

// bulkData is what is shown before many uploads are changed.
type bulkData struct {
	Kind  tasks.ActionKind
	Line  string
	IDs   []string
	Again bool
	enqueue.Preview
	Left  []left
	Costs []cost
}

// left are uploads that an action would pass by.
type left struct {
	Why   string
	Count int
}

// cost is what a retry costs of an account's calls.
type cost struct {
	Account string
	Calls   int
	Left    int // calls that are left today
	Limited bool
	Short   bool // it costs more than are left
}

// chosen reads what an action is for: rows that were chosen, or all that match a line.
func (c *Console) chosen(v *visit) (tasks.Action, bulkData, error) {
	if err := v.ParseForm(); err != nil {
		return tasks.Action{}, bulkData{}, invalid("%w", err)
	}
	d := bulkData{Line: v.FormValue("q"), Again: v.FormValue("again") != ""}
	kind, all := strings.CutSuffix(v.FormValue("do"), "-all")
	d.Kind = tasks.ActionKind(kind)
	if _, err := d.Kind.Step(); err != nil {
		return tasks.Action{}, d, err
	}
	f, err := parseLine(d.Line).filter(c.now())
	if err != nil {
		return tasks.Action{}, d, err
	}
	if !all {
		f = tasks.Filter{}
		for _, s := range v.Form["id"] {
			id, err := uuid.Parse(s)
			if err != nil {
				return tasks.Action{}, d, invalid("id: is not an id")
			}
			f.IDs, d.IDs = append(f.IDs, id), append(d.IDs, s)
		}
		if len(f.IDs) == 0 {
			return tasks.Action{}, d, invalid("no row is chosen")
		}
	}
	a := v.who.NewAction(d.Kind, v.who.Confined(f))
	a.Again = d.Again
	return a, d, nil
}

func (c *Console) previewAction(v *visit) (answer, error) {
	a, d, err := c.chosen(v)
	if err != nil {
		return nil, err
	}
	if d.Preview, err = c.cfg.Actor.Preview(v.Context(), a); err != nil {
		return nil, err
	}
	for _, s := range tasks.States {
		if n := d.Preview.Left[string(s)]; n > 0 {
			d.Left = append(d.Left, left{string(s), n})
		}
	}
	accounts, err := c.cfg.Ledger.Accounts(v.Context())
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		if n := d.Calls[account.Name]; n > 0 {
			rest, limited := account.LeftToday()
			d.Costs = append(d.Costs, cost{account.Name, n, rest, limited, limited && n > rest})
		}
	}
	return page{name: "preview", title: v.t("preview.title_" + string(d.Kind)), data: d, still: true}, nil
}

func (c *Console) beginAction(v *visit) (answer, error) {
	a, _, err := c.chosen(v)
	if err == nil {
		a, err = c.cfg.Actor.BeginAs(v.Context(), c.cfg.Producer(v.who), a)
	}
	if err == nil {
		c.log.InfoContext(v.Context(), "action began", "action_id", a.ID, "kind", a.Kind, "by", a.By, "matched", a.Matched)
	}
	return seeOther("/actions/" + a.ID.String()), err
}

// actionData is what the page of an action shows.
type actionData struct {
	tasks.Action
	Line    string
	Passed  int
	Left    []left
	Percent int
}

// ownAction returns an action if it exists for the visitor.
func (c *Console) ownAction(v *visit) (tasks.Action, error) {
	id, err := parseID(v.PathValue("id"))
	if err != nil {
		return tasks.Action{}, notFound("action")
	}
	a, err := c.cfg.Ledger.Action(v.Context(), id)
	if err == nil && !v.who.Staff() && a.Producer != v.who.Sees() {
		err = notFound("action")
	}
	return a, err
}

func (c *Console) action(v *visit) (answer, error) {
	a, err := c.ownAction(v)
	if err != nil {
		return nil, err
	}
	d := actionData{Action: a}
	if f, err := a.Filter(); err == nil && len(f.IDs) == 0 {
		f.Producer = ""
		d.Line = lineOf(f).String()
	}
	for why, n := range a.Left {
		d.Passed += n
		d.Left = append(d.Left, left{why, n})
	}
	if d.Percent = 100; a.State == tasks.ActionRunning {
		d.Percent = min(99, 100*(a.Done+d.Passed)/max(1, a.Matched))
	}
	p := page{name: "action", title: v.t("action.title_" + string(a.Kind)), data: d}
	if a.State == tasks.ActionRunning {
		p.every = 1
	}
	return p, nil
}

func (c *Console) stopAction(v *visit) (answer, error) {
	a, err := c.ownAction(v)
	if err == nil {
		a, err = c.cfg.Ledger.StopAction(v.Context(), a.ID)
	}
	return seeOther("/actions/" + a.ID.String()), err
}

// previewURL is where an action on all that match a line is looked at first.
func previewURL(kind tasks.ActionKind, l line) string {
	return "/actions/preview?" + url.Values{"do": {string(kind) + "-all"}, "q": {l.String()}}.Encode()
}
