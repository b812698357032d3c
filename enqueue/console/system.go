package console

import (
	"strings"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) systemRoutes() {
	c.page("GET /system", enqueue.AccessWatch, c.system)
	c.page("POST /keys", enqueue.AccessOperate, c.addKey)
	c.page("POST /keys/revoke", enqueue.AccessOperate, c.revokeKey)
}

// systemData is what the page of the system shows.
type systemData struct {
	tasks.System
	Processes []tasks.Process
	Disagree  []tasks.Disagreement
	Actions   []tasks.Action
	Keys      []tasks.Key
	FreshText string
	FreshName string
	MayAdd    bool
}

func (c *Console) system(v *visit) (answer, error) {
	d, err := c.systemData(v)
	return page{name: "system", title: v.t("system.title"), data: d, every: 5}, err
}

func (c *Console) systemData(v *visit) (systemData, error) {
	d := systemData{MayAdd: c.cfg.AddKey != nil && v.may(enqueue.AccessOperate)}
	var err error
	if d.Processes, err = c.cfg.Ledger.Processes(v.Context()); err != nil {
		return d, err
	}
	if d.System, err = enqueue.SystemOf(v.Context(), c.cfg.Ledger, c.cfg.Surroundings); err != nil {
		return d, err
	}
	d.Disagree = tasks.Disagreements(d.Processes)
	if d.Actions, _, err = c.cfg.Ledger.Actions(v.Context(), tasks.ActionFilter{Limit: 20}); err != nil {
		return d, err
	}
	if v.may(enqueue.AccessOperate) {
		d.Keys, err = c.cfg.Ledger.Keys(v.Context())
	}
	return d, err
}

// addKey makes a key, which the answer shows once.
func (c *Console) addKey(v *visit) (answer, error) {
	if c.cfg.AddKey == nil {
		return nil, notFound("page")
	}
	role, err := tasks.ParseRole(v.FormValue("role"))
	if err != nil {
		return nil, err
	}
	k := tasks.Key{Name: strings.TrimSpace(v.FormValue("name")), Role: role}
	k.Accounts = strings.Fields(strings.ReplaceAll(v.FormValue("accounts"), ",", " "))
	secret, err := c.cfg.AddKey(v.Context(), k)
	if err != nil {
		return nil, err
	}
	c.log.InfoContext(v.Context(), "key added", "name", k.Name, "role", k.Role, "by", v.who.Name)
	d, err := c.systemData(v)
	d.FreshText, d.FreshName = secret.Reveal(), k.Name
	return page{name: "system", title: v.t("system.title"), data: d, still: true}, err
}

func (c *Console) revokeKey(v *visit) (answer, error) {
	n, err := c.cfg.Ledger.RevokeKeys(v.Context(), v.FormValue("id"))
	if err == nil {
		c.log.InfoContext(v.Context(), "key revoked", "id", v.FormValue("id"), "keys", n, "by", v.who.Name)
	}
	return seeOther("/system#keys"), err
}
