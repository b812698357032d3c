package view

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// accountDay is an account with what is left of its day.
type accountDay struct {
	tasks.AccountStatus
	zone *time.Location
	kept int // media that are kept alive
}

// daysOf returns the registered accounts with their limits and the calls of today, by name.
func daysOf(t *db.Tx) ([]accountDay, error) {
	var all []accountDay
	today := schema.DayIn(t.Now, time.UTC) // today's number differs by one at most in other zones
	err := t.Each(`SELECT a.name, a.realm, a.appid, a.daily_limit, a.reserve, a.reset_zone, COALESCE(p.learnt_daily, 0),
			COALESCE(q.day, 0), COALESCE(q.calls, 0), COALESCE(q.others, 0)
		FROM accounts a LEFT JOIN paces p ON p.realm = a.realm AND p.appid = a.appid
		LEFT JOIN quota q ON q.realm = a.realm AND q.appid = a.appid AND q.day BETWEEN ? AND ? ORDER BY a.name`, db.Args{today - 1, today + 1}, func(s db.Scanner) error {
		var a accountDay
		var zone string
		var day int64
		var daily, learnt, percent, calls, others int
		if err := s.Scan(&a.Name, &a.Realm, &a.AppID, &daily, &percent, &zone, &learnt, &day, &calls, &others); err != nil {
			return err
		}
		last := len(all) - 1
		if last < 0 || all[last].Name != a.Name {
			a.zone = schema.ZoneNamed(zone)
			a.DailyLimit = schema.Stricter(daily, learnt)
			a.Reserve = a.DailyLimit * percent / 100
			all = append(all, a)
			last++
		}
		if day == schema.DayIn(t.Now, all[last].zone) {
			all[last].CallsToday = calls
			if most, limited := schema.CallsADay(daily, learnt, others); limited {
				all[last].CallsOfOthers = all[last].DailyLimit - most
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, countRenewals(t, all)
}

// countRenewals adds what media that are kept alive take of the accounts' days.
func countRenewals(t *db.Tx, all []accountDay) error {
	type key struct{ realm, appid string }
	var k key
	kept := map[key]int{}
	for {
		found, err := t.Row("SELECT realm, appid FROM kept WHERE (realm, appid) > (?, ?) ORDER BY realm, appid LIMIT 1", db.Args{k.realm, k.appid}, &k.realm, &k.appid)
		if err != nil {
			return err
		}
		if !found {
			break
		}
		var n int
		if _, err := t.Row("SELECT count(*) FROM kept WHERE realm = ? AND appid = ?", db.Args{k.realm, k.appid}, &n); err != nil {
			return err
		}
		kept[k] = n
	}
	for i := range all {
		a := &all[i]
		if a.kept = kept[key{a.Realm, a.AppID}]; a.kept == 0 || a.DailyLimit == 0 {
			continue
		}
		var err error
		if a.Renewals, err = schema.RenewalsBefore(t, a.Realm, a.AppID, db.Micros(tasks.DayEnd(db.Time(t.Now), a.zone))); err != nil {
			return err
		}
	}
	return nil
}

// prospect is what decides when the account's uploads are done. h is its hold, done the uploads of a minute at work.
func (a accountDay) prospect(now int64, h *schema.Hold, done float64) tasks.Prospect {
	p := tasks.Prospect{Now: db.Time(now), Zone: a.zone, PerSecond: done / 60}
	if h.InForce(now) {
		p.From = h.Until
	}
	if left, limited := a.LeftToday(); limited {
		p.Left, p.Daily = max(0, left-a.Reserve-a.Renewals), max(1, a.DailyLimit-a.Reserve-tasks.KeepCalls(a.kept))
	}
	return p
}

// doneAMinute returns how many uploads of each account were done in a minute of the last hour, of the minutes in which some were.
func doneAMinute(t *db.Tx) (map[string]float64, error) {
	done := map[string]float64{}
	err := t.Each(`SELECT account, sum(n), count(DISTINCT at) FROM counts WHERE at > ? AND at <= ? AND what IN (4, 5, 7) GROUP BY account`,
		db.Args{t.Now - schema.Hour, t.Now}, func(s db.Scanner) error {
			var account string
			var n, minutes float64
			err := s.Scan(&account, &n, &minutes)
			done[account] = n / max(1, minutes)
			return err
		})
	return done, err
}
