package worker

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// learn records what the end of a call says about this worker's connection to WeChat. The error that it returns asks for a
// pause of the upload if the connection failed.
func (w *Worker) learn(ctx context.Context, account tasks.Account, err error) error {
	if err == nil {
		w.egress.connected(account.Realm)
		w.takenAgain(ctx, account)
		return nil
	}
	if ctx.Err() != nil { // given up by us
		return err
	}
	met := *tasks.AsError(err)
	switch {
	case met.Code == tasks.Unreachable:
		met.RetryAfter = w.egress.failed(account.Realm, &met)
		return &met
	case met.Code == tasks.Egress:
		w.egress.connected(account.Realm)
		pause, news := w.egress.refusedBy(account, &met, w.holdTime(&met))
		if news {
			w.log.WarnContext(ctx, "the account refuses this worker's address: its uploads are left to others", keyAccount, account.Name,
				keyErrcode, met.Errcode, keyRID, met.RID, "address", met.Params.Address, "hint", met.Advice())
		}
		met.RetryAfter = pause
		return &met
	case met.Errcode != 0: // an answer of the API
		w.egress.connected(account.Realm)
		w.takenAgain(ctx, account)
	}
	return err
}

func (w *Worker) takenAgain(ctx context.Context, account tasks.Account) {
	if w.egress.accepted(account) {
		w.log.InfoContext(ctx, "the account takes this worker's address again", keyAccount, account.Name)
	}
}

// keptOut returns why an upload of the account should not be tried here, and nil if it may be tried.
func (w *Worker) keptOut(account tasks.Account) error {
	wait, cause := w.egress.keepOut(account)
	if cause == nil {
		return nil
	}
	away := *cause
	away.RetryAfter = wait
	return &away
}

// Report fills in the fields of p that change. It is safe for concurrent use.
func (w *Worker) Report(p *tasks.Process) {
	p.Slots = w.cfg.Slots + w.cfg.InteractiveSlots
	p.InFlight = w.leases.count()
	w.egress.report(p)
}
