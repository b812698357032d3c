package attack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// WeChatAttacks makes WeChat answer wrongly, late or not at all.
func WeChatAttacks() []*Attack {
	length := between(500*time.Millisecond, 1500*time.Millisecond)
	fault := func(name, about string, share float64, choice ...wechattest.Fault) *Attack {
		return &Attack{Name: "wechat-" + name, about: about, track: external, length: length, inject: misbehave(share, choice...)}
	}
	code := func(n int) wechattest.Fault { return wechattest.Fault{Errcode: n} }
	kind := func(k wechattest.Kind) wechattest.Fault { return wechattest.Fault{Kind: k} }
	return []*Attack{
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
		{Name: "wechat-revoke", about: "access tokens revoked", track: external, length: between(time.Millisecond, 2*time.Millisecond), inject: revoke},
	}
}

// misbehave gives a share of the uploads one of the faults, or each fault to a part of that share.
func misbehave(share float64, choice ...wechattest.Fault) func(context.Context, *fleet.Fleet, *rand.Rand) (effect, error) {
	return func(_ context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
		chosen := choice
		if r.IntN(2) == 0 {
			chosen = []wechattest.Fault{choice[r.IntN(len(choice))]}
		}
		set := func(share float64) {
			for _, fault := range chosen {
				fault.Path = history.UploadPath
				f.Sandbox.Rate(fault, share)
			}
		}
		set(share / float64(len(chosen)))
		return effect{target: fmt.Sprintf("%d of %d faults", len(chosen), len(choice)), revert: func(ctx context.Context) error {
			set(0)
			f.Resume(ctx)
			return nil
		}}, nil
	}
}

// revoke ends the tokens of one account, once in a run. After a refusal mediaferry fetches no second token within 30 s.
func revoke(_ context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	names := []string{scenario.AccountEast, scenario.AccountWest}
	name := names[r.IntN(len(names))]
	if slices.Contains(f.Revoked, name) {
		return effect{}, fmt.Errorf("the tokens of %s were revoked in this run: a second time would only hold it up", name)
	}
	f.Revoked = append(f.Revoked, name)
	if !f.Sandbox.Revoke(scenario.AppIDs[name]) {
		return effect{}, errors.New("the sandbox does not know the account")
	}
	return effect{target: name, revert: reverting(func() error { return nil })}, nil
}
