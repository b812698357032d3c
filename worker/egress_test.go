package worker

import (
	"errors"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

var (
	blue = tasks.Account{Name: "blue", Realm: "one.example", AppID: "wxblue"}
	far  = tasks.Account{Name: "far", Realm: "two.example", AppID: "wxfar"}
)

type egressClock struct{ at time.Time }

func (c *egressClock) now() time.Time       { return c.at }
func (c *egressClock) pass(d time.Duration) { c.at = c.at.Add(d) }

func newTestEgress() (e *egress, clock *egressClock, told *int) {
	clock, told = &egressClock{at: time.Unix(1_800_000_000, 0)}, new(int)
	e = newEgress(func() { *told++ })
	e.now = clock.now
	return e, clock, told
}

func TestARealmIsCutOffAfterTenFailuresOverTenSeconds(t *testing.T) {
	t.Parallel()
	e, clock, told := newTestEgress()
	down := &tasks.Error{Code: tasks.Unreachable, Err: errors.New("connection refused")}
	report := func() []tasks.CutOffRealm {
		var p tasks.Process
		e.report(&p)
		return p.Unreachable
	}
	for range 2 * cutOffTries { // many at the same moment say no more than one
		e.failed(blue.Realm, down)
	}
	if got := report(); got != nil {
		t.Errorf("cut off at once: %+v", got)
	}
	e.connected(blue.Realm)
	for i := range cutOffTries {
		if got := report(); got != nil {
			t.Errorf("cut off after %d failures: %+v", i, got)
		}
		e.failed(blue.Realm, down)
		clock.pass(2 * time.Second)
	}
	got := report()
	if len(got) != 1 || got[0].Realm != blue.Realm || got[0].Ago != 2*time.Second || *told == 0 {
		t.Errorf("cut off: %+v, told %d times", got, *told)
	}
	e.connected(far.Realm)
	if len(report()) != 1 {
		t.Error("another realm's answer brought it back")
	}
	e.connected(blue.Realm)
	if got := report(); got != nil {
		t.Errorf("still cut off after an answer: %+v", got)
	}
}

func TestARefusedAddressKeepsItsAccountOut(t *testing.T) {
	t.Parallel()
	e, clock, told := newTestEgress()
	no := &tasks.Error{Code: tasks.Egress, Errcode: 40164, Params: tasks.Params{Address: "203.0.113.9"}, Err: errors.New("not on the list")}
	last := time.Duration(0)
	for i := range 8 {
		pause, news := e.refusedBy(blue, no, time.Minute)
		if pause < last || pause > egressPauseMost || news != (i == 0) {
			t.Errorf("refusal %d: pause %v after %v, news %v", i, pause, last, news)
		}
		if wait, cause := e.keepOut(blue); wait != pause || cause != no {
			t.Errorf("kept out for %v by %v, want %v", wait, cause, pause)
		}
		if _, cause := e.keepOut(far); cause != nil {
			t.Errorf("another account is kept out: %v", cause)
		}
		clock.pass(pause)
		if _, cause := e.keepOut(blue); cause != nil {
			t.Errorf("nobody may find out again after the pause: %v", cause)
		}
		if _, cause := e.keepOut(blue); cause == nil {
			t.Error("more than one finds out")
		}
		last = pause
	}
	var p tasks.Process
	e.report(&p)
	if last != egressPauseMost || *told != 8 || p.Egress != "203.0.113.9" || len(p.Refused) != 1 || p.Refused[0].Errcode != 40164 || p.Refused[0].Hold != time.Minute {
		t.Errorf("pause %v, told %d times, report %+v", last, *told, p)
	}
	if !e.accepted(blue) || e.accepted(blue) {
		t.Error("that it is taken again is news once")
	}
	if _, cause := e.keepOut(blue); cause != nil {
		t.Errorf("kept out though it is taken again: %v", cause)
	}
}
