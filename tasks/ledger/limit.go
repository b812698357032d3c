package ledger

import (
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// limit bounds the uploads of one account in the whole fleet. 0: no limit.
type limit struct {
	rate        int // calls a minute
	concurrency int // uploads under way
	daily       int // calls of ours a day, by the settings
	learnt      int // calls a day of all systems, as WeChat says
	reserve     int // percent of a day's calls that bulk uploads leave to interactive ones
	zone        *time.Location
}

// day returns the number of calls that a day has.
func (l limit) day() int { return schema.Stricter(l.daily, l.learnt) }

// reserved returns how many of a day's calls bulk uploads leave to interactive ones.
func (l limit) reserved() int { return l.day() * l.reserve / 100 }

// limitAge is the time after which a process reads the limits again: they change with the settings of other processes.
const limitAge = 2 * time.Second

// limits remembers the limits of the accounts. It is safe for concurrent use.
type limits struct {
	mu   sync.Mutex
	read int64
	by   map[accountKey]limit
	keys map[string]accountKey // of the registered accounts
}

func (s *limits) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by = nil
}

// fresh reports whether the limits were read lately.
func (s *limits) fresh(now int64) bool {
	age := time.Duration(now-s.read) * time.Microsecond
	return s.by != nil && age >= 0 && age < limitAge
}

// limitOf returns the strictest limits of all accounts with the same appid.
func (t *tx) limitOf(k accountKey) (limit, error) {
	s := &t.l.limits
	s.mu.Lock()
	defer s.mu.Unlock()
	err := t.readLimits(s)
	l := s.by[k]
	return l, err
}

// keyOf returns the key under which an account's calls are counted, and whether the account is registered.
func (t *tx) keyOf(account string) (accountKey, bool, error) {
	s := &t.l.limits
	s.mu.Lock()
	defer s.mu.Unlock()
	err := t.readLimits(s)
	k, registered := s.keys[account]
	if !registered {
		k = accountKey{appid: account}
	}
	return k, registered, err
}

func (t *tx) readLimits(s *limits) error {
	if s.fresh(t.Now) {
		return nil
	}
	by, keys := map[accountKey]limit{}, map[string]accountKey{}
	err := t.Each(`SELECT a.name, a.realm, a.appid, a.rate_per_minute, a.concurrency, a.daily_limit, a.reserve, a.reset_zone, COALESCE(p.learnt, 0), COALESCE(p.learnt_daily, 0)
		FROM accounts a LEFT JOIN paces p ON p.realm = a.realm AND p.appid = a.appid`, nil, func(r db.Scanner) error {
		var name, zone string
		var k accountKey
		var l limit
		var learnt int
		if err := r.Scan(&name, &k.realm, &k.appid, &l.rate, &l.concurrency, &l.daily, &l.reserve, &zone, &learnt, &l.learnt); err != nil {
			return err
		}
		was := by[k]
		l.rate = schema.Stricter(schema.Stricter(l.rate, learnt), was.rate)
		l.concurrency, l.daily = schema.Stricter(l.concurrency, was.concurrency), schema.Stricter(l.daily, was.daily)
		l.reserve = max(l.reserve, was.reserve)
		l.zone = schema.ZoneNamed(zone)
		by[k], keys[name] = l, k
		return nil
	})
	if err == nil {
		s.by, s.keys, s.read = by, keys, t.Now
	}
	return err
}
