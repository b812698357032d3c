package attack

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/proxy"
)

// netAttacks degrade one of the three networks in one of four ways.
func netAttacks() []*Attack {
	modes := []struct {
		name  string
		about string
		mode  proxy.Mode
	}{
		{"lag", "every piece of data late", proxy.Lagging},
		{"cut", "connections reset and refused", proxy.CutOff},
		{"half", "connections that stay open while nothing passes", proxy.HalfOpen},
		{"drip", "a few bytes at a time", proxy.Dripping},
	}
	var all []*Attack
	for _, net := range []string{"redis", "ledger", "wechat"} {
		for _, m := range modes {
			a := &Attack{
				Name: "net-" + net + "-" + m.name, about: "between workers and " + net + ": " + m.about,
				length: between(500*time.Millisecond, 1500*time.Millisecond), inject: degrade(net, m.mode),
			}
			if net == "ledger" {
				a.ledger = "postgres" // SQLite has no network
			}
			if net == "wechat" {
				a.track = external
			}
			all = append(all, a)
		}
	}
	return all
}

func degrade(net string, mode proxy.Mode) func(context.Context, *fleet.Fleet, *rand.Rand) (effect, error) {
	return func(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
		f.Proxies[net].Set(mode)
		return effect{target: net, revert: reverting(func() error { f.Proxies[net].Set(proxy.Passing); return nil })}, nil
	}
}
