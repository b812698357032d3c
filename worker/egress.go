package worker

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// A worker counts as cut off from a realm after that many tries, over that time, which all failed before anything was sent.
const (
	cutOffTries = 10
	cutOffAfter = 10 * time.Second
)

// The pause of an upload after a failure of this worker's connection. It doubles with each failure.
const (
	egressPause     = time.Second
	egressPauseMost = 30 * time.Second
)

// egress records what a worker knows about its own connection to WeChat: realms that it can't connect to, and accounts that
// refuse its address. Neither is the fault of an upload. It is safe for concurrent use.
type egress struct {
	now  func() time.Time
	tell func() // called when the fleet should know something new

	mu      sync.Mutex
	realms  map[string]*failedRealm
	refused map[accountKey]*refusedAccount
	address string // the worker's own, as WeChat named it last
}

// accountKey names an account's IP list.
type accountKey struct{ realm, appid string }

// failedRealm counts the tries in a row that could not connect.
type failedRealm struct {
	tries       int
	first, last time.Time
	reason      string
	params      tasks.Params // of reason
}

// refusedAccount is an account whose IP list lacks our address.
type refusedAccount struct {
	times int
	last  time.Time
	next  time.Time // when the next upload may try
	cause *tasks.Error
	hold  time.Duration
}

func newEgress(tell func()) *egress {
	return &egress{now: time.Now, tell: tell, realms: map[string]*failedRealm{}, refused: map[accountKey]*refusedAccount{}}
}

// pauseAfter returns the pause after that many failures in a row.
func pauseAfter(failures int) time.Duration {
	doubled := float64(egressPause) * math.Exp2(float64(failures-1))
	return time.Duration(min(doubled, float64(egressPauseMost)))
}

// connected records that the realm answered, with success or with an error.
func (e *egress) connected(realm string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.realms, realm)
}

// failed records that the realm could not be connected to, and returns the pause of the upload.
func (e *egress) failed(realm string, cause *tasks.Error) time.Duration {
	e.mu.Lock()
	now := e.now()
	f := e.realms[realm]
	if f == nil {
		f = &failedRealm{first: now}
		e.realms[realm] = f
	}
	f.tries++
	f.last, f.reason, f.params = now, cause.Error(), cause.Values()
	news := f.cutOff()
	pause := pauseAfter(f.tries)
	e.mu.Unlock()
	if news {
		e.tell()
	}
	return pause
}

func (f *failedRealm) cutOff() bool {
	return f.tries >= cutOffTries && f.last.Sub(f.first) >= cutOffAfter
}

// accepted records that the account accepted a call from our address. It reports whether that is new.
func (e *egress) accepted(a tasks.Account) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := accountKey{a.Realm, a.AppID}
	_, was := e.refused[k]
	delete(e.refused, k)
	return was
}

// refusedBy records that the account refused our address. It returns the pause of the upload, and whether the refusal is
// new. hold is the time for which the account is held if it refuses every living worker.
func (e *egress) refusedBy(a tasks.Account, cause *tasks.Error, hold time.Duration) (pause time.Duration, news bool) {
	e.mu.Lock()
	k := accountKey{a.Realm, a.AppID}
	r := e.refused[k]
	if r == nil {
		r = new(refusedAccount)
		e.refused[k] = r
		news = true
	}
	r.times++
	pause = pauseAfter(r.times)
	r.last, r.cause, r.hold = e.now(), cause, hold
	r.next = r.last.Add(pause)
	if address := cause.Params.Address; address != "" {
		e.address = address
	}
	e.mu.Unlock()
	e.tell()
	return pause, news
}

// keepOut returns the pause of an upload that should not be tried here, and why. It returns nil for an upload that may be
// tried: after each pause one upload finds out.
func (e *egress) keepOut(a tasks.Account) (time.Duration, *tasks.Error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.refused[accountKey{a.Realm, a.AppID}]
	if r == nil {
		return 0, nil
	}
	now := e.now()
	if wait := r.next.Sub(now); wait > 0 {
		return wait, r.cause
	}
	r.next = now.Add(pauseAfter(r.times))
	return 0, nil
}

// report fills in the worker's view of its connection.
func (e *egress) report(p *tasks.Process) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	if p.Egress == "" {
		p.Egress = e.address
	}
	p.Unreachable, p.Refused = nil, nil
	for realm, f := range e.realms {
		if f.cutOff() {
			p.Unreachable = append(p.Unreachable, tasks.CutOffRealm{Realm: realm, Ago: now.Sub(f.last), Reason: f.reason, Params: f.params})
		}
	}
	for k, r := range e.refused {
		p.Refused = append(p.Refused, tasks.RefusedAccount{
			Realm: k.realm, AppID: k.appid, Ago: now.Sub(r.last), Address: r.cause.Params.Address,
			Errcode: r.cause.Errcode, RID: r.cause.RID, Reason: r.cause.Error(), Params: r.cause.Values(), Hold: r.hold,
		})
	}
	slices.SortFunc(p.Refused, func(a, b tasks.RefusedAccount) int { return int(a.Ago - b.Ago) })
}
