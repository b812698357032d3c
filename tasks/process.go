package tasks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// ProcessLife is the time after its last sign of life during which a process counts as alive. A process gives a sign every
// few seconds.
const ProcessLife = 15 * time.Second

// ProcessRole is what a process does.
type ProcessRole string

// A run does everything in one process. A worker uploads, a serve answers HTTP.
const (
	RoleRun    ProcessRole = "run"
	RoleWorker ProcessRole = "worker"
	RoleServe  ProcessRole = "serve"
)

// Carries reports whether such a process uploads to WeChat.
func (r ProcessRole) Carries() bool { return r == RoleRun || r == RoleWorker }

// Process is a living run, worker or serve, as the ledger knows it.
type Process struct {
	Name     string      `json:"name"` // in claims and elections; unique
	Role     ProcessRole `json:"role"`
	Host     string      `json:"host"`
	PID      int         `json:"pid"`
	Version  string      `json:"version"`
	Slots    int         `json:"slots"`     // uploads that it carries at once
	InFlight int         `json:"in_flight"` // uploads that it carries now
	// Egress is the address that its calls come from, as WeChat named it or a setting says. Empty: not known.
	Egress      string            `json:"egress,omitempty"`
	Unreachable []CutOffRealm     `json:"unreachable,omitempty"`
	Refused     []RefusedAccount  `json:"refused,omitempty"`
	Accounts    []AccountSettings `json:"accounts,omitempty"`
	Inbox       *InboxPlace       `json:"inbox,omitempty"`   // of a process that takes files over HTTP
	Inboxes     []InboxSight      `json:"inboxes,omitempty"` // of the living processes, where this one works
	Started     time.Time         `json:"started_at"`
	Seen        time.Time         `json:"seen_at"`
}

// CutOffRealm is a realm that a process can't connect to: its last attempts all failed before anything was sent.
type CutOffRealm struct {
	Realm  string        `json:"realm"`
	Ago    time.Duration `json:"ago"` // since the last attempt, in nanoseconds
	Reason string        `json:"reason"`
	Params Params        `json:"params,omitzero"` // the values of reason
}

// RefusedAccount is an account that refuses the address of a process: it is not on the account's IP list.
type RefusedAccount struct {
	Realm   string        `json:"realm"`
	AppID   string        `json:"appid"`
	Ago     time.Duration `json:"ago"` // since the last refusal, in nanoseconds
	Address string        `json:"address,omitempty"`
	Errcode int           `json:"errcode"`
	RID     string        `json:"rid,omitempty"`
	Reason  string        `json:"reason"`
	Params  Params        `json:"params,omitzero"` // the values of reason
	// Hold is how long the account is held where no living worker may call, in nanoseconds.
	Hold time.Duration `json:"hold"`
}

// knows reports whether the process has an account of that realm and appid. Empty appid: any of the realm.
func (p Process) knows(realm, appid string) bool {
	return slices.ContainsFunc(p.Accounts, func(a AccountSettings) bool {
		return a.Realm == realm && (appid == "" || a.AppID == appid)
	})
}

// CutOff reports whether none of the living workers with accounts of the realm can connect to it.
func CutOff(ps []Process, realm string) bool {
	return everyWorker(ps, realm, "", func(p Process) bool {
		return slices.ContainsFunc(p.Unreachable, func(u CutOffRealm) bool { return u.Realm == realm })
	})
}

// RefusedEverywhere reports whether the account refuses the address of every living worker that has it.
func RefusedEverywhere(ps []Process, realm, appid string) bool {
	return everyWorker(ps, realm, appid, func(p Process) bool {
		return slices.ContainsFunc(p.Refused, func(r RefusedAccount) bool { return r.Realm == realm && r.AppID == appid })
	})
}

// Served returns the accounts that living workers have in their settings, and whether there is a living worker at all.
func Served(ps []Process) (accounts map[string]bool, working bool) {
	accounts = map[string]bool{}
	for _, p := range ps {
		if !p.Role.Carries() {
			continue
		}
		working = true
		for _, a := range p.Accounts {
			accounts[a.Account] = true
		}
	}
	return accounts, working
}

// everyWorker reports whether there are workers with such an account, and the condition holds for all of them.
func everyWorker(ps []Process, realm, appid string, condition func(Process) bool) bool {
	n := 0
	for _, p := range ps {
		if !p.Role.Carries() || !p.knows(realm, appid) {
			continue
		}
		if !condition(p) {
			return false
		}
		n++
	}
	return n > 0
}

// AccountSettings are one process's settings of an account. 0 means no limit.
type AccountSettings struct {
	Account       string `json:"account"`
	Realm         string `json:"realm"`
	AppID         string `json:"appid"`
	RatePerMinute int    `json:"rate_per_minute,omitzero"`
	Concurrency   int    `json:"concurrency,omitzero"`
	DailyLimit    int    `json:"daily_limit,omitzero"`
	Reserve       int    `json:"reserve,omitzero"` // percent
	ResetZone     string `json:"reset_zone"`
	// Fingerprint is that of the account's credentials.
	Fingerprint string `json:"-"`
}

// Disagreement is a setting that differs between living processes. The strictest value counts.
type Disagreement struct {
	Account string            `json:"account"`
	Setting string            `json:"setting"`
	Values  map[string]string `json:"values"` // by the name of the process
}

// String names the processes and their values.
func (d Disagreement) String() string {
	text := fmt.Sprintf("accounts.%s.%s differs:", d.Account, d.Setting)
	for i, p := range slices.Sorted(maps.Keys(d.Values)) {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %s has %s", p, d.Values[p])
	}
	return text
}

// Disagreements compares the settings that living processes have for the same accounts.
func Disagreements(ps []Process) []Disagreement {
	type key struct{ account, setting string }
	told := map[key]map[string]string{}
	for _, p := range ps {
		for _, a := range p.Accounts {
			for setting, value := range map[string]string{
				"rate_per_minute": limitText(a.RatePerMinute),
				"concurrency":     limitText(a.Concurrency),
				"daily_limit":     limitText(a.DailyLimit),
				"reset_zone":      a.ResetZone,
				"credentials":     a.Fingerprint[:min(8, len(a.Fingerprint))],
			} {
				k := key{a.Account, setting}
				if told[k] == nil {
					told[k] = map[string]string{}
				}
				told[k][p.Name] = value
			}
		}
	}
	var ds []Disagreement
	for k, values := range told {
		first := ""
		for _, v := range values {
			if first == "" {
				first = v
			}
			if v != first {
				ds = append(ds, Disagreement{k.account, k.setting, values})
				break
			}
		}
	}
	slices.SortFunc(ds, func(a, b Disagreement) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Setting, b.Setting))
	})
	return ds
}

func limitText(n int) string {
	if n == 0 {
		return "no limit"
	}
	return strconv.Itoa(n)
}
