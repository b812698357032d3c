package attack

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/receiver"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

// ReceiverAttacks makes the webhook receiver misbehave.
func ReceiverAttacks() []*Attack {
	length := between(500*time.Millisecond, 1500*time.Millisecond)
	mode := func(name, about string, m receiver.Mode) *Attack {
		return &Attack{Name: "receiver-" + name, about: about, track: external, length: length,
			inject: func(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
				f.Receivers[scenario.ReceiverMain].Set(m)
				return effect{target: "receiver", revert: reverting(func() error { f.Receivers[scenario.ReceiverMain].Set(receiver.Healthy); return nil })}, nil
			}}
	}
	return []*Attack{
		mode("down", "the webhook receiver breaks every connection", receiver.Down),
		mode("slow", "it answers late", receiver.Slow),
		mode("500", "it takes every event and answers 500", receiver.Failing),
		mode("redirect", "it redirects", receiver.Redirecting),
	}
}
