package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// The figures of a Fleet.
//
//nolint:gochecknoglobals // tables
var (
	acceptedDesc = fleetDesc("uploads_accepted_total", "Uploads that were accepted.", "account", "type")
	endedDesc    = fleetDesc("uploads_ended_total", "Rounds of uploads that have their outcome. reused: without a call of WeChat.", "account", "type", "outcome", "code", "reused")
	openDesc     = fleetDesc("uploads_open", "Uploads without an outcome, by their state and the reason for it.", "account", "state", "reason")
	oldestDesc   = fleetDesc("uploads_oldest_open_timestamp_seconds", "When the oldest open upload was accepted. Missing where none is open.")
	missingDesc  = fleetDesc("uploads_missing", "Accepted uploads that are neither open nor ended nor pruned. Always 0 in a sound ledger.")
	unservedDesc = fleetDesc("uploads_unserved", "Open uploads of accounts that no living worker has in its settings.")

	heldDesc  = fleetDesc("account_held", "1 while the account is held, by the code of what caused it.", "account", "code")
	untilDesc = fleetDesc("account_hold_end_timestamp_seconds", "Until when the account is held.", "account")
	callsDesc = fleetDesc("account_calls_today", "Upload calls that the account has made on its day.", "account")
	limitDesc = fleetDesc("account_daily_limit", "Upload calls that the account may make on a day. Missing where no limit is set.", "account")
	leftDesc  = fleetDesc("account_calls_left", "Upload calls that the account has left today. Missing where no limit is set.", "account")

	pendingDesc  = fleetDesc("deliveries_pending", "Webhooks that wait for their receivers.")
	deliveryDesc = fleetDesc("deliveries_oldest_timestamp_seconds", "When the oldest event happened that waits for its receiver. Missing where none waits.")

	processesDesc = fleetDesc("processes", "Living processes.", "role")
	refusedDesc   = fleetDesc("workers_refused", "Living workers whose address the account refuses.", "account")
	cutOffDesc    = fleetDesc("workers_cut_off", "Living workers that can't connect to WeChat.")

	tasksDesc   = fleetDesc("belt_tasks", "Tasks in a queue of the belt.", "queue", "state")
	latencyDesc = fleetDesc("belt_latency_seconds", "How long the oldest pending task of a queue has waited.", "queue")
	pausedDesc  = fleetDesc("belt_paused", "1 while the queue is paused: nothing is taken out of it.", "queue")
)

//nolint:gochecknoglobals // a table
var fleetDescs = []*prometheus.Desc{
	acceptedDesc, endedDesc, openDesc, oldestDesc, missingDesc, unservedDesc, heldDesc, untilDesc, callsDesc, limitDesc, leftDesc,
	pendingDesc, deliveryDesc, processesDesc, refusedDesc, cutOffDesc, tasksDesc, latencyDesc, pausedDesc,
}

func fleetDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// book turns figures into metrics.
type book struct {
	accounts names
	metrics  []prometheus.Metric
}

func newBook(f tasks.Figures) *book {
	known := make([]string, len(f.Accounts))
	for i, a := range f.Accounts {
		known[i] = a.Name
	}
	return &book{accounts: namesOf(known)}
}

func (b *book) gauge(d *prometheus.Desc, value float64, labels ...string) {
	b.metrics = append(b.metrics, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...))
}

func (b *book) time(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		b.gauge(d, float64(at.UnixMilli())/1000, labels...)
	}
}

// sums adds up what has the same labels. It keeps series that were seen once, at 0.
type sums map[[5]string]float64

func labelsOf(l ...string) (key [5]string) {
	copy(key[:], l)
	return key
}

func (b *book) all(d *prometheus.Desc, kind prometheus.ValueType, s sums, labels int) {
	for key, n := range s {
		b.metrics = append(b.metrics, prometheus.MustNewConstMetric(d, kind, n, key[:labels]...))
	}
}

func (b *book) figures(f tasks.Figures) {
	b.open(f)
	b.time(oldestDesc, f.OldestOpen)
	b.gauge(missingDesc, float64(f.Conservation.Missing()))
	unserved := 0
	for _, u := range f.Unserved {
		unserved += u.Open
	}
	b.gauge(unservedDesc, float64(unserved))
	b.quotas(f)
	b.gauge(pendingDesc, float64(f.Deliveries))
	b.time(deliveryDesc, f.OldestDelivery)
	b.processes(f)
}

// places are where an open upload can be.
//
//nolint:gochecknoglobals // a table
var places = []tasks.OpenGroup{
	{State: tasks.Queued, Reason: tasks.OpenReady}, {State: tasks.Queued, Reason: tasks.OpenDispatched}, {State: tasks.Running, Reason: tasks.OpenRunning},
	{State: tasks.Waiting, Reason: tasks.OpenBackoff}, {State: tasks.Waiting, Reason: tasks.OpenHeld}, {State: tasks.Waiting, Reason: tasks.OpenQuota},
}

func (b *book) open(f tasks.Figures) {
	n := sums{}
	for account := range b.accounts {
		for _, p := range places {
			n[labelsOf(account, string(p.State), string(p.Reason))] = 0
		}
	}
	for _, g := range f.Groups {
		n[labelsOf(b.accounts.label(g.Account), string(g.State), string(g.Reason))] += float64(g.Uploads)
	}
	b.all(openDesc, prometheus.GaugeValue, n, 3)
}

func (b *book) quotas(f tasks.Figures) {
	for _, a := range f.Accounts {
		if !b.accounts[a.Name] {
			continue
		}
		if a.Hold != nil && a.Hold.Ramp == 0 {
			b.gauge(heldDesc, 1, a.Name, codeLabel(a.Hold.Code))
			b.time(untilDesc, a.Hold.Until, a.Name)
		}
		b.gauge(callsDesc, float64(a.CallsToday), a.Name)
		if left, limited := a.LeftToday(); limited {
			b.gauge(limitDesc, float64(a.DailyLimit), a.Name)
			b.gauge(leftDesc, float64(left), a.Name)
		}
	}
}

func (b *book) processes(f tasks.Figures) {
	n := sums{}
	for _, role := range []tasks.ProcessRole{tasks.RoleRun, tasks.RoleWorker, tasks.RoleServe} {
		n[labelsOf(string(role))] = 0
	}
	refused, cutOff := sums{}, 0
	for _, a := range f.Accounts {
		refused[labelsOf(b.accounts.label(a.Name))] = 0
	}
	for _, p := range f.Processes {
		if _, known := n[labelsOf(string(p.Role))]; known {
			n[labelsOf(string(p.Role))]++
		}
		if len(p.Unreachable) > 0 {
			cutOff++
		}
		for _, r := range p.Refused {
			for _, a := range f.Accounts {
				if a.Realm == r.Realm && a.AppID == r.AppID {
					refused[labelsOf(b.accounts.label(a.Name))]++
				}
			}
		}
	}
	b.all(processesDesc, prometheus.GaugeValue, n, 1)
	b.all(refusedDesc, prometheus.GaugeValue, refused, 1)
	b.gauge(cutOffDesc, float64(cutOff))
}

func (b *book) tallies(all map[tasks.Tally]int) {
	accepted, ended := sums{}, sums{}
	for y, n := range all {
		account, kind := b.accounts.label(y.Account), typeLabel(y.Type)
		if !y.State.Final() {
			accepted[labelsOf(account, kind)] += float64(n)
			continue
		}
		reused := "false"
		if y.Reused {
			reused = "true"
		}
		ended[labelsOf(account, kind, string(y.State), codeLabel(y.Code), reused)] += float64(n)
	}
	b.all(acceptedDesc, prometheus.CounterValue, accepted, 2)
	b.all(endedDesc, prometheus.CounterValue, ended, 5)
}

func (b *book) queues(qs []enqueue.QueueState) {
	for _, q := range qs {
		for state, n := range map[string]int{"pending": q.Pending, "active": q.Active, "scheduled": q.Scheduled, "retry": q.Retry, "archived": q.Archived} {
			b.gauge(tasksDesc, float64(n), q.Name, state)
		}
		b.gauge(latencyDesc, q.Latency.Seconds(), q.Name)
		paused := 0.0
		if q.Paused {
			paused = 1
		}
		b.gauge(pausedDesc, paused, q.Name)
	}
}
