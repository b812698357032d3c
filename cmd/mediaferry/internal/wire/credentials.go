package wire

import (
	"context"
	"crypto/sha256"
	"os"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// credentialsEvery is the time between two looks at the files that hold secrets of accounts. They are small, and are read:
// a mount may give a new content the old time.
const credentialsEvery = 3 * time.Second

// watchCredentials takes over the secrets of accounts when the files that hold them change, until ctx ends. rejoin tells the
// ledger, which lifts the hold of an account whose credentials are new; nil in a process that uploads nothing.
func (s *Stack) watchCredentials(ctx context.Context, rejoin func(context.Context, []tasks.Account) error) {
	files := s.Config.AccountSecrets()
	if len(files) == 0 {
		return
	}
	tick := time.NewTicker(credentialsEvery)
	defer tick.Stop()
	var seen [sha256.Size]byte // the first look takes what changed since the settings were read
	told := true
	for {
		if now, ok := sumOf(files); ok && (now != seen || !told) {
			if now != seen {
				told = !s.takeCredentials(ctx)
			}
			seen = now
			if !told {
				told = s.tellCredentials(ctx, rejoin)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sumOf is a sum of what the files hold. It is not ok while one of them can't be read, as while it is replaced.
func sumOf(files []string) (sum [sha256.Size]byte, ok bool) {
	h := sha256.New()
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return sum, false
		}
		one := sha256.Sum256(b)
		h.Write(one[:])
	}
	return [sha256.Size]byte(h.Sum(nil)), true
}

// takeCredentials reads the settings again, and takes over the secrets of the accounts. Other settings need a restart.
func (s *Stack) takeCredentials(ctx context.Context) (changed bool) {
	fresh, err := s.Config.Reload()
	if err != nil {
		s.Log.WarnContext(ctx, "the settings can't be read again: the secrets of before are used", "error", err)
		return false
	}
	var accounts []wechat.Account
	for name := range s.Config.Accounts {
		a, now := wechatAccount(s.Config, name), wechatAccount(fresh, name)
		a.Secret, a.Static, a.TokenURL, a.TokenHeader = now.Secret, now.Static, now.TokenURL, now.TokenHeader
		accounts = append(accounts, a)
	}
	names, err := s.WeChat.Update(accounts)
	if err != nil {
		s.Log.WarnContext(ctx, "new secrets can't be used: those of before are", "error", err)
	}
	for _, name := range names {
		s.Log.InfoContext(ctx, "the account has new credentials, from a file that changed", "account", name)
	}
	return len(names) > 0
}

func (s *Stack) tellCredentials(ctx context.Context, rejoin func(context.Context, []tasks.Account) error) bool {
	if rejoin == nil {
		return true
	}
	err := rejoin(ctx, s.Accounts())
	if err != nil {
		s.Log.DebugContext(ctx, "the ledger was not told of new credentials yet", "error", err)
	}
	return err == nil
}
