package console

import (
	"net/url"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) webhooksRoutes() {
	c.page("GET /webhooks", enqueue.AccessRead, c.webhooks)
	c.page("POST /webhooks/{id}/replay", enqueue.AccessSubmit, c.replay)
}

// webhooksData is what the page of deliveries shows.
type webhooksData struct {
	Rows   []tasks.Delivery
	Next   string
	States []facet
	State  string
}

func (c *Console) webhooks(v *visit) (answer, error) {
	d := webhooksData{State: v.FormValue("state")}
	f := tasks.DeliveryFilter{Producer: v.who.Sees(), State: tasks.DeliveryState(d.State), Cursor: v.FormValue("cursor"), Limit: rowsPerPage}
	rows, next, err := c.cfg.Ledger.Deliveries(v.Context(), f)
	if err != nil {
		return nil, err
	}
	d.Rows = rows
	if next != "" {
		d.Next = "/webhooks?" + url.Values{"cursor": {next}, "state": {d.State}}.Encode()
	}
	for _, s := range []tasks.DeliveryState{tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled} {
		on, to := string(s) == d.State, "/webhooks"
		if !on {
			to += "?state=" + string(s)
		}
		d.States = append(d.States, facet{Key: "state", Value: string(s), URL: to, On: on, Count: -1})
	}
	return page{name: "webhooks", title: v.t("webhooks.title"), data: d, every: 5}, nil
}

func (c *Console) replay(v *visit) (answer, error) {
	id, err := uuid.Parse(v.PathValue("id"))
	if err != nil {
		return nil, notFound("delivery")
	}
	d, err := c.cfg.Ledger.Delivery(v.Context(), id)
	if err == nil && !v.who.Owns(d.Event.Producer) {
		err = notFound("delivery")
	}
	if err == nil {
		err = c.cfg.Producer(v.who).Charge(v.Context())
	}
	if err == nil {
		err = c.cfg.Ledger.Replay(v.Context(), id)
	}
	c.nudge()
	return seeOther(ownPath(v.FormValue("back"))), err
}
