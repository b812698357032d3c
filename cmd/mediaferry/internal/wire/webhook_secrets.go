package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook"
)

// The files of the data dir that hold the secrets of the person at the command line.
const (
	secretFile     = "webhook.secret"
	nextSecretFile = "webhook.secret.next"
)

// LocalWebhookSecrets are the secrets of the person at the command line: one, made at first use, and during a rotation
// the one that will take its place, which comes first.
func LocalWebhookSecrets(c config.Config) ([]tasks.Secret, error) {
	// The next one is read before the other, so that a rotation that ends in between leaves none out.
	next, err := readSecret(filepath.Join(c.DataDir, nextSecretFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	first, _, err := keptSecret(c.DataDir, secretFile, webhook.NewSecret)
	switch {
	case err != nil:
		return nil, err
	case next == "" || next == first:
		return []tasks.Secret{first}, nil
	}
	return []tasks.Secret{next, first}, nil
}

// RotateWebhookSecret makes a secret that signs beside the old one. made is false where a rotation was under way: then
// it returns the secret of that.
func RotateWebhookSecret(c config.Config) (fresh tasks.Secret, made bool, err error) {
	if _, err := LocalWebhookSecrets(c); err != nil {
		return "", false, err
	}
	return keptSecret(c.DataDir, nextSecretFile, webhook.NewSecret)
}

// FinishRotation lets the old secret go.
func FinishRotation(c config.Config) error {
	err := os.Rename(filepath.Join(c.DataDir, nextSecretFile), filepath.Join(c.DataDir, secretFile))
	if errors.Is(err, fs.ErrNotExist) {
		return exit.Usagef("no rotation is under way: begin one with mediaferry webhook rotate")
	}
	if err != nil {
		return fmt.Errorf("finish rotation: %w", err)
	}
	return nil
}

// operator is whom the events of accounts belong to: no producer.
const operator = ""

// webhookSecrets returns the secrets of each producer, as they are when it is asked: its own, the common ones, and for
// the person at the command line those of the data dir, which a rotation changes while this process runs.
func (s *Stack) webhookSecrets() (func(producer string) []tasks.Secret, error) {
	local, err := LocalWebhookSecrets(s.Config)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	return func(producer string) []tasks.Secret {
		if own := s.Config.Producers[producer].WebhookSecrets; len(own) > 0 {
			return own
		}
		if len(s.Config.Webhook.Secrets) > 0 {
			return s.Config.Webhook.Secrets
		}
		if producer != enqueue.DefaultProducer && producer != operator {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if fresh, err := LocalWebhookSecrets(s.Config); err != nil {
			s.Log.Warn("can't read the webhook secrets of the data dir: those that were read before sign", "error", err)
		} else {
			local = fresh
		}
		return slices.Clone(local)
	}, nil
}
