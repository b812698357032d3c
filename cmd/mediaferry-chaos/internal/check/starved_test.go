package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// busy is a diverse run of a minute. Producer p0 submits an upload to East each second, which is served after a second.
type busy struct {
	*history.History
	n int
}

func at(second float64) time.Time {
	return forgedStart.Add(time.Duration(second * float64(time.Second)))
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{History: &history.History{Run: scenario.Run{Ledger: "sqlite", Duration: time.Minute}, Ended: at(70)}}
	b.Journal = []history.Entry{{Kind: history.Intent, At: at(0)}}
	for second := range 60 {
		b.upload(t, "p0", scenario.AccountEast, scenario.ReceiverMain, float64(second), float64(second)+1)
	}
	return b
}

// upload forges an upload that is submitted at one time, and has its call, outcome and webhook at another. 0: never.
func (b *busy) upload(t *testing.T, producer, account, receiver string, submitted, served float64) uuid.UUID {
	t.Helper()
	b.n++
	id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "upload", b.n))
	o := tasks.Outcome{ID: id, Producer: producer, ExternalID: fmt.Sprint("u", b.n), Account: account, Submitted: at(submitted), Round: 1, State: tasks.Queued}
	if served > 0 {
		o.State, o.Finished = tasks.Succeeded, at(served)
		b.Calls = append(b.Calls, wechattest.Call{Time: at(served), Path: "/cgi-bin/media/upload", AppID: scenario.AppIDs[account]})
		b.event(t, o, receiver, served, served)
	}
	b.Outcomes = append(b.Outcomes, o)
	return id
}

// event forges the event of an outcome, and its webhook.
func (b *busy) event(t *testing.T, o tasks.Outcome, receiver string, ended, arrived float64) {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.NewSHA1(o.ID, []byte("event"))
	b.Events = append(b.Events, history.Event{ID: id, Type: tasks.UploadSucceeded, At: at(ended), Data: data})
	b.Deliveries = append(b.Deliveries, history.Delivery{Event: id, Receiver: receiver})
	b.Webhooks = append(b.Webhooks, history.Webhook{At: at(arrived), ID: id.String(), Receiver: receiver, Answer: 204})
}

// deliver forges an event alone, with its webhook.
func (b *busy) deliver(t *testing.T, receiver string, ended, arrived float64) {
	t.Helper()
	b.n++
	b.event(t, tasks.Outcome{ID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "other", b.n)), Round: 1}, receiver, ended, arrived)
}

func (b *busy) attack(name string, from, to float64, running ...uuid.UUID) {
	b.Injections = append(b.Injections, history.Injection{Planned: history.Planned{Attack: name}, Started: at(from), Ended: at(to), Running: running})
}

// pause moves all calls, events and webhooks between two seconds to the second one.
func (b *busy) pause(from, to float64) {
	late := func(t *time.Time) {
		if t.After(at(from)) && t.Before(at(to)) {
			*t = at(to)
		}
	}
	for i := range b.Calls {
		late(&b.Calls[i].Time)
	}
	for i := range b.Events {
		late(&b.Events[i].At)
	}
	for i := range b.Webhooks {
		late(&b.Webhooks[i].At)
	}
}

// starved lists the parties that starved.
func (b *busy) starved() string {
	r := New(b.History)
	checkStarved(r)
	var all []string
	for _, f := range r.findings {
		name, _, _ := strings.Cut(f.What, " got nothing")
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestStarved(t *testing.T) {
	t.Parallel()
	const main, steady, slow = scenario.ReceiverMain, scenario.ReceiverSteady, scenario.ReceiverSlow
	for name, tc := range map[string]struct {
		forge func(*testing.T, *busy)
		want  string
	}{
		"nobody": {func(*testing.T, *busy) {}, ""},
		"an account and its producer": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountWest, main, 5, 30)
		}, "account west, p1"},
		"an account, not its producer": {func(t *testing.T, b *busy) {
			b.upload(t, "p0", scenario.AccountWest, main, 5, 30)
		}, "account west"},
		"a producer, not its account": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountEast, main, 5, 30)
		}, "p1"},
		"a producer that is never served": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountEast, main, 5, 0)
		}, "p1"},
		"served in time": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountWest, main, 5, 14)
		}, ""},
		"late, one after the other": {func(t *testing.T, b *busy) {
			for second := range 60 {
				b.upload(t, "p1", scenario.AccountWest, main, 0, float64(second)+1)
			}
		}, ""},
		"all wait alike": {func(_ *testing.T, b *busy) { b.pause(20, 40) }, ""},
		"a held account": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountWest, main, 5, 30)
			b.Holds = []history.Hold{{Account: scenario.AccountWest, From: at(6), To: at(29)}}
		}, ""},
		"after a hold": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountWest, main, 5, 30)
			b.Holds = []history.Hold{{Account: scenario.AccountWest, From: at(6), To: at(15)}}
		}, "account west, p1"},
		"a producer, one of whose accounts is held": {func(t *testing.T, b *busy) {
			b.Holds = []history.Hold{{Account: scenario.AccountWest, From: at(0), To: at(60)}}
			b.upload(t, "p1", scenario.AccountWest, main, 5, 30)
			b.upload(t, "p1", scenario.AccountEast, main, 5, 30)
		}, "p1"},
		"a slow account whose rate is used up": {func(t *testing.T, b *busy) {
			for i := range 6 {
				b.upload(t, "p0", scenario.AccountSlow, main, 0, float64(i)+1)
			}
			b.upload(t, "p0", scenario.AccountSlow, main, 0, 0)
		}, ""},
		"a slow account at its pace": {func(t *testing.T, b *busy) {
			b.upload(t, "p0", scenario.AccountSlow, main, 0, 1)
			b.upload(t, "p0", scenario.AccountSlow, main, 0, 17)
		}, ""},
		"a slow account below its pace": {func(t *testing.T, b *busy) {
			b.upload(t, "p0", scenario.AccountSlow, main, 0, 1)
			b.upload(t, "p0", scenario.AccountSlow, main, 0, 0)
		}, "account slow"},
		"a daily limit": {func(t *testing.T, b *busy) {
			for range scenario.SmallLimit {
				b.upload(t, "p0", scenario.AccountSmall, main, 0, 1)
			}
			b.upload(t, "p0", scenario.AccountSmall, main, 0, 0)
		}, ""},
		"lost with Redis": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountWest, main, 5, 20)
			b.attack("redis-flush", 6, 6.1)
		}, ""},
		"lost with Redis for long": {func(t *testing.T, b *busy) {
			b.upload(t, "p1", scenario.AccountWest, main, 5, 40)
			b.attack("redis-flush", 6, 6.1)
		}, "account west, p1"},
		"submitted after Redis was lost": {func(t *testing.T, b *busy) {
			b.attack("redis-flush", 4, 4.1)
			b.upload(t, "p1", scenario.AccountWest, main, 5, 20)
		}, "account west, p1"},
		"over many losses of Redis": {func(t *testing.T, b *busy) {
			for i := range 20 {
				b.upload(t, "p1", scenario.AccountWest, main, float64(2*i)+0.5, 44)
				b.attack("redis-flush", float64(2*i), float64(2*i)+0.1)
			}
		}, "account west, p1"},
		"in the hands of a dead worker": {func(t *testing.T, b *busy) {
			id := b.upload(t, "p1", scenario.AccountWest, main, 5, 19)
			b.attack("worker-kill", 5.5, 6, id)
		}, ""},
		"handed back on the way": {func(t *testing.T, b *busy) {
			id := b.upload(t, "p1", scenario.AccountWest, main, 5, 21)
			b.Claims = []history.Claim{{Upload: id, From: at(7), Took: 8 * time.Second}}
		}, ""},
		"a receiver":         {func(t *testing.T, b *busy) { b.deliver(t, steady, 5, 30) }, "receiver steady"},
		"a receiver in time": {func(t *testing.T, b *busy) { b.deliver(t, steady, 5, 14) }, ""},
		"a slow receiver": {func(t *testing.T, b *busy) {
			b.deliver(t, slow, 5, 6)
			b.deliver(t, slow, 5, 25)
		}, ""},
		"a receiver that failed": {func(t *testing.T, b *busy) {
			b.deliver(t, steady, 5, 50)
			b.Webhooks = append(b.Webhooks, history.Webhook{At: at(5), Receiver: steady, Answer: 500})
		}, ""},
		"a receiver of a dead worker": {func(t *testing.T, b *busy) {
			b.deliver(t, steady, 5, 50)
			b.attack("worker-kill", 5.5, 6)
		}, ""},
		"a uniform run": {func(t *testing.T, b *busy) {
			b.Run.Uniform = true
			b.upload(t, "p1", scenario.AccountWest, main, 5, 30)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBusy(t)
			tc.forge(t, b)
			if got := b.starved(); got != tc.want {
				t.Errorf("starved: %q, want %q", got, tc.want)
			}
		})
	}
}
