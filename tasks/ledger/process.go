package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// unreachableHold is the time for which a realm is held that no worker can connect to, counted from the last try. After it
// one upload finds out whether the realm can be reached.
const unreachableHold = 10 * time.Second

// Join registers a new process with its settings of the accounts. The limits of an account are the strictest of all living
// processes. New credentials of an account lift a hold that the old ones caused.
func (l *Ledger) Join(ctx context.Context, p tasks.Process, accounts []tasks.Account) error {
	return l.do(ctx, "join the fleet", func(t *tx) error {
		if err := t.expireProcesses(); err != nil {
			return err
		}
		if err := t.forgetProcess(p.Name); err != nil {
			return err
		}
		if err := t.insertProcess(p); err != nil {
			return err
		}
		for _, a := range accounts {
			if err := t.settings(p.Name, a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Heartbeat records a sign of life of a process that has joined: how busy it is, and what it can't reach. It returns
// NotFound if the ledger has given up the process; the process must join again then.
func (l *Ledger) Heartbeat(ctx context.Context, p tasks.Process) error {
	return l.do(ctx, "tell that a process lives", func(t *tx) error {
		texts, err := encodeProcess(p)
		if err != nil {
			return err
		}
		n, err := t.Exec("UPDATE processes SET slots = ?, in_flight = ?, egress = ?, unreachable = ?, refused = ?, inbox = ?, inboxes = ?, seen_at = ? WHERE name = ?",
			p.Slots, p.InFlight, clean(p.Egress), texts.unreachable, texts.refused, texts.inbox, texts.inboxes, t.Now, p.Name)
		if err != nil {
			return err
		}
		if n == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "tell that a process lives", Err: tasks.Textf("the ledger does not know the process any more")}
		}
		if err := t.expireProcesses(); err != nil {
			return err
		}
		return t.holdUnusable(p)
	})
}

// Leave removes a process that ends in good order.
func (l *Ledger) Leave(ctx context.Context, name string) error {
	return l.do(ctx, "leave the fleet", func(t *tx) error { return t.forgetProcess(name) })
}

// processTexts are the columns of a process that are JSON.
type processTexts struct{ unreachable, refused, inbox, inboxes string }

func encodeProcess(p tasks.Process) (texts processTexts, err error) {
	for _, column := range []struct {
		text *string
		of   any
	}{{&texts.unreachable, p.Unreachable}, {&texts.refused, p.Refused}, {&texts.inbox, p.Inbox}, {&texts.inboxes, p.Inboxes}} {
		b, err := json.Marshal(column.of)
		if err != nil {
			return texts, fmt.Errorf("encode process: %w", err)
		}
		*column.text = string(b)
	}
	return texts, nil
}

func (t *tx) insertProcess(p tasks.Process) error {
	texts, err := encodeProcess(p)
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO processes (name, role, host, pid, version, schema, slots, in_flight, egress, unreachable, refused, inbox, inboxes, started_at, seen_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		clean(p.Name), string(p.Role), clean(p.Host), p.PID, clean(p.Version), t.l.schema, p.Slots, p.InFlight, clean(p.Egress),
		texts.unreachable, texts.refused, texts.inbox, texts.inboxes, t.Now, t.Now)
	return err
}

// expireProcesses forgets the processes whose last sign of life is older than ProcessLife. A process with a sign in the
// future gave it before the clock was set back, and is forgotten too.
func (t *tx) expireProcesses() error {
	var names []string
	life := tasks.ProcessLife.Microseconds()
	err := t.Each("SELECT name FROM processes WHERE seen_at <= ? OR seen_at > ?", db.Args{t.Now - life, t.Now + life}, func(s db.Scanner) error {
		var name string
		err := s.Scan(&name)
		names = append(names, name)
		return err
	})
	for _, name := range names {
		if err == nil {
			err = t.forgetProcess(name)
		}
	}
	return err
}

// forgetProcess deletes a process with its settings. The limits of the other processes then count alone.
func (t *tx) forgetProcess(name string) error {
	if _, err := t.Exec("DELETE FROM processes WHERE name = ?", name); err != nil {
		return err
	}
	var accounts []string
	err := t.Each("DELETE FROM process_accounts WHERE process = ? RETURNING account", db.Args{name}, func(s db.Scanner) error {
		var a string
		err := s.Scan(&a)
		accounts = append(accounts, a)
		return err
	})
	for _, a := range accounts {
		if err == nil {
			err = t.settleAccount(a)
		}
	}
	return err
}

// settings records a process's settings of an account.
func (t *tx) settings(process string, a tasks.Account) error {
	known, err := t.Row("SELECT 1 FROM process_accounts WHERE account = ? AND fingerprint = ? LIMIT 1", db.Args{a.Name, a.Fingerprint}, new(int))
	if err != nil {
		return err
	}
	var before string
	if _, err := t.Row("SELECT fingerprint FROM accounts WHERE name = ?", db.Args{a.Name}, &before); err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO process_accounts (process, account, realm, appid, fingerprint, rate_per_minute, concurrency, daily_limit, reserve, reset_zone, registered_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		process, a.Name, a.Realm, a.AppID, a.Fingerprint, a.RatePerMinute, a.Concurrency, a.DailyLimit, a.Reserve, schema.ZoneName(a.ResetZone), t.Now)
	if err != nil {
		return err
	}
	if err := t.settleAccount(a.Name); err != nil || known || before == "" || before == a.Fingerprint {
		return err
	}
	_, err = t.lift(a.Realm, a.AppID, tasks.AccountHeld)
	return err
}

// settleAccount updates the account's row from the settings of the living processes. The process that registered last
// decides the credentials and the zone, the strictest limit counts. The row of an account that no process has stays.
func (t *tx) settleAccount(name string) error {
	t.held = nil
	t.l.limits.forget()
	var a struct {
		realm, appid, fingerprint, zone string
		limit
	}
	found := false
	err := t.Each(`SELECT realm, appid, fingerprint, reset_zone, rate_per_minute, concurrency, daily_limit, reserve FROM process_accounts
		WHERE account = ? ORDER BY registered_at, process`, db.Args{name}, func(s db.Scanner) error {
		var l limit
		found = true
		err := s.Scan(&a.realm, &a.appid, &a.fingerprint, &a.zone, &l.rate, &l.concurrency, &l.daily, &l.reserve)
		a.rate, a.concurrency, a.daily = schema.Stricter(a.rate, l.rate), schema.Stricter(a.concurrency, l.concurrency), schema.Stricter(a.daily, l.daily)
		a.reserve = max(a.reserve, l.reserve)
		return err
	})
	if err != nil || !found {
		return err
	}
	_, err = t.Exec(`INSERT INTO accounts (name, realm, appid, fingerprint, daily_limit, reserve, reset_zone, rate_per_minute, concurrency)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET realm = excluded.realm, appid = excluded.appid,
		fingerprint = excluded.fingerprint, daily_limit = excluded.daily_limit, reserve = excluded.reserve, reset_zone = excluded.reset_zone,
		rate_per_minute = excluded.rate_per_minute, concurrency = excluded.concurrency`,
		name, a.realm, a.appid, a.fingerprint, a.daily, a.reserve, a.zone, a.rate, a.concurrency)
	return err
}

// holdUnusable holds the realms and accounts that no living worker can use, as p and the others report.
func (t *tx) holdUnusable(p tasks.Process) error {
	if len(p.Unreachable)+len(p.Refused) == 0 {
		return nil
	}
	living, err := schema.Processes(t.Tx)
	if err != nil {
		return err
	}
	for _, u := range p.Unreachable {
		if !tasks.CutOff(living, u.Realm) {
			continue
		}
		if err := t.hold(tasks.Hold{Realm: u.Realm, Code: tasks.Unreachable, Reason: u.Reason, Params: u.Params, Until: t.in(unreachableHold - u.Ago)}); err != nil {
			return err
		}
	}
	for _, r := range p.Refused {
		if !tasks.RefusedEverywhere(living, r.Realm, r.AppID) {
			continue
		}
		err := t.hold(tasks.Hold{
			Realm: r.Realm, AppID: r.AppID, Code: tasks.AccountHeld, Errcode: r.Errcode, RID: r.RID, Reason: r.Reason, Params: r.Params, Until: t.in(r.Hold - r.Ago),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// in returns the time d from now.
func (t *tx) in(d time.Duration) time.Time { return db.Time(t.Now + d.Microseconds()) }
