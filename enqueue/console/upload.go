package console

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) uploadRoutes() {
	c.page("GET /uploads/{id}", enqueue.AccessRead, c.upload)
	c.page("GET /uploads/{id}/source", enqueue.AccessRead, c.preview)
	c.page("POST /uploads/{id}/retry", enqueue.AccessSubmit, c.retryOne)
	c.page("POST /uploads/{id}/cancel", enqueue.AccessSubmit, c.cancelOne)
	c.page("POST /uploads/{id}/renew", enqueue.AccessSubmit, c.renewOne)
	c.page("POST /uploads/{id}/forget", enqueue.AccessSubmit, c.forgetOne)
}

// uploadData is what the page of one upload shows.
type uploadData struct {
	tasks.Outcome
	Steps   []step
	Preview bool
	Media   tasks.CurrentMedia // the one to use now: that of the outcome, or a newer one of the same content
	Renewed bool               // it is a newer one
	Live    bool               // it can still be used
	InBatch bool
	Raw     tasks.Outcome // as the API has it
}

// step is one thing that happened to an upload.
type step struct {
	Kind    string // accepted, attempt, waiting, outcome, hook
	Icon    string
	At      time.Time
	Round   int
	Number  int
	Took    time.Duration
	Code    tasks.Code
	Errcode int
	RID     string
	Reason  string
	Params  tasks.Params
	State   string
	Hook    *tasks.Delivery
}

func (c *Console) upload(v *visit) (answer, error) {
	o, err := v.own(v.Context())
	if err == nil {
		o.Reuse, err = v.who.ReuseOf(v.Context(), c.cfg.Ledger, o)
	}
	if err != nil {
		return nil, err
	}
	hooks, _, err := c.cfg.Ledger.Deliveries(v.Context(), tasks.DeliveryFilter{Upload: o.ID, Limit: rowsPerPage})
	if err != nil {
		return nil, err
	}
	d := uploadData{Outcome: o, Raw: o, InBatch: o.Batch != uuid.Nil, Steps: stepsOf(o, hooks), Preview: c.cfg.Files != nil && c.previewable(v, o)}
	d.Media = mediaOf(o)
	d.Renewed = d.Media.MediaID != o.MediaID
	d.Live = o.State == tasks.Succeeded && d.Media.ExpiresAt.After(c.now())
	p := page{name: "upload", title: cmp.Or(o.Filename, o.ID.String()), data: d}
	if !o.State.Final() {
		p.every = 3
	}
	return p, nil
}

// stepsOf puts what happened to an upload on one line of time, the oldest first.
func stepsOf(o tasks.Outcome, hooks []tasks.Delivery) []step {
	steps := []step{{Kind: "accepted", Icon: "accepted", At: o.Submitted}}
	for _, a := range o.History {
		s := step{Kind: "attempt", Icon: "succeeded", At: a.Started, Round: a.Round, Number: a.Number, Took: a.Took, Code: a.Code, Errcode: a.Errcode, RID: a.RID, Reason: a.Reason, Params: a.Params}
		if a.Code != "" {
			s.Icon = "failed"
		}
		steps = append(steps, s)
	}
	switch {
	case o.State.Final():
		steps = append(steps, step{Kind: "outcome", Icon: string(o.State), At: o.Finished, State: string(o.State), Code: o.Code, Errcode: o.Errcode, Reason: o.Reason, Params: o.Params})
	case o.State == tasks.Waiting:
		steps = append(steps, step{Kind: "waiting", Icon: "waiting", At: o.Until, State: string(o.State), Code: o.Code, Errcode: o.Errcode, Reason: o.Reason, Params: o.Params})
	default:
		steps = append(steps, step{Kind: "now", Icon: string(o.State), State: string(o.State)})
	}
	slices.SortStableFunc(steps[1:len(steps)-1], func(a, b step) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(hooks, func(a, b tasks.Delivery) int { return a.Event.Time.Compare(b.Event.Time) })
	for i := range hooks {
		steps = append(steps, step{Kind: "hook", Icon: "hook", At: hooks[i].Event.Time, State: string(hooks[i].State), Hook: &hooks[i]})
	}
	return steps
}

func (c *Console) retryOne(v *visit) (answer, error) {
	o, err := v.own(v.Context())
	if err != nil {
		return nil, err
	}
	if err := c.cfg.Producer(v.who).RetryAny(v.Context(), o.ID, o.State == tasks.Succeeded); err != nil {
		return nil, err
	}
	return uploadPage(o.ID), nil
}

func (c *Console) cancelOne(v *visit) (answer, error) {
	o, err := v.own(v.Context())
	if err == nil {
		_, err = c.cfg.Ledger.Cancel(v.Context(), o.ID)
	}
	return uploadPage(o.ID), err
}

// mediaOf is the media that an upload's content has now.
func mediaOf(o tasks.Outcome) tasks.CurrentMedia {
	if o.Current != nil {
		return *o.Current
	}
	return tasks.CurrentMedia{MediaID: o.MediaID, IssuedAt: o.IssuedAt, ExpiresAt: o.ExpiresAt}
}

func (c *Console) renewOne(v *visit) (answer, error) {
	o, err := v.own(v.Context())
	if err == nil {
		_, err = c.renew(v, mediaOf(o).MediaID)
	}
	return uploadPage(o.ID), err
}

func (c *Console) forgetOne(v *visit) (answer, error) {
	o, err := v.own(v.Context())
	if err == nil {
		err = c.cfg.Ledger.Forget(v.Context(), mediaOf(o).MediaID, v.who.Accounts, v.who.Sees())
	}
	return uploadPage(o.ID), err
}

func uploadPage(id uuid.UUID) seeOther { return seeOther("/uploads/" + id.String()) }
