package wechat

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Token is an access token with its history.
type Token struct {
	Value     tasks.Secret
	ExpiresAt time.Time
	FetchedAt time.Time // zero: before this was kept
	RenewAt   time.Time // after it the next caller fetches a new one, while this one still serves
	// Seq orders the tokens of one account. A store never replaces a token by one with a lower Seq.
	Seq     int64
	Refused bool // WeChat refused it
	// Vouched says that WeChat returned this very token again after a call had refused it.
	Vouched   bool
	RenewedAt time.Time // of the last fetch that a refusal caused
	ForcedAt  time.Time // of the last force_refresh
	Forced    int       // number of uses of force_refresh on that day
}

// Turn is the right to fetch an account's token.
type Turn struct {
	Seq     int64  // for the new token: higher than those of all tokens before
	Release func() // gives the turn back
}

// TokenStore keeps one token per account for all processes that share the store. It must be safe for concurrent use.
type TokenStore interface {
	// Load returns the account's token, or the zero Token.
	Load(ctx context.Context, account string) (Token, error)
	// Save stores t, unless the store has a token of the same or a higher Seq. It returns the stored token.
	Save(ctx context.Context, account string, t Token) (Token, error)
	// Refuse marks the stored token as refused, if it still has this value.
	Refuse(ctx context.Context, account string, value tasks.Secret) error
	// Lock gives the turn to one caller at a time. It returns false if another caller has it, and does not wait. A turn
	// that is not released ends by itself after a while.
	Lock(ctx context.Context, account string) (Turn, bool, error)
}

// MemoryTokens is the store of one process. A turn in it lasts until it is given back.
type MemoryTokens struct {
	mu     sync.Mutex
	tokens map[string]Token
	taken  map[string]bool
	seq    int64
}

// NewMemoryTokens returns an empty store.
func NewMemoryTokens() *MemoryTokens {
	return &MemoryTokens{tokens: map[string]Token{}, taken: map[string]bool{}}
}

// Load implements TokenStore.
func (m *MemoryTokens) Load(_ context.Context, account string) (Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens[account], nil
}

// Save implements TokenStore.
func (m *MemoryTokens) Save(_ context.Context, account string, t Token) (Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.Seq > m.tokens[account].Seq {
		m.tokens[account] = t
	}
	return m.tokens[account], nil
}

// Refuse implements TokenStore.
func (m *MemoryTokens) Refuse(_ context.Context, account string, value tasks.Secret) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tokens[account]; t.Value == value {
		t.Refused = true
		m.tokens[account] = t
	}
	return nil
}

// Lock implements TokenStore.
func (m *MemoryTokens) Lock(_ context.Context, account string) (Turn, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taken[account] {
		return Turn{}, false, nil
	}
	m.taken[account] = true
	m.seq = max(m.seq, m.tokens[account].Seq) + 1
	release := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.taken, account)
	}
	return Turn{Seq: m.seq, Release: sync.OnceFunc(release)}, true, nil
}
