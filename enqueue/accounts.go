package enqueue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// AccountNames lists the accounts that workers registered. *ledger.Ledger implements it.
type AccountNames interface {
	AccountNames(ctx context.Context) ([]string, error)
}

// Accounts knows which accounts exist: those of this process's settings and those that workers registered in the ledger.
// Make it with NewAccounts. It is safe for concurrent use.
type Accounts struct {
	settings []string
	ledger   AccountNames

	mu         sync.Mutex
	registered []string
	read       time.Time
}

// accountsAge is the time for which an unknown name stays unknown, before the ledger is read again.
const accountsAge = time.Second

// NewAccounts returns the accounts of the settings and of the ledger.
func NewAccounts(settings []string, l AccountNames) *Accounts {
	return &Accounts{settings: settings, ledger: l}
}

// Known reports whether an account of that name exists.
func (a *Accounts) Known(ctx context.Context, name string) (bool, error) {
	if slices.Contains(a.settings, name) {
		return true, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Contains(a.registered, name) {
		return true, nil
	}
	if time.Since(a.read) < accountsAge {
		return false, nil
	}
	names, err := a.ledger.AccountNames(ctx)
	if err != nil {
		return false, fmt.Errorf("look up accounts: %w", err)
	}
	a.registered, a.read = names, time.Now()
	return slices.Contains(names, name), nil
}
