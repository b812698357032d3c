package ledger

import (
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// spokenAge is the time after which a process counts again what renewals need.
const spokenAge = 2 * time.Second

// spoken remembers how many of today's calls the renewals of an account need. Bulk uploads leave these calls alone, so that they
// let no media expire that is kept alive. It is safe for concurrent use.
type spoken struct {
	mu sync.Mutex
	by map[accountKey]spokenFor
}

type spokenFor struct {
	day   int64
	read  int64
	calls int
}

// renewalsToday returns the calls that renewals of an account need before its day ends. They may have been counted a moment ago,
// unless now is true.
func (t *tx) renewalsToday(k accountKey, c *callCount, now bool) (int, error) {
	s := &t.l.spoken
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.by[k]
	if age := time.Duration(t.Now-was.read) * time.Microsecond; known && !now && was.day == c.day && age >= 0 && age < spokenAge {
		return was.calls, nil
	}
	n, err := schema.RenewalsBefore(t.Tx, k.realm, k.appid, db.Micros(c.dayEnd(t.Now)))
	if err != nil {
		return 0, err
	}
	if s.by == nil {
		s.by = map[accountKey]spokenFor{}
	}
	s.by[k] = spokenFor{day: c.day, read: t.Now, calls: n}
	return n, nil
}

// keptFrom returns how many of the calls that are left an upload leaves to others: a bulk upload to interactive ones and to
// renewals, a renewal to interactive ones.
func (c *callCount) keptFrom(p tasks.Priority, renewal bool) int {
	switch {
	case p == tasks.Interactive:
		return 0
	case renewal:
		return c.reserved()
	default:
		return c.reserved() + c.renewals
	}
}

// spentFor reports whether no call is left today for r. Before it says so because of renewals, it counts them.
func (t *tx) spentFor(r *row, k tasks.MediaKey, c *callCount) (bool, error) {
	renewal := r.renews != 0
	if !c.spent(r.priority, renewal) || r.priority == tasks.Interactive || renewal || c.renewals == 0 {
		return c.spent(r.priority, renewal), nil
	}
	var err error
	c.renewals, err = t.renewalsToday(accountKey{k.Realm, k.AppID}, c, true)
	return c.spent(r.priority, renewal), err
}
