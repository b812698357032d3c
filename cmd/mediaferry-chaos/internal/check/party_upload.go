package check

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// uploadParties returns all accounts and all producers, with the first rounds of their uploads as work.
func (r *Records) uploadParties() (accounts, producers []*party) {
	byAccount, byProducer, room := map[string]*party{}, map[string]*party{}, map[string]ticks{}
	for _, a := range r.Run.Accounts() {
		limit := starveLimit
		if a.RatePerMinute > 0 {
			limit += time.Minute / time.Duration(a.RatePerMinute)
		}
		p := r.newParty("account "+a.Name, limit)
		byAccount[a.Name], room[a.Name], accounts = p, r.room(a), append(accounts, p)
		r.UploadCalls(func(c wechattest.Call) {
			if c.AppID == scenario.AppIDs[a.Name] {
				r.count(p.got, c.Time)
			}
		})
	}
	spans, losses, stuck := r.spans(), r.losses(), r.stuck()
	for id, o := range r.outcomes {
		account, producer := byAccount[o.Account], byProducer[o.Producer]
		if account == nil {
			continue
		}
		if producer == nil {
			producer = r.newParty(o.Producer, starveLimit)
			byProducer[o.Producer], producers = producer, append(producers, producer)
		}
		open := span{r.right(o.Submitted), r.firstOutcome(id)}
		ready := open.without(append(holding(open.from, losses), stuck[id]...))
		for _, p := range []*party{account, producer} {
			r.countSpan(p.work, open, room[o.Account])
			for _, s := range ready {
				r.countSpan(p.ready, s, room[o.Account])
			}
			r.count(p.got, open.to)
			for _, c := range spans[id] {
				r.count(p.got, c.From)
				r.count(p.got, c.From.Add(c.Took))
			}
		}
	}
	return accounts, producers
}

// room counts 1 for each tick in which the account may call WeChat: it is not held, and its rate and its daily limit allow
// one more call.
func (r *Records) room(a scenario.Account) ticks {
	calls, held, room := r.newTicks(), r.newTicks(), r.newTicks()
	r.UploadCalls(func(c wechattest.Call) {
		if c.AppID == scenario.AppIDs[a.Name] {
			r.count(calls, c.Time)
		}
	})
	for _, h := range r.Holds {
		if h.Account == a.Name {
			r.countSpan(held, span{h.From.Add(-time.Second), h.To.Add(time.Second)}, nil) // observations come late
		}
	}
	const minute = int(time.Minute / tick)
	total, recent := 0, 0
	for i, n := range calls {
		total, recent = total+n, recent+n
		if i >= minute {
			recent -= calls[i-minute]
		}
		if held[i] == 0 && (a.RatePerMinute == 0 || recent < a.RatePerMinute) && (a.DailyLimit == 0 || total < a.DailyLimit) {
			room[i] = 1
		}
	}
	return room
}

// firstOutcome returns when the first round of an upload ended, or the end of the run.
func (r *Records) firstOutcome(id uuid.UUID) time.Time {
	if es := r.events[roundKey{id, 1}]; len(es) > 0 {
		return r.right(es[0].At)
	}
	return r.Ended
}

// loss is an attack that may hold up what came before its end, for a while longer than it lasts.
type loss struct {
	span
	ended time.Time
}

// losses lists the attacks on Redis, the ledger and clocks. Uploads that came before run again within recoveryLimit.
func (r *Records) losses() []loss {
	var all []loss
	for _, s := range r.Injections {
		for _, prefix := range []string{"redis-", "ledger-", "net-redis", "net-ledger", "clock-"} {
			if strings.HasPrefix(s.Attack, prefix) {
				all = append(all, loss{span{s.Started, s.Ended.Add(recoveryLimit)}, s.Ended})
			}
		}
	}
	return all
}

// stuck lists when each upload was in the hands of a worker that was killed or stopped, until it must run again.
func (r *Records) stuck() map[uuid.UUID][]span {
	all := map[uuid.UUID][]span{}
	for _, s := range r.Injections {
		for _, id := range s.Running {
			all[id] = append(all[id], span{s.Started, s.Started.Add(recoveryLimit)})
		}
	}
	return all
}

// holding returns the losses that may hold up what came at that time.
func holding(at time.Time, all []loss) []span {
	var some []span
	for _, l := range all {
		if l.ended.After(at) {
			some = append(some, l.span)
		}
	}
	return some
}
