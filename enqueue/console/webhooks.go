package console

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) webhooksRoutes() {
	c.page("GET /webhooks", enqueue.AccessRead, c.webhooks)
	c.page("POST /webhooks/{id}/replay", enqueue.AccessSubmit, c.replay)
	c.page("POST /webhooks/replays", enqueue.AccessSubmit, c.replayAll)
	c.page("POST /webhooks/test", enqueue.AccessSubmit, c.testWebhook)
}

// webhooksData is what the page of deliveries shows.
type webhooksData struct {
	Endpoints []tasks.Endpoint
	Rows      []tasks.Delivery
	Next      string
	States    []facet
	State     string
	URL       string
	Chosen    bool           // not all deliveries are shown
	Plan      tasks.Replayed // what a replay of those would reach
	Asked     bool           // whether to replay them
	Done      *tasks.Replayed
}

func (c *Console) webhooks(v *visit) (answer, error) {
	d, err := c.webhooksData(v)
	return page{name: "webhooks", title: v.t("webhooks.title"), data: d, every: 5}, err
}

// deliveryFilter is what the form or the address chooses.
func (v *visit) deliveryFilter() tasks.DeliveryFilter {
	return tasks.DeliveryFilter{Producer: v.who.Sees(), State: tasks.DeliveryState(v.FormValue("state")), URL: v.FormValue("url")}
}

func (c *Console) webhooksData(v *visit) (webhooksData, error) {
	f := v.deliveryFilter()
	d := webhooksData{State: string(f.State), URL: f.URL, Chosen: f.State != "" || f.URL != ""}
	var err error
	if d.Endpoints, err = c.cfg.Ledger.Endpoints(v.Context(), f.Producer); err != nil {
		return d, err
	}
	f.Cursor, f.Limit = v.FormValue("cursor"), rowsPerPage
	rows, next, err := c.cfg.Ledger.Deliveries(v.Context(), f)
	if err != nil {
		return d, err
	}
	d.Rows = rows
	if next != "" {
		d.Next = webhooksURL(d.State, d.URL, next)
	}
	for _, s := range []tasks.DeliveryState{tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled} {
		on, to := string(s) == d.State, string(s)
		if on {
			to = ""
		}
		d.States = append(d.States, facet{Key: "state", Value: string(s), URL: webhooksURL(to, d.URL, ""), On: on, Count: -1})
	}
	return d, nil
}

func webhooksURL(state, of, cursor string) string {
	q := url.Values{}
	for key, value := range map[string]string{"state": state, "url": of, "cursor": cursor} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if len(q) == 0 {
		return "/webhooks"
	}
	return "/webhooks?" + q.Encode()
}

// replayAll sends all deliveries again that are chosen. It says first how many those are.
func (c *Console) replayAll(v *visit) (answer, error) {
	sure := v.FormValue("sure") != ""
	done, err := c.cfg.Producer(v.who).ReplayAll(v.Context(), c.cfg.Ledger, v.deliveryFilter(), !sure)
	if err != nil {
		return nil, err
	}
	if sure {
		c.log.InfoContext(v.Context(), "deliveries replayed", "deliveries", done.Replayed, "by", v.who.Name)
		c.nudge()
	}
	d, err := c.webhooksData(v)
	d.Plan, d.Asked = done, !sure
	if sure {
		d.Done = &done
	}
	return page{name: "webhooks", title: v.t("webhooks.title"), data: d, still: true}, err
}

// testWebhook sends a test event.
func (c *Console) testWebhook(v *visit) (answer, error) {
	b, err := c.cfg.Producer(v.who).TestWebhook(v.Context(), strings.TrimSpace(v.FormValue("url")))
	if err != nil {
		return nil, err
	}
	c.log.InfoContext(v.Context(), "test event sent", "batch_id", b.ID, "by", v.who.Name)
	c.nudge()
	return seeOther("/webhooks"), nil
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
