package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const pathUpload = "media/upload"

func wechatAttacks() []*attack {
	length := between(500*time.Millisecond, 1500*time.Millisecond)
	fault := func(name, about string, share float64, choice ...wechattest.Fault) *attack {
		return &attack{name: "wechat-" + name, about: about, lane: laneFaults, length: length, strike: misbehave(share, choice...)}
	}
	code := func(n int) wechattest.Fault { return wechattest.Fault{Errcode: n} }
	kind := func(k wechattest.Kind) wechattest.Fault { return wechattest.Fault{Kind: k} }
	return []*attack{
		fault("busy", "errcode -1, -1000, 45033, HTTP 503", 0.6, code(-1), code(-1000), code(45033), wechattest.Fault{Kind: wechattest.Status, Status: 503}),
		fault("garbage", "HTML pages, empty and odd answers", 0.5, kind(wechattest.HTML502), kind(wechattest.HTML200), kind(wechattest.Empty),
			kind(wechattest.BOM), kind(wechattest.ControlChars), kind(wechattest.StringCreated), kind(wechattest.OKErrcode)),
		fault("reset", "connections reset before and after the body was taken", 0.4, kind(wechattest.ResetBefore), kind(wechattest.ResetAfter)),
		fault("forget", "uploads that take effect, and answers that don't say so", 0.4, kind(wechattest.NoMediaID), kind(wechattest.Cut)),
		fault("slow", "answers later than the worker waits for", 0.15, wechattest.Fault{Kind: wechattest.Slow, Delay: 7 * time.Second}),
		fault("limit", "errcode 45011 or 45009: the account is held", 0.3, code(45011), code(45009)),
		fault("account", "errcode 48001 or 40164: the account is held for an operator", 0.3, code(48001), code(40164)),
		fault("unknown", "an errcode that no table knows", 0.3, code(99123)),
		fault("refuse", "errcode 40005, 45001: the file is refused for good", 0.2, code(40005), code(45001)),
		{name: "wechat-revoke", about: "access tokens revoked", lane: laneFaults, length: between(time.Millisecond, 2*time.Millisecond), strike: revoke},
	}
}

// misbehave does one of the faults, or all of them in parts, to a share of the uploads.
func misbehave(share float64, choice ...wechattest.Fault) func(context.Context, *field, *rand.Rand) (wound, error) {
	return func(_ context.Context, f *field, r *rand.Rand) (wound, error) {
		chosen := choice
		if r.IntN(2) == 0 {
			chosen = []wechattest.Fault{choice[r.IntN(len(choice))]}
		}
		set := func(share float64) {
			for _, fault := range chosen {
				fault.Path = pathUpload
				f.sandbox.Rate(fault, share)
			}
		}
		set(share / float64(len(chosen)))
		return wound{what: fmt.Sprintf("%d of %d faults", len(chosen), len(choice)), heal: func(ctx context.Context) error {
			set(0)
			return f.resume(ctx)
		}}, nil
	}
}

// resume lifts every hold, as an operator does once WeChat is well again. Holds would last for a minute or until
// midnight otherwise.
func (f *field) resume(ctx context.Context) error {
	holds, err := f.ledger.Holds(ctx)
	if err != nil {
		return nil //nolint:nilerr // the ledger is under attack as well; the healing at the end tries again
	}
	for _, h := range holds {
		if h.AppID == appIDs[accountSmall] {
			continue
		}
		if _, err := f.ledger.Resume(ctx, h.Realm, h.AppID); err != nil {
			return nil //nolint:nilerr // as above
		}
	}
	return nil
}

// revoke ends the tokens of one account. The next of the same account comes much later: after a refusal mediaferry
// fetches no second token within 30 s.
func revoke(_ context.Context, f *field, r *rand.Rand) (wound, error) {
	names := []string{accountEast, accountWest}
	name := names[r.IntN(len(names))]
	if slices.Contains(f.revoked, name) {
		return wound{}, fmt.Errorf("the tokens of %s were revoked in this run: a second time would only hold it up", name)
	}
	f.revoked = append(f.revoked, name)
	if !f.sandbox.Revoke(appIDs[name]) {
		return wound{}, errors.New("the sandbox does not know the account")
	}
	return wound{what: name, heal: heals(func() error { return nil })}, nil
}
