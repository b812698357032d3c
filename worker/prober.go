package worker

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Holds is what a Prober needs of the ledger.
type Holds interface {
	Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error)
	Holds(ctx context.Context) ([]tasks.Hold, error)
	Resume(ctx context.Context, realm, appid string) (bool, error)
	Resign(ctx context.Context, role, holder string) error
}

// Prober keeps the ledger's count of an account's daily calls true: it asks WeChat, which also counts what other systems
// call. It lifts the hold of an account whose calls WeChat had used up once it grants some again, as after its owner has
// cleared the quota. Without it such an account would wait for midnight. Run one in every process: a lease in the ledger
// elects the one that works.
type Prober struct {
	Ledger   Holds
	Accounts []tasks.Account
	// Resync asks WeChat how many upload calls an account has left today, and records the answer.
	Resync func(ctx context.Context, account tasks.Account) (left int, err error)
	// Every is how often it asks. Each time costs one call for each account that is no upload call.
	Every  time.Duration
	Holder string // names this process in the election
	Log    *slog.Logger
}

// The election of probers. A leader renews its lead long before it ends; how often it looks is its own setting.
const (
	roleProbe = "probe"
	probeTTL  = 30 * time.Second
	probeLead = 10 * time.Second
)

// Run looks until ctx ends, and then lets another process lead.
func (p *Prober) Run(ctx context.Context) {
	defer p.resign(ctx)
	lead := time.NewTicker(min(probeLead, p.Every))
	defer lead.Stop()
	looked := time.Now()
	for {
		leads, err := p.Ledger.Lead(ctx, roleProbe, p.Holder, probeTTL)
		if err == nil && leads && time.Since(looked) >= p.Every {
			looked = time.Now()
			p.resync(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-lead.C:
		}
	}
}

func (p *Prober) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), heartbeatTimeout)
	defer cancel()
	_ = p.Ledger.Resign(ctx, roleProbe, p.Holder) // its lead ends by itself anyway
}

func (p *Prober) resync(ctx context.Context) {
	holds, err := p.Ledger.Holds(ctx)
	if err != nil {
		p.Log.DebugContext(ctx, "look at holds", "error", err)
		return
	}
	for _, a := range p.Accounts {
		left, err := p.Resync(ctx, a)
		if err != nil {
			p.Log.DebugContext(ctx, "calls left today are not known", keyAccount, a.Name, "error", err)
			continue
		}
		if left > 0 && slices.ContainsFunc(holds, func(h tasks.Hold) bool { return h.Realm == a.Realm && h.AppID == a.AppID && spentAtWeChat(h) }) {
			p.resume(ctx, a, left)
		}
	}
}

// spentAtWeChat reports whether WeChat said that the day's calls are used up. What the ledger found by its own count has no
// errcode, and the ledger lifts it itself.
func spentAtWeChat(h tasks.Hold) bool {
	return h.Code == tasks.DailyLimit && h.Errcode != 0 && h.Ramp == 0
}

func (p *Prober) resume(ctx context.Context, a tasks.Account, left int) {
	if _, err := p.Ledger.Resume(ctx, a.Realm, a.AppID); err != nil {
		p.Log.WarnContext(ctx, "the account could not be resumed", keyAccount, a.Name, "error", err)
		return
	}
	p.Log.InfoContext(ctx, "WeChat grants calls again: the account goes on", keyAccount, a.Name, "calls_left", left)
}
