package wire

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/seal"
)

// TokenKeyFile of the data dir holds the key of an installation that shares neither Redis nor ledger.
const TokenKeyFile = "token.key"

// OpenKeys opens the keys that encrypt: those of the settings, or the one of the data dir, which is made at first use.
// It returns Invalid where the key is missing, or is not the one that the ledger's secrets were encrypted with.
func (s *Stack) OpenKeys(ctx context.Context) error {
	keys, err := s.readKeys(ctx)
	if err != nil {
		return err
	}
	box, row := keys.For(seal.KeyCheck), s.Ledger.ID().String()
	check, err := s.Ledger.KeyCheck(ctx, box.Seal(nil, row))
	if err != nil {
		return err
	}
	if _, err := box.Open(check, row); err != nil {
		return wrongKey(s.Config, fmt.Errorf("token_key is not the key of this ledger: %w", err))
	}
	s.keys = keys
	s.Secrets = s.secretsOf(keys)
	if err := s.Secrets.reseal(ctx); err != nil {
		return fmt.Errorf("encrypt with the new token_key: %w", err)
	}
	if !keys.Current(check) {
		return s.Ledger.SetKeyCheck(ctx, box.Seal(nil, row))
	}
	return nil
}

func (s *Stack) secretsOf(keys *seal.Keys) *WebhookSecrets {
	return &WebhookSecrets{ledger: s.Ledger, keys: keys, box: keys.For(seal.WebhookSecrets), dataDir: s.Config.DataDir}
}

// ReplaceLostKey makes the key of the settings, or a new one of the data dir, the ledger's from now on. What the lost
// key encrypted can't be read any more.
func (s *Stack) ReplaceLostKey(ctx context.Context) error {
	if err := s.OpenKeys(ctx); tasks.CodeOf(err) != tasks.Invalid {
		return err // it is not lost
	}
	current, old := s.Config.TokenKeys()
	if current == nil && s.Config.Shared() {
		return noTokenKey()
	}
	if current == nil {
		var err error
		if current, err = s.dataDirKey(); err != nil {
			return err
		}
	}
	keys, err := seal.New(current, old...)
	if err != nil {
		return err
	}
	if err := s.Ledger.SetKeyCheck(ctx, keys.For(seal.KeyCheck).Seal(nil, s.Ledger.ID().String())); err != nil {
		return err
	}
	return s.OpenKeys(ctx)
}

func (s *Stack) readKeys(ctx context.Context) (*seal.Keys, error) {
	current, old := s.Config.TokenKeys()
	if current != nil {
		return seal.New(current, old...)
	}
	if s.Config.Shared() {
		return nil, noTokenKey()
	}
	// A key that was lost is not replaced by a new one, which could not read what the old one encrypted.
	_, err := readSecret(filepath.Join(s.Config.DataDir, TokenKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		check, err := s.Ledger.KeyCheck(ctx, nil)
		if err != nil {
			return nil, err
		}
		if len(check) > 0 {
			return nil, wrongKey(s.Config, tasks.Textf("%s is missing, and this ledger's secrets are encrypted with it", filepath.Join(s.Config.DataDir, TokenKeyFile)))
		}
	}
	if current, err = s.dataDirKey(); err != nil {
		return nil, err
	}
	return seal.New(current, old...)
}

// dataDirKey returns the key of the data dir. At first use it makes one.
func (s *Stack) dataDirKey() ([]byte, error) {
	text, err := loadSecret(s.Config.DataDir, TokenKeyFile, func() tasks.Secret {
		key := make([]byte, seal.KeySize)
		_, _ = rand.Read(key) // documented never to fail
		return tasks.Secret(hex.EncodeToString(key))
	})
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(text.Reveal())
	if err != nil || len(key) != seal.KeySize {
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "read token key", Err: tasks.Textf("%s does not hold 64 hex digits", filepath.Join(s.Config.DataDir, TokenKeyFile))}
	}
	return key, nil
}

func noTokenKey() error {
	return &tasks.Error{Code: tasks.Invalid, Op: "read token key", Err: tasks.Textf(config.NoTokenKey)}
}

// lostKey is the way out if nobody has the key any more.
const lostKey = "; if it is lost: mediaferry webhook rotate --lost-key --producer NAME, for each producer"

func wrongKey(c config.Config, err error) error {
	hint := "set token_key (MEDIAFERRY_TOKEN_KEY) to the key that it was made with, or name that as token_key_old during a rotation" + lostKey
	if current, _ := c.TokenKeys(); current == nil {
		hint = "put the file back from where you keep it, or set token_key to what was in it" + lostKey
	}
	return &tasks.Error{Code: tasks.Invalid, Op: "check token key", Err: err, Hint: hint}
}

// WhereKey says where the key is that encrypts secrets.
func (s *Stack) WhereKey() string {
	if current, _ := s.Config.TokenKeys(); current != nil {
		return "the token_key of the settings"
	}
	return filepath.Join(s.Config.DataDir, TokenKeyFile)
}

// LookForKeys opens the keys as OpenKeys does, but changes nothing. It returns false if there is no key yet.
func (s *Stack) LookForKeys(ctx context.Context) (bool, error) {
	current, _ := s.Config.TokenKeys()
	if _, err := os.Stat(filepath.Join(s.Config.DataDir, TokenKeyFile)); current == nil && errors.Is(err, fs.ErrNotExist) {
		if check, err := s.Ledger.KeyCheck(ctx, nil); err != nil || len(check) == 0 && !s.Config.Shared() {
			return false, err
		}
	}
	keys, err := s.readKeys(ctx)
	if err != nil {
		return false, err
	}
	check, err := s.Ledger.KeyCheck(ctx, nil)
	if err != nil {
		return false, err
	}
	if _, err := keys.For(seal.KeyCheck).Open(check, s.Ledger.ID().String()); err != nil && len(check) > 0 {
		return false, wrongKey(s.Config, fmt.Errorf("token_key is not the key of this ledger: %w", err))
	}
	s.keys, s.Secrets = keys, s.secretsOf(keys)
	return true, nil
}

// KeyUse counts what is encrypted with token_key, and what still needs token_key_old or can't be read at all.
type KeyUse struct{ Current, Old, Lost int }

// KeyUse looks through the secrets of the ledger and the tokens in Redis.
func (s *Stack) KeyUse(ctx context.Context) (KeyUse, error) {
	var u KeyUse
	count := func(box *seal.Box, sealed []byte, row string) {
		switch _, err := box.Open(sealed, row); {
		case err != nil:
			u.Lost++
		case s.keys.Current(sealed):
			u.Current++
		default:
			u.Old++
		}
	}
	all, err := s.Ledger.Secrets(ctx, tasks.WebhookSecret, "")
	if err != nil {
		return u, err
	}
	for _, secret := range all {
		count(s.Secrets.box, secret.Sealed, secret.Row())
	}
	if s.Redis == nil || s.Embedded {
		return u, nil
	}
	tokens := s.keys.For(seal.WeChatTokens)
	err = enqueue.EachPrimary(ctx, s.Redis, func(ctx context.Context, node redis.Cmdable) error {
		keys := node.Scan(ctx, 0, s.prefix()+"token:*", 100).Iterator()
		for keys.Next(ctx) {
			data, err := s.Redis.HGet(ctx, keys.Val(), "data").Bytes()
			if err != nil { // a lock, or gone meanwhile
				continue
			}
			count(tokens, data, keys.Val())
		}
		return keys.Err()
	})
	return u, err
}
