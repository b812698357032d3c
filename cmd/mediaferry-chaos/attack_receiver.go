package main

import (
	"context"
	"math/rand/v2"
	"time"
)

func receiverAttacks() []*attack {
	length := between(500*time.Millisecond, 1500*time.Millisecond)
	mode := func(name, about string, m receiverMode) *attack {
		return &attack{name: "receiver-" + name, about: about, lane: laneFaults, length: length,
			strike: func(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
				f.receiver.set(m)
				return wound{what: "receiver", heal: heals(func() error { f.receiver.set(receiverWell); return nil })}, nil
			}}
	}
	return []*attack{
		mode("down", "the webhook receiver breaks every connection", receiverDown),
		mode("slow", "it answers late", receiverSlow),
		mode("500", "it takes every event and answers 500", receiverBroken),
		mode("redirect", "it redirects", receiverRedirect),
	}
}
