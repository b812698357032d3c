package console

import (
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) accountsRoutes() {
	c.page("GET /accounts", enqueue.AccessRead, c.accounts)
	c.page("POST /accounts/{name}/resume", enqueue.AccessOperate, c.resume)
	c.page("POST /accounts/{name}/probe", enqueue.AccessOperate, c.probe)
}

// accountsData is what the page of accounts shows.
type accountsData struct {
	Accounts []accountCard
	MayAsk   bool
}

// accountCard is an account with the addresses that its calls come from, and why its uploads failed last.
type accountCard struct {
	accountLine
	From  []egress
	Last  []tasks.FailureGroup
	Asked *asked
}

// asked is what came of a button that asks WeChat.
type asked struct {
	Probe  *tasks.Probe      // it answers
	Hold   *tasks.Resumption // what became of the hold
	Failed *tasks.Error      // it refuses, or can't be asked
}

// lastTime is how far back the last errors of an account are looked for, and lastErrors how many are shown.
const (
	lastTime   = 24 * time.Hour
	lastErrors = 3
)

// egress is where the calls of one process come from.
type egress struct {
	Process, Address string
	Refused          bool // the account refuses it
}

func (c *Console) accounts(v *visit) (answer, error) { return c.accountsPage(v, "", nil) }

// accountsPage shows the accounts, and with one of them what came of asking.
func (c *Console) accountsPage(v *visit, name string, came *asked) (answer, error) {
	all, err := c.cfg.Ledger.Accounts(v.Context())
	if err != nil {
		return nil, err
	}
	if v.who.Staff() {
		enqueue.AddTokens(v.Context(), c.cfg.Asker, all)
	}
	lines, err := c.accountLines(v, all)
	if err != nil {
		return nil, err
	}
	var ps []tasks.Process
	last := map[string][]tasks.FailureGroup{}
	if v.may(enqueue.AccessWatch) {
		if ps, err = c.cfg.Ledger.Processes(v.Context()); err != nil {
			return nil, err
		}
		if last, err = c.lastErrors(v); err != nil {
			return nil, err
		}
	}
	d := accountsData{MayAsk: c.cfg.Asker != nil && v.may(enqueue.AccessOperate)}
	for _, l := range lines {
		card := accountCard{accountLine: l, From: egressOf(ps, l.AccountStatus), Last: last[l.Name]}
		if l.Name == name {
			card.Asked = came
		}
		d.Accounts = append(d.Accounts, card)
	}
	return page{name: "accounts", title: v.t("accounts.title"), data: d, every: 5, still: came != nil}, nil
}

// lastErrors are the newest reasons for which uploads of each account failed.
func (c *Console) lastErrors(v *visit) (map[string][]tasks.FailureGroup, error) {
	groups, err := c.cfg.Ledger.Failures(v.Context(), tasks.CountFilter{Since: c.now().Add(-lastTime)})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(groups, func(a, b tasks.FailureGroup) int { return b.Last.Compare(a.Last) })
	last := map[string][]tasks.FailureGroup{}
	for _, g := range groups {
		if len(last[g.Account]) < lastErrors {
			last[g.Account] = append(last[g.Account], g)
		}
	}
	return last, nil
}

func egressOf(ps []tasks.Process, a tasks.AccountStatus) []egress {
	var out []egress
	for _, p := range ps {
		if !p.Role.Carries() || !slices.ContainsFunc(p.Accounts, func(s tasks.AccountSettings) bool { return s.Account == a.Name }) {
			continue
		}
		e := egress{Process: p.Name, Address: p.Egress}
		for _, r := range p.Refused {
			if r.AppID == a.AppID && r.Realm == a.Realm {
				e.Refused, e.Address = true, r.Address
			}
		}
		out = append(out, e)
	}
	return out
}

// resume lifts the hold of an account that WeChat takes, and says what WeChat said.
func (c *Console) resume(v *visit) (answer, error) {
	name := v.PathValue("name")
	done, err := enqueue.ResumeAccount(v.Context(), c.cfg.Ledger, c.cfg.Asker, name)
	if tasks.CodeOf(err) == tasks.NotFound || tasks.CodeOf(err) == tasks.Unavailable {
		return nil, err
	}
	c.log.InfoContext(v.Context(), "account resumed", "account", name, "by", v.who.Name, "resumed", done.Resumed, "asked", done.Asked)
	c.nudge()
	return c.accountsPage(v, name, askedOf(nil, &done, err))
}

// probe asks WeChat about an account.
func (c *Console) probe(v *visit) (answer, error) {
	name := v.PathValue("name")
	p, err := enqueue.ProbeAccount(v.Context(), c.cfg.Asker, name)
	return c.accountsPage(v, name, askedOf(&p, nil, err))
}

func askedOf(p *tasks.Probe, r *tasks.Resumption, err error) *asked {
	if err != nil {
		return &asked{Failed: tasks.AsError(err)}
	}
	return &asked{Probe: p, Hold: r}
}
