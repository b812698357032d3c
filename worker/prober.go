package worker

import (
	"context"
	"log/slog"
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

// Prober lifts the hold of an account whose daily calls WeChat has used up once it grants some again, as after its
// owner has cleared the quota. Without it such an account would wait for midnight. Run one in every process: a lease
// in the ledger elects the one that works.
type Prober struct {
	Ledger   Holds
	Accounts []tasks.Account
	// Remaining asks WeChat how many upload calls an account has left today.
	Remaining func(ctx context.Context, account string) (int, error)
	// Every is how often it looks; each look costs a held account one call that is no upload call.
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
			p.probeHeld(ctx)
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

func (p *Prober) probeHeld(ctx context.Context) {
	holds, err := p.Ledger.Holds(ctx)
	if err != nil {
		p.Log.DebugContext(ctx, "look at holds", "error", err)
		return
	}
	for _, h := range holds {
		// A limit of our own settings has no errcode, and is over at midnight only.
		if h.Code != tasks.DailyLimit || h.Errcode == 0 || h.Ramp > 0 {
			continue
		}
		if name, known := p.account(h); known {
			p.probe(ctx, h, name)
		}
	}
}

func (p *Prober) account(h tasks.Hold) (name string, known bool) {
	for _, a := range p.Accounts {
		if a.Realm == h.Realm && a.AppID == h.AppID {
			return a.Name, true
		}
	}
	return "", false
}

func (p *Prober) probe(ctx context.Context, h tasks.Hold, account string) {
	left, err := p.Remaining(ctx, account)
	if err != nil || left <= 0 {
		p.Log.DebugContext(ctx, "still held", keyAccount, account, "error", err)
		return
	}
	if _, err := p.Ledger.Resume(ctx, h.Realm, h.AppID); err != nil {
		p.Log.WarnContext(ctx, "the account could not be resumed", keyAccount, account, "error", err)
		return
	}
	p.Log.InfoContext(ctx, "WeChat grants calls again: the account goes on", keyAccount, account, "calls_left", left)
}
