// Package watch is what an installation is watched with: a Grafana dashboard and alert rules for Prometheus, from the tables
// in this package.
package watch

import (
	"bytes"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Alert is one rule of Prometheus.
type Alert struct {
	Name     string
	Expr     string        // in PromQL; $window and $late stand for how far it looks back, and for how old is too old
	For      time.Duration // how long the expression holds before somebody is told
	Severity string        // critical: uploads don't go on; warning: somebody should act; info: good to know
	Summary  string        // what is the matter; may use the labels of the expression
	Action   string        // what to do about it
}

// The severities.
const (
	critical = "critical"
	warning  = "warning"
	info     = "info"
)

// Alerts are all of them.
//
//nolint:gochecknoglobals // a table
var Alerts = []Alert{
	{"MediaferryNoFigures", `absent(mediaferry_uploads_missing)`, 5 * time.Minute, critical,
		"no process shows the figures of the installation", "look whether any process lives and is scraped, and whether the ledger answers: mediaferry doctor"},
	{"MediaferryNoWorkers", `sum(mediaferry_processes{role=~"run|worker"}) == 0`, 2 * time.Minute, critical,
		"no worker lives: what is submitted waits", "start mediaferry worker, or mediaferry run"},
	{"MediaferryStandsStill", `sum(mediaferry_uploads_open{reason=~"ready|dispatched"}) > 0 and on() (sum(mediaferry_uploads_ended_total) - sum(mediaferry_uploads_ended_total offset $window) == 0 or absent(mediaferry_uploads_ended_total))`, 5 * time.Minute, critical,
		"uploads are ready, and none ends", "mediaferry doctor; then look into the logs of the workers"},
	{"MediaferryUploadsMissing", `sum(mediaferry_uploads_missing) != 0`, 5 * time.Minute, critical,
		"{{ $value }} uploads are missing from the record", "mediaferry verify"},
	{"MediaferryUploadsLate", `time() - max(mediaferry_uploads_oldest_open_timestamp_seconds) > $late and on() sum(mediaferry_uploads_open{reason=~"ready|dispatched|running"}) > 0`, 5 * time.Minute, warning,
		"the oldest open upload was accepted {{ $value | humanizeDuration }} ago", "start more workers, or see which account it waits for: mediaferry status"},
	{"MediaferryUnserved", `sum(mediaferry_uploads_unserved) > 0`, 5 * time.Minute, warning,
		"{{ $value }} uploads are of accounts that no living worker knows", "add the accounts to the settings of a worker: mediaferry status names them"},
	{"MediaferryAccountHeld", `max by (account) (mediaferry_account_held{code="account"}) == 1`, time.Minute, warning,
		"WeChat refuses the account {{ $labels.account }}", "mend its settings, then: mediaferry accounts resume {{ $labels.account }}"},
	{"MediaferryUnreachable", `max by (account) (mediaferry_account_held{code="unreachable"}) == 1`, 2 * time.Minute, critical,
		"no worker can connect to WeChat for {{ $labels.account }}", "check DNS, proxy and firewall: mediaferry doctor"},
	{"MediaferryAddressRefused", `max by (account) (mediaferry_workers_refused) > 0`, 5 * time.Minute, warning,
		"the account {{ $labels.account }} refuses the address of {{ $value }} workers", "add the address to the account's IP list, or use the egress proxy: mediaferry doctor"},
	{"MediaferryCutOff", `sum(mediaferry_workers_cut_off) > 0`, 5 * time.Minute, warning,
		"{{ $value }} workers can't connect to WeChat", "check DNS, proxy and firewall there: mediaferry doctor"},
	{"MediaferryDaySpent", `max by (account) (mediaferry_account_held{code="daily_limit"}) == 1`, 0, info,
		"the account {{ $labels.account }} has made all its calls of today", "nothing: it goes on after the account's midnight, or once its quota is cleared"},
	{"MediaferryUploadsFail", risen(`mediaferry_uploads_ended_total{outcome="failed"}`, "account") + " > 0.2 * " + risen(`mediaferry_uploads_ended_total`, "account") + " and " + risen(`mediaferry_uploads_ended_total`, "account") + " >= 5", 5 * time.Minute, warning,
		"more than a fifth of the uploads of {{ $labels.account }} fail", "mediaferry list --state failed --account {{ $labels.account }}"},
	{"MediaferryUnknownErrcode", grown(`mediaferry_tries_total{code="unknown"}`, "account", "0"), 0, warning,
		"WeChat answers {{ $labels.account }} with an errcode that no table knows", "mediaferry list --code unknown; then set its class in wechat.errcodes"},
	{"MediaferryDefect", risen(`mediaferry_uploads_ended_total{code=~"defect|internal|poison"}`, "code") + " > 0", 0, warning,
		"uploads fail by a defect: {{ $labels.code }}", "mediaferry list --code {{ $labels.code }}; please report it"},
	{"MediaferryTokenContested", grown(`mediaferry_tries_total{code="token"}`, "account", "3"), 0, warning,
		"WeChat refuses access tokens of {{ $labels.account }} again and again", "look for another program that fetches tokens for this account"},
	{"MediaferryWebhooksLate", `time() - max(mediaferry_deliveries_oldest_timestamp_seconds) > $late`, 5 * time.Minute, warning,
		"the oldest webhook has waited {{ $value | humanizeDuration }} for its receiver", "mediaferry webhook list --state pending names the receivers"},
	{"MediaferryQueuePaused", `max by (queue) (mediaferry_belt_paused) == 1`, 5 * time.Minute, warning,
		"the queue {{ $labels.queue }} is paused: nothing is taken out of it", "resume it where it was paused: asynq queue unpause"},
	{"MediaferryLedgerFails", `sum by (use) (increase(mediaferry_ledger_errors_total[$window])) > 3`, 2 * time.Minute, critical,
		"calls of the ledger fail ({{ $labels.use }})", "look at the database: mediaferry doctor"},
	{"MediaferryLedgerSlow", `histogram_quantile(0.95, sum by (le) (rate(mediaferry_ledger_duration_seconds_bucket{use="write"}[$window]))) > 1`, 10 * time.Minute, warning,
		"a commit of the ledger takes {{ $value | humanizeDuration }}", "look at the database's disk and locks, and at the way to it"},
	{"MediaferryRedisFails", `sum(increase(mediaferry_redis_errors_total[$window])) > 3`, 2 * time.Minute, critical,
		"calls of Redis fail", "look at Redis: mediaferry doctor"},
	{"MediaferryMemoryShort", `sum by (lane) (mediaferry_memory_waiting) > 0`, 15 * time.Minute, info,
		"uploads wait for memory ({{ $labels.lane }})", "raise worker.memory_budget, or start more workers"},
	{"MediaferryVersionsDiffer", `count(count by (version) (mediaferry_build_info)) > 1`, time.Hour, info,
		"processes of {{ $value }} versions work together", "finish the update"},
}

// risen is by how much a total of the whole installation has risen. It is the same whichever process shows it.
func risen(total, by string) string {
	sum := "sum by (" + by + ") (" + total
	return "(" + sum + ") - (" + sum + " offset $window) or 0 * " + sum + ")))"
}

// grown says that counters of processes have grown by more than least. A counter begins with what it counts first, which
// increase does not see.
func grown(counter, by, least string) string {
	sum := "sum by (" + by + ") ("
	return sum + "increase(" + counter + "[$window])) > " + least + " or (" + sum + counter + ") unless " + sum + counter + " offset $window)) > " + least
}

// Times are what $window and $late stand for.
type Times struct{ Window, Late time.Duration }

// Usual are the times of the printed rules.
func Usual() Times { return Times{15 * time.Minute, time.Hour} }

// In returns the expression with times.
func (a Alert) In(t Times) string {
	return strings.NewReplacer("$window", promDuration(t.Window), "$late", seconds(t.Late)).Replace(a.Expr)
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// Rules writes the alerts as a file of rules for Prometheus.
func Rules(t Times) ([]byte, error) { return rules(Alerts, t) }

func rules(alerts []Alert, t Times) ([]byte, error) {
	var rs []rule
	for _, a := range alerts {
		r := rule{
			Alert: a.Name, Expr: a.In(t), Labels: map[string]string{"severity": a.Severity},
			Annotations: map[string]string{"summary": a.Summary, "description": a.Action},
		}
		if a.For > 0 {
			r.For = promDuration(a.For)
		}
		rs = append(rs, r)
	}
	type group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	err := enc.Encode(map[string]any{"groups": []group{{"mediaferry", rs}}})
	return out.Bytes(), err
}
