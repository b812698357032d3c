package console

import (
	"slices"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) accountsRoutes() {
	c.page("GET /accounts", enqueue.AccessRead, c.accounts)
	c.page("POST /accounts/{name}/resume", enqueue.AccessOperate, c.resume)
}

// accountsData is what the page of accounts shows.
type accountsData struct {
	Accounts []accountCard
}

// accountCard is an account with the addresses that its calls come from.
type accountCard struct {
	accountLine
	From []egress
}

// egress is where the calls of one process come from.
type egress struct {
	Process, Address string
	Refused          bool // the account refuses it
}

func (c *Console) accounts(v *visit) (answer, error) {
	all, err := c.cfg.Ledger.Accounts(v.Context())
	if err != nil {
		return nil, err
	}
	lines, err := c.accountLines(v, all)
	if err != nil {
		return nil, err
	}
	var ps []tasks.Process
	if v.may(enqueue.AccessWatch) {
		if ps, err = c.cfg.Ledger.Processes(v.Context()); err != nil {
			return nil, err
		}
	}
	var d accountsData
	for _, l := range lines {
		d.Accounts = append(d.Accounts, accountCard{l, egressOf(ps, l.AccountStatus)})
	}
	return page{name: "accounts", title: v.t("accounts.title"), data: d, every: 5}, nil
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

func (c *Console) resume(v *visit) (answer, error) {
	all, err := c.cfg.Ledger.Accounts(v.Context())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(a tasks.AccountStatus) bool { return a.Name == v.PathValue("name") })
	if i < 0 {
		return nil, notFound("account")
	}
	if _, err := c.cfg.Ledger.Resume(v.Context(), all[i].Realm, all[i].AppID); err != nil {
		return nil, err
	}
	c.log.InfoContext(v.Context(), "account resumed", "account", all[i].Name, "by", v.who.Name)
	c.nudge()
	return seeOther("/accounts"), nil
}
