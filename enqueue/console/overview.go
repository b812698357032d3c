package console

import (
	"html/template"
	"slices"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) overviewRoutes() { c.page("GET /{$}", enqueue.AccessRead, c.overview) }

// overviewData is what the first page shows.
type overviewData struct {
	tasks.Status
	Words     template.HTML
	Well      bool
	Troubles  []trouble
	Chart     chart
	Failures  []group
	Accounts  []accountLine
	Workers   int
	Slots     int
	InFlight  int
	Processes []tasks.Process
	Missing   int
	In        map[string]int // uploads in each state
}

// trouble is something that a person should look at.
type trouble struct {
	Text template.HTML
	Do   string
	URL  string
}

// accountLine is an account with what is left of its day.
type accountLine struct {
	tasks.AccountStatus
	Limited bool
	Left    int
	Used    int           // percent of the day's calls
	PerHour int           // calls in the last hour
	Lasts   time.Duration // how long the rest lasts at this pace; 0: to the end of the day, or nobody knows
	Held    bool
}

func (c *Console) overview(v *visit) (answer, error) {
	if !v.may(enqueue.AccessWatch) { // what is counted is not kept by producer
		return seeOther("/uploads"), nil
	}
	st, err := c.cfg.Ledger.Status(v.Context())
	if err != nil {
		return nil, err
	}
	name, stretch, step := spanOf(v.FormValue("span"))
	since := c.now().Add(-stretch)
	series, err := c.cfg.Ledger.Series(v.Context(), tasks.CountFilter{Since: since}, step)
	if err != nil {
		return nil, err
	}
	groups, err := c.groups(v, tasks.CountFilter{Since: since})
	if err != nil {
		return nil, err
	}
	processes, err := c.cfg.Ledger.Processes(v.Context())
	if err != nil {
		return nil, err
	}
	lines, err := c.accountLines(v, st.Accounts)
	if err != nil {
		return nil, err
	}
	d := overviewData{
		Status: st, Chart: draw(series, name), Failures: groups[:min(len(groups), 6)], Accounts: lines, Processes: processes, Missing: st.Conservation.Missing(), In: map[string]int{},
	}
	for state, n := range st.Counts {
		d.In[string(state)] = n
	}
	for _, p := range processes {
		if p.Role.Carries() {
			d.Workers++
			d.Slots += p.Slots
			d.InFlight += p.InFlight
		}
	}
	d.Troubles = append(c.troubles(v, st, d.Workers, processes), failing(v, d.Chart.Sum, groups, name)...)
	if d.Well = len(d.Troubles) == 0; d.Well {
		ended := d.Chart.Sum.Succeeded + d.Chart.Sum.Failed
		if ended == 0 {
			d.Words = v.th("overview.quiet", "Count", st.Conservation.Open)
		} else {
			d.Words = v.th("overview.well", "Count", st.Conservation.Open, "Share", share(d.Chart.Sum.Succeeded, ended), "Span", v.t("overview.in_"+name))
		}
	} else {
		d.Words = d.Troubles[0].Text
	}
	return page{name: "overview", title: v.t("overview.title"), data: d, every: 5}, nil
}

// troubles lists what is wrong, the worst first.
func (c *Console) troubles(v *visit, st tasks.Status, workers int, ps []tasks.Process) []trouble {
	var ts []trouble
	if n := st.Conservation.Missing(); n != 0 {
		ts = append(ts, trouble{v.th("overview.missing", "Count", n), v.t("overview.missing_do"), "/system"})
	}
	if open := st.Conservation.Open; workers == 0 && open == 0 {
		ts = append(ts, trouble{v.th("overview.no_worker_idle"), v.t("overview.no_worker_do"), "/system"})
	} else if workers == 0 {
		ts = append(ts, trouble{v.th("overview.no_worker", "Count", open), v.t("overview.no_worker_do"), "/system"})
	}
	for _, a := range st.Accounts {
		if !held(a, c.now()) {
			continue
		}
		h := a.Hold
		ts = append(ts, trouble{
			v.th("overview.held", "Account", a.Name, "Since", c.moment(v.lang, h.Since), "Why", v.meaning(h.Code, h.Errcode), "Errcode", errcodeText(h.Errcode), "Count", a.Open),
			v.remedy(h.Code, h.Errcode), "/accounts#" + a.Name,
		})
	}
	for _, p := range ps {
		for _, r := range p.Refused {
			ts = append(ts, trouble{v.th("overview.refused", "Process", p.Name, "Address", r.Address, "AppID", r.AppID), v.remedy(tasks.Egress, r.Errcode), "/system"})
		}
		for _, u := range p.Unreachable {
			ts = append(ts, trouble{v.th("overview.unreachable", "Process", p.Name, "Realm", u.Realm), v.remedy(tasks.Unreachable, 0), "/system"})
		}
	}
	for _, u := range st.Unserved {
		if u.Open > 0 {
			ts = append(ts, trouble{v.th("overview.unserved", "Account", u.Account, "Count", u.Open), v.remedy(tasks.NoWork, 0), "/accounts"})
		}
	}
	return ts
}

// Where more than one in failsOften fails, of failsOf at least, somebody should look.
const (
	failsOften = 10
	failsOf    = 20
)

// failing tells that much failed in a stretch of time, and of what most.
func failing(v *visit, sum tasks.Point, groups []group, span string) []trouble {
	ended := sum.Succeeded + sum.Failed
	if ended < failsOf || sum.Failed*failsOften <= ended || len(groups) == 0 {
		return nil
	}
	most := groups[0]
	text := v.th("overview.failing", "Share", share(sum.Failed, ended), "Span", v.t("overview.in_"+span), "Why", v.meaning(most.Code, most.Errcode), "Errcode", errcodeText(most.Errcode), "Account", most.Account)
	return []trouble{{text, v.remedy(most.Code, most.Errcode), "/failures?span=" + span}}
}

func errcodeText(n int) template.HTML {
	if n == 0 {
		return ""
	}
	return template.HTML(` <span class="errcode">` + strconv.Itoa(n) + `</span>`) //nolint:gosec // a number
}

// held reports whether an account is paused now.
func held(a tasks.AccountStatus, now time.Time) bool { return a.Hold != nil && a.Hold.Until.After(now) }

// accountLines adds what each account has left of its day. The pace is that of the last hour.
func (c *Console) accountLines(v *visit, all []tasks.AccountStatus) ([]accountLine, error) {
	const mostPaced = 10 // accounts whose pace is asked for
	var out []accountLine
	for i, a := range slices.DeleteFunc(slices.Clone(all), func(a tasks.AccountStatus) bool { return !v.who.MayUse(a.Name) }) {
		if !v.who.Staff() {
			a.Open = 0 // tells of others
		}
		l := accountLine{AccountStatus: a, Held: held(a, c.now())}
		if l.Left, l.Limited = a.LeftToday(); l.Limited {
			l.Used = min(100, 100*a.CallsToday/a.DailyLimit)
		}
		if l.Limited && i < mostPaced && v.who.Staff() {
			s, err := c.cfg.Ledger.Series(v.Context(), tasks.CountFilter{Account: a.Name}, time.Hour)
			if err != nil {
				return nil, err
			}
			for _, p := range s.Points {
				l.PerHour += p.Succeeded - p.Reused + p.Failed
			}
			if l.PerHour > 0 {
				l.Lasts = time.Duration(l.Left) * time.Hour / time.Duration(l.PerHour)
				if l.Lasts > 24*time.Hour {
					l.Lasts = 0
				}
			}
		}
		out = append(out, l)
	}
	return out, nil
}
