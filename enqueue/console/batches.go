package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) batchesRoutes() {
	c.page("GET /batches", enqueue.AccessRead, c.batches)
	c.page("GET /batches/{id}", enqueue.AccessRead, c.batch)
	c.page("GET /batches/{id}/results.csv", enqueue.AccessRead, c.results)
	c.page("POST /batches/{id}/cancel", enqueue.AccessSubmit, c.cancelBatch)
}

// batchesData is what the list of batches shows.
type batchesData struct {
	Rows []batchLine
	Next string
}

// batchLine is a batch with how far it is.
type batchLine struct {
	tasks.Batch
	Done  string // share of its uploads that have an outcome
	Bar   []part // on a width of 100; Y is where a part begins
	Ended int
}

func lineOfBatch(b tasks.Batch) batchLine {
	l := batchLine{Batch: b, Ended: b.Counts.Succeeded + b.Counts.Failed + b.Counts.Canceled}
	l.Done = share(l.Ended, b.Counts.Total)
	at := 0.0
	for _, k := range []struct {
		kind string
		n    int
	}{{"succeeded", b.Counts.Succeeded}, {"failed", b.Counts.Failed}, {"canceled", b.Counts.Canceled}} {
		w := 100 * float64(k.n) / float64(max(1, b.Counts.Total))
		if k.n > 0 {
			l.Bar = append(l.Bar, part{k.kind, at, w})
		}
		at += w
	}
	return l
}

func (c *Console) batches(v *visit) (answer, error) {
	f := v.who.Confined(tasks.Filter{Cursor: v.FormValue("cursor"), Limit: rowsPerPage})
	page1, next, err := c.cfg.Ledger.Batches(v.Context(), f)
	if err != nil {
		return nil, err
	}
	var d batchesData
	for _, b := range page1 {
		d.Rows = append(d.Rows, lineOfBatch(b))
	}
	if next != "" {
		d.Next = "/batches?" + url.Values{"cursor": {next}}.Encode()
	}
	return page{name: "batches", title: v.t("batches.title"), data: d, every: 5}, nil
}

// batchData is what the page of one batch shows.
type batchData struct {
	batchLine
	Missing  int
	ETA      time.Duration // 0: nobody knows
	Causes   []cause
	Refusals []tasks.Refusal
	Retry    string
}

// cause is why uploads of a batch failed, as its newest failures tell.
type cause struct {
	Code    tasks.Code
	Errcode int
	Count   int
	Rows    string
}

// ownBatch returns a batch if it exists for the visitor.
func (c *Console) ownBatch(v *visit) (tasks.Batch, error) {
	id, err := uuid.Parse(v.PathValue("id"))
	if err != nil {
		return tasks.Batch{}, notFound("batch")
	}
	b, err := c.cfg.Ledger.Batch(v.Context(), id)
	if err == nil && !v.who.Owns(b.Producer) {
		err = notFound("batch")
	}
	return b, err
}

// looked is how many failures of a batch its causes are found in, and how many refused rows are shown.
const looked = 200

func (c *Console) batch(v *visit) (answer, error) {
	b, err := c.ownBatch(v)
	if err != nil {
		return nil, err
	}
	d := batchData{batchLine: lineOfBatch(b), Missing: b.Counts.Conservation().Missing()}
	if took := c.now().Sub(b.Submitted); b.Plan != nil && b.Plan.Done.After(c.now()) {
		d.ETA = b.Plan.Done.Sub(c.now()) // by the account's calls, its hold and its rate
	} else if d.Ended > 0 && b.Counts.Open > 0 {
		d.ETA = took * time.Duration(b.Counts.Open) / time.Duration(d.Ended)
	}
	if b.Counts.Failed > 0 {
		l := line{{"batch", b.ID.String()}, {"state", string(tasks.Failed)}}
		d.Retry = previewURL(tasks.ActionRetry, l)
		failed, _, err := c.cfg.Ledger.List(v.Context(), v.who.Confined(tasks.Filter{Batch: b.ID, States: []tasks.State{tasks.Failed}, Limit: looked}))
		if err != nil {
			return nil, err
		}
		d.Causes = causesOf(failed, l)
	}
	if b.Counts.Refused > 0 {
		if d.Refusals, err = c.cfg.Ledger.Refusals(v.Context(), b.ID, 0, looked); err != nil {
			return nil, err
		}
	}
	p := page{name: "batch", title: v.t("batch.title"), data: d}
	if b.State != tasks.BatchComplete {
		p.every = 2
	}
	return p, nil
}

func causesOf(failed []tasks.Outcome, l line) []cause {
	var out []cause
	for _, o := range failed {
		i := 0
		for i < len(out) && (out[i].Code != o.Code || out[i].Errcode != o.Errcode) {
			i++
		}
		if i == len(out) {
			out = append(out, cause{Code: o.Code, Errcode: o.Errcode, Rows: uploadsURL(append(l[:len(l):len(l)], term{"code", string(o.Code)}), "")})
		}
		out[i].Count++
	}
	return out
}

func (c *Console) cancelBatch(v *visit) (answer, error) {
	b, err := c.ownBatch(v)
	if err != nil {
		return nil, err
	}
	if err := c.cfg.Ledger.Seal(v.Context(), b.ID, true); err != nil {
		return nil, err
	}
	of := v.who.Confined(tasks.Filter{Batch: b.ID, States: append(tasks.Before(tasks.StepCancel), tasks.Succeeded)}) // may be kept alive
	a, err := c.cfg.Actor.BeginAs(v.Context(), c.cfg.Producer(v.who), v.who.NewAction(tasks.ActionCancel, of))
	return seeOther("/actions/" + a.ID.String()), err
}

// rows are the results of a batch as a file.
type rows struct {
	c     *Console
	batch uuid.UUID
}

func (c *Console) results(v *visit) (answer, error) {
	b, err := c.ownBatch(v)
	if err == nil && c.cfg.Results == nil {
		err = notFound("page")
	}
	return rows{c, b.ID}, err
}

func (r rows) write(v *visit) error {
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+r.batch.String()+`.csv"`)
	if err := r.c.cfg.Results(v.Context(), v.w, r.batch); err != nil {
		r.c.log.WarnContext(v.Context(), "results broke off", "batch_id", r.batch, "error", err)
		panic(http.ErrAbortHandler) // an answer that ends early must not look whole
	}
	return nil
}
