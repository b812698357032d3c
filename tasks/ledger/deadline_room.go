package ledger

import (
	"cmp"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// deadlines remembers what stands before uploads with a deadline, for one submission.
type deadlines struct {
	before  map[dated]int // uploads that are ready, by what was asked
	pending map[dated]int // rows of the submission that may be written
}

// dated stands for the uploads of a producer in a lane that must be done by a time.
type dated struct {
	stream
	by int64
}

// maxDeadlines is the number of different deadlines of a submission that are looked at. Rows with others are accepted.
const maxDeadlines = 20

// mayMeet returns the refusal of an upload that can't be done by its deadline, whatever comes: the account has fewer calls until
// then than what stands before the upload takes. That are the producer's uploads with a deadline that is no later, and for a bulk
// upload the renewals that are due before. Each takes one call.
func (a *admission) mayMeet(u *incoming) (*tasks.Error, error) {
	by := db.Micros(u.ExpiresBy)
	if u.ExpiresBy.IsZero() || by <= a.Now {
		return nil, nil //nolint:nilnil // it has no deadline, or fails by it
	}
	k, registered, err := a.keyOf(u.Account)
	if err != nil || !registered {
		return nil, err
	}
	c, err := a.countOf(k.realm, k.appid)
	if err != nil || c.limit.day() == 0 {
		return nil, err
	}
	of := dated{stream{lane{u.Priority, u.Account}, u.Producer}, by}
	before, known, err := a.dates.ahead(a.tx, of)
	if err != nil || !known {
		return nil, err
	}
	renewals := 0
	if u.Priority == tasks.Bulk {
		if renewals, err = schema.RenewalsBefore(a.Tx, k.realm, k.appid, by); err != nil {
			return nil, err
		}
	}
	day, calls := c.dayOfCall(a.Now, before+renewals+1, u.Priority, by)
	if day.IsZero() || db.Micros(day) < by {
		return nil, a.expect(of, u)
	}
	return &tasks.Error{
		Code: tasks.Invalid, Op: "accept upload",
		Err: tasks.Textf("expires_by: account %q has %d calls until then, and %d uploads with a deadline that is no later and %d renewals come before: it would be done on %s",
			u.Account, calls, before, renewals, day.In(cmp.Or(c.zone, tasks.DayZone())).Format(time.DateOnly)),
		Hint: "give it a later expires_by, or raise the account's daily limit",
	}, nil
}

// expect counts a row of the submission that may be written, unless it repeats an earlier request: that is counted already.
func (a *admission) expect(of dated, u *incoming) error {
	where, values := "id = ?", db.Args{u.ID[:]}
	if u.ExternalID != "" {
		where, values = "producer = ? AND external_id = ?", db.Args{u.Producer, u.ExternalID}
	}
	repeats, err := a.Row("SELECT 1 FROM uploads WHERE "+where, values, new(int))
	if err == nil && !repeats {
		a.dates.pending[of]++
	}
	return err
}

// ahead counts the uploads that stand before one more of these, and reports false where too many deadlines were looked at.
func (d *deadlines) ahead(t *tx, of dated) (int, bool, error) {
	if d.before == nil {
		d.before, d.pending = map[dated]int{}, map[dated]int{}
	}
	n, known := d.before[of]
	if !known {
		if len(d.before) >= maxDeadlines {
			return 0, false, nil
		}
		_, err := t.Row("SELECT count(*) FROM uploads WHERE priority = ? AND account = ? AND "+isDated+" AND expires_by <= ?",
			db.Args{int(of.priority), of.account, of.producer, of.by}, &n)
		if err != nil {
			return 0, false, err
		}
		d.before[of] = n
	}
	for other, m := range d.pending {
		if other.stream == of.stream && other.by <= of.by {
			n += m
		}
	}
	return n, true, nil
}

// dayOfCall returns the beginning of the day on which the account makes its nth call from now, or now where that is today, and
// zero where it is too far away. until is the number of calls that it can make before a time.
func (c *callCount) dayOfCall(now int64, n int, p tasks.Priority, before int64) (day time.Time, until int) {
	const horizon = 366
	reserved := 0
	if p == tasks.Bulk {
		reserved = c.reserved()
	}
	left, _ := c.left()
	daily, _ := schema.CallsADay(c.daily, c.learnt, 0)
	at, most := db.Time(now), max(0, left-reserved)
	for range horizon {
		if db.Micros(at) < before {
			until += most
		}
		if n -= most; n <= 0 {
			return at, until
		}
		at, most = tasks.DayEnd(at, c.zone), max(0, daily-reserved)
	}
	return time.Time{}, until
}
