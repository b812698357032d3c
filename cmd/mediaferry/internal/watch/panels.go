package watch

// Row is a row of the dashboard.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel is a diagram over time.
type Panel struct {
	Title   string
	Unit    string // as Grafana names it
	Queries []Query
}

// Query is a line, or one for each value of a label.
type Query struct {
	Expr   string // in PromQL; $__rate_interval is Grafana's
	Legend string
}

// percentiles are three lines of a histogram.
func percentiles(name, selector string) []Query {
	of := func(q, legend string) Query {
		return Query{"histogram_quantile(" + q + ", sum by (le) (rate(" + name + "_bucket" + selector + "[$__rate_interval])))", legend}
	}
	return []Query{of("0.5", "p50"), of("0.95", "p95"), of("0.99", "p99")}
}

// Rows are the whole dashboard.
//
//nolint:gochecknoglobals // a table
var Rows = []Row{
	{"Uploads", []Panel{
		{"Accepted and ended", "ops", []Query{
			{`sum(rate(mediaferry_uploads_accepted_total[$__rate_interval]))`, "accepted"},
			{`sum by (outcome) (rate(mediaferry_uploads_ended_total[$__rate_interval]))`, "{{outcome}}"},
			{`sum(rate(mediaferry_uploads_ended_total{reused="true"}[$__rate_interval]))`, "reused"},
		}},
		{"Open", "short", []Query{{`sum by (state, reason) (mediaferry_uploads_open)`, "{{state}}: {{reason}}"}}},
		{"Open by account", "short", []Query{{`sum by (account) (mediaferry_uploads_open)`, "{{account}}"}}},
		{"Age of the oldest", "s", []Query{
			{`time() - max(mediaferry_uploads_oldest_open_timestamp_seconds)`, "upload"},
			{`time() - max(mediaferry_deliveries_oldest_timestamp_seconds)`, "webhook"},
		}},
		{"Failures", "ops", []Query{{`sum by (account, code) (rate(mediaferry_uploads_ended_total{outcome="failed"}[$__rate_interval]))`, "{{account}}: {{code}}"}}},
		{"Missing and unserved", "short", []Query{
			{`sum(mediaferry_uploads_missing)`, "missing"},
			{`sum(mediaferry_uploads_unserved)`, "unserved"},
		}},
	}},
	{"WeChat", []Panel{
		{"Tries that did not succeed", "ops", []Query{{`sum by (code, errcode) (rate(mediaferry_tries_total{code!=""}[$__rate_interval]))`, "{{code}} {{errcode}}"}}},
		{"Upload call", "s", percentiles("mediaferry_stage_duration_seconds", `{stage="upload"}`)},
		{"Calls left today", "short", []Query{{`max by (account) (mediaferry_account_calls_left)`, "{{account}}"}}},
		{"Calls today", "short", []Query{{`max by (account) (mediaferry_account_calls_today)`, "{{account}}"}}},
		{"Held accounts", "short", []Query{{`max by (account, code) (mediaferry_account_held)`, "{{account}}: {{code}}"}}},
		{"Workers cut off or refused", "short", []Query{
			{`sum(mediaferry_workers_cut_off)`, "cut off"},
			{`max by (account) (mediaferry_workers_refused)`, "refused by {{account}}"},
		}},
	}},
	{"The way of an upload", []Panel{
		{"Wait for the first worker", "s", percentiles("mediaferry_queue_duration_seconds", "")},
		{"Stages, 95th percentile", "s", []Query{{`histogram_quantile(0.95, sum by (le, stage) (rate(mediaferry_stage_duration_seconds_bucket[$__rate_interval])))`, "{{stage}}"}}},
		{"A try, 95th percentile", "s", []Query{{`histogram_quantile(0.95, sum by (le, state) (rate(mediaferry_try_duration_seconds_bucket[$__rate_interval])))`, "{{state}}"}}},
		{"Slots", "short", []Query{
			{`sum by (lane) (mediaferry_slots_used)`, "{{lane}} used"},
			{`sum by (lane) (mediaferry_slots)`, "{{lane}}"},
		}},
		{"Memory for files", "bytes", []Query{
			{`sum by (lane) (mediaferry_memory_used_bytes)`, "{{lane}} used"},
			{`sum by (lane) (mediaferry_memory_budget_bytes)`, "{{lane}}"},
		}},
		{"Wait for memory", "short", []Query{{`sum by (lane) (mediaferry_memory_waiting)`, "{{lane}}"}}},
	}},
	{"Webhooks", []Panel{
		{"Attempts", "ops", []Query{{`sum by (result) (rate(mediaferry_delivery_attempts_total[$__rate_interval]))`, "{{result}}"}}},
		{"Receivers' answers", "s", percentiles("mediaferry_delivery_duration_seconds", "")},
		{"Pending", "short", []Query{{`sum(mediaferry_deliveries_pending)`, "pending"}}},
	}},
	{"Redis and ledger", []Panel{
		{"Queues", "short", []Query{{`sum by (queue, state) (mediaferry_belt_tasks) > 0`, "{{queue}}: {{state}}"}}},
		{"Oldest task of a queue", "s", []Query{{`max by (queue) (mediaferry_belt_latency_seconds)`, "{{queue}}"}}},
		{"Paused queues", "short", []Query{{`max by (queue) (mediaferry_belt_paused)`, "{{queue}}"}}},
		{"Redis", "s", percentiles("mediaferry_redis_duration_seconds", "")},
		{"Ledger, 95th percentile", "s", []Query{{`histogram_quantile(0.95, sum by (le, use) (rate(mediaferry_ledger_duration_seconds_bucket[$__rate_interval])))`, "{{use}}"}}},
		{"Errors", "ops", []Query{
			{`sum(rate(mediaferry_redis_errors_total[$__rate_interval]))`, "Redis"},
			{`sum by (use) (rate(mediaferry_ledger_errors_total[$__rate_interval]))`, "ledger: {{use}}"},
		}},
	}},
	{"Processes", []Panel{
		{"Living", "short", []Query{{`sum by (role) (mediaferry_processes)`, "{{role}}"}}},
		{"Versions", "short", []Query{{`count by (version, role) (mediaferry_build_info)`, "{{version}} {{role}}"}}},
		{"Leaders", "short", []Query{{`mediaferry_leader == 1`, "{{role}}: {{instance}}"}}},
		{"Memory", "bytes", []Query{{`process_resident_memory_bytes and on (instance) mediaferry_build_info`, "{{instance}}"}}},
		{"CPU", "percentunit", []Query{{`rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) mediaferry_build_info`, "{{instance}}"}}},
		{"Goroutines", "short", []Query{{`go_goroutines and on (instance) mediaferry_build_info`, "{{instance}}"}}},
	}},
}
