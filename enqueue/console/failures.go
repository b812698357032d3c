package console

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) failuresRoutes() { c.page("GET /failures", enqueue.AccessWatch, c.failures) }

// failuresData is what the page of failures shows.
type failuresData struct {
	Spans  []chartSpan
	Span   string
	Total  int
	Groups []group
}

// group is the uploads of one account that failed for one reason.
type group struct {
	tasks.FailureGroup
	Share      string
	Percent    int
	More       int // than in the stretch before
	Rows       string
	Retry      string
	HasExample bool
}

func (c *Console) failures(v *visit) (answer, error) {
	name, stretch, _ := spanOf(v.FormValue("span"))
	groups, err := c.groups(v, tasks.CountFilter{Since: c.now().Add(-stretch)})
	if err != nil {
		return nil, err
	}
	d := failuresData{Spans: spanLinks("/failures", name), Span: name, Groups: groups}
	for _, g := range groups {
		d.Total += g.Rounds
	}
	return page{name: "failures", title: v.t("failures.title"), data: d, every: 10}, nil
}

// groups are the failures of a stretch of time with what can be done about them.
func (c *Console) groups(v *visit, f tasks.CountFilter) ([]group, error) {
	found, err := c.cfg.Ledger.Failures(v.Context(), f)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, g := range found {
		total += g.Rounds
	}
	var out []group
	for _, g := range found {
		l := line{{"state", string(tasks.Failed)}, {"code", string(g.Code)}, {"account", g.Account}}
		if g.Errcode != 0 {
			l = append(l, term{"errcode", fmt.Sprint(g.Errcode)})
		}
		out = append(out, group{
			FailureGroup: g, Share: share(g.Rounds, total), Percent: 100 * g.Rounds / max(1, total), More: g.Rounds - g.Before,
			Rows: uploadsURL(l, ""), Retry: previewURL(tasks.ActionRetry, l), HasExample: g.Example != uuid.Nil,
		})
	}
	return out, nil
}
