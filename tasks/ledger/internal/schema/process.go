package schema

import (
	"encoding/json"
	"fmt"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Processes lists the living processes by name, each with its settings of the accounts.
func Processes(t *db.Tx) ([]tasks.Process, error) {
	var ps []tasks.Process
	life := tasks.ProcessLife.Microseconds()
	err := t.Each(`SELECT name, role, host, pid, version, slots, in_flight, egress, unreachable, refused, inbox, inboxes, started_at, seen_at
		FROM processes WHERE seen_at > ? AND seen_at <= ? ORDER BY name`, db.Args{t.Now - life, t.Now + life}, func(s db.Scanner) error {
		p, err := scanProcess(s)
		ps = append(ps, p)
		return err
	})
	if err != nil || len(ps) == 0 {
		return nil, err
	}
	at := make(map[string]int, len(ps))
	for i, p := range ps {
		at[p.Name] = i
	}
	err = t.Each(`SELECT process, account, realm, appid, fingerprint, rate_per_minute, concurrency, daily_limit, reserve, reset_zone
		FROM process_accounts ORDER BY process, account`, nil, func(s db.Scanner) error {
		var name string
		var a tasks.AccountSettings
		err := s.Scan(&name, &a.Account, &a.Realm, &a.AppID, &a.Fingerprint, &a.RatePerMinute, &a.Concurrency, &a.DailyLimit, &a.Reserve, &a.ResetZone)
		if i, living := at[name]; living {
			ps[i].Accounts = append(ps[i].Accounts, a)
		}
		return err
	})
	return ps, err
}

func scanProcess(s db.Scanner) (tasks.Process, error) {
	var p tasks.Process
	var unreachable, refused, inbox, inboxes []byte
	var started, seen int64
	err := s.Scan(&p.Name, &p.Role, &p.Host, &p.PID, &p.Version, &p.Slots, &p.InFlight, &p.Egress, &unreachable, &refused, &inbox, &inboxes, &started, &seen)
	if err != nil {
		return p, err
	}
	for _, column := range []struct {
		text []byte
		into any
	}{{unreachable, &p.Unreachable}, {refused, &p.Refused}, {inbox, &p.Inbox}, {inboxes, &p.Inboxes}} {
		if err := json.Unmarshal(column.text, column.into); err != nil {
			return p, fmt.Errorf("read process %s: %w", p.Name, err)
		}
	}
	p.Started, p.Seen = db.Time(started), db.Time(seen)
	return p, nil
}
