package enqueue

import (
	"context"
	"fmt"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
)

// Held lists accounts, and lifts their holds. *ledger.Ledger implements it.
type Held interface {
	Accounts(ctx context.Context) ([]tasks.AccountStatus, error)
	Resume(ctx context.Context, realm, appid string) (bool, error)
}

// Asker knows the accounts of this process's settings. Both methods return NoWork for another account.
type Asker interface {
	// Probe asks WeChat about an account with its credentials as they are now.
	Probe(ctx context.Context, account string) (tasks.Probe, error)
	// Token tells of the access token of an account, and asks nobody.
	Token(ctx context.Context, account string) (tasks.TokenStatus, error)
}

// AddTokens tells of the access tokens of accounts where ask knows. A nil ask knows none.
func AddTokens(ctx context.Context, ask Asker, accounts []tasks.AccountStatus) {
	for i := range accounts {
		if ask == nil {
			return
		}
		if t, err := ask.Token(ctx, accounts[i].Name); err == nil {
			accounts[i].Token = &t
		}
	}
}

// ProbeAccount asks WeChat about an account. It returns NoWork where it can't be asked from here.
func ProbeAccount(ctx context.Context, ask Asker, name string) (tasks.Probe, error) {
	if ask == nil {
		return tasks.Probe{}, &tasks.Error{Code: tasks.NoWork, Op: "probe account", Err: tasks.Textf("WeChat is not reached from this process")}
	}
	return ask.Probe(ctx, name)
}

// ResumeAccount lifts the hold of an account, if WeChat takes its credentials. It returns NotFound for an account that no
// worker registered, and why WeChat refuses it: then it stays held. Where WeChat can't be asked from here, which tells
// nothing of the workers, the hold is lifted. A nil ask does not ask.
func ResumeAccount(ctx context.Context, l Held, ask Asker, name string) (tasks.Resumption, error) {
	var out tasks.Resumption
	all, err := l.Accounts(ctx)
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(all, func(a tasks.AccountStatus) bool { return a.Name == name })
	if i < 0 {
		return out, &tasks.Error{Code: tasks.NotFound, Op: "look up account", Err: tasks.Textf("there is no such account")}
	}
	if all[i].Hold == nil {
		return out, nil
	}
	if ask == nil {
		out.Why = "WeChat is not reached from this process"
	} else if _, err := ask.Probe(ctx, name); err != nil {
		switch tasks.CodeOf(err) {
		case tasks.AccountHeld, tasks.DailyLimit, tasks.TokenRefused:
			return out, fmt.Errorf("account %s stays held: %w", name, err)
		case tasks.NoWork:
			out.Why = "it is not in the settings here"
		default:
			out.Why = err.Error()
		}
	} else {
		out.Asked = true
	}
	_, err = l.Resume(ctx, all[i].Realm, all[i].AppID) // false: a worker that took over new credentials was first
	out.Resumed = err == nil
	return out, err
}
