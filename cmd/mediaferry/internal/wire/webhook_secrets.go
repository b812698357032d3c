package wire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/seal"
	"github.com/mediaferry/mediaferry/worker/webhook"
)

// WebhookSecrets are the secrets of the producers, encrypted in the ledger: all workers of a fleet sign alike.
type WebhookSecrets struct {
	ledger  *ledger.Ledger
	keys    *seal.Keys
	box     *seal.Box
	dataDir string
}

// Of returns a producer's secrets, the newest first. The first call makes one. It returns Invalid if token_key can't open
// any of them.
func (w *WebhookSecrets) Of(ctx context.Context, producer string) ([]tasks.Secret, error) {
	kept, err := w.kept(ctx, producer)
	if err != nil {
		return nil, err
	}
	secrets := w.open(kept)
	if len(secrets) == 0 {
		lost := &tasks.Error{Code: tasks.Invalid, Op: "read webhook secret", Err: tasks.Textf("the webhook secret of %s was encrypted with another token_key", producer)}
		return nil, lost.Advise("set that key again, or make a new secret: mediaferry webhook rotate --producer %s", producer)
	}
	return secrets, nil
}

// kept returns what the ledger has of a producer. Where it has nothing, the first secret is made.
func (w *WebhookSecrets) kept(ctx context.Context, producer string) ([]tasks.SealedSecret, error) {
	kept, err := w.ledger.Secrets(ctx, tasks.WebhookSecret, producer)
	if err != nil || len(kept) > 0 {
		return kept, err
	}
	first, err := w.first(producer)
	if err != nil {
		return nil, err
	}
	for i, secret := range first {
		if err := w.add(ctx, producer, i+1, secret); err != nil && tasks.CodeOf(err) != tasks.Conflict { // somebody else was first
			return nil, err
		}
	}
	if err := w.forgetFiles(producer); err != nil {
		return nil, err
	}
	return w.ledger.Secrets(ctx, tasks.WebhookSecret, producer)
}

func (w *WebhookSecrets) open(kept []tasks.SealedSecret) []tasks.Secret {
	var secrets []tasks.Secret
	for _, s := range kept {
		if text, err := w.box.Open(s.Sealed, s.Row()); err == nil {
			secrets = append(secrets, tasks.Secret(text))
		}
	}
	return secrets
}

func (w *WebhookSecrets) add(ctx context.Context, producer string, number int, secret tasks.Secret) error {
	s := tasks.SealedSecret{Kind: tasks.WebhookSecret, Name: producer, Number: number}
	s.Sealed = w.box.Seal([]byte(secret.Reveal()), s.Row())
	return w.ledger.AddSecret(ctx, s)
}

// Rotation is what Rotate did.
type Rotation struct {
	Secret   tasks.Secret // the new one
	UnderWay bool         // it was made by a rotation before
	Alone    bool         // the old one can't be read any more, and was dropped
}

// Rotate makes a secret that signs beside the old one, unless a rotation is under way.
func (w *WebhookSecrets) Rotate(ctx context.Context, producer string) (Rotation, error) {
	kept, err := w.kept(ctx, producer)
	if err != nil {
		return Rotation{}, err
	}
	readable := w.open(kept)
	if len(readable) > 1 {
		return Rotation{Secret: readable[0], UnderWay: true}, nil
	}
	r := Rotation{Secret: webhook.NewSecret(), Alone: len(readable) == 0}
	number := kept[0].Number + 1
	if err := w.add(ctx, producer, number, r.Secret); err != nil {
		return Rotation{}, err
	}
	if r.Alone {
		_, err = w.ledger.DropSecrets(ctx, tasks.WebhookSecret, producer, number)
	}
	return r, err
}

// FinishRotation lets the old secret of a producer go.
func (w *WebhookSecrets) FinishRotation(ctx context.Context, producer string) error {
	kept, err := w.ledger.Secrets(ctx, tasks.WebhookSecret, producer)
	if err != nil {
		return err
	}
	if len(kept) < 2 {
		return exit.Usagef("no rotation is under way: begin one with mediaferry webhook rotate")
	}
	_, err = w.ledger.DropSecrets(ctx, tasks.WebhookSecret, producer, kept[0].Number)
	return err
}

// reseal encrypts the secrets of token_key_old again, with token_key.
func (w *WebhookSecrets) reseal(ctx context.Context) error {
	all, err := w.ledger.Secrets(ctx, tasks.WebhookSecret, "")
	if err != nil {
		return err
	}
	for _, s := range all {
		text, err := w.box.Open(s.Sealed, s.Row())
		if err != nil || w.keys.Current(s.Sealed) {
			continue
		}
		old := s.Sealed
		s.Sealed = w.box.Seal(text, s.Row())
		if err := w.ledger.ReplaceSecret(ctx, s, old); err != nil {
			return err
		}
	}
	return nil
}

// The files of the data dir in which versions before this one kept the secrets of the person at the command line.
const (
	secretFile     = "webhook.secret"
	nextSecretFile = "webhook.secret.next"
)

// first returns what a producer's secrets begin with, the oldest first: one that is made, or those that its files hold.
func (w *WebhookSecrets) first(producer string) ([]tasks.Secret, error) {
	var found []tasks.Secret
	if producer == enqueue.DefaultProducer {
		for _, name := range []string{secretFile, nextSecretFile} {
			switch secret, err := readSecret(filepath.Join(w.dataDir, name)); {
			case err == nil:
				found = append(found, secret)
			case !errors.Is(err, fs.ErrNotExist):
				return nil, err
			}
		}
	}
	if len(found) == 0 {
		found = []tasks.Secret{webhook.NewSecret()}
	}
	return found, nil
}

// forgetFiles removes the files of secrets that the ledger has now.
func (w *WebhookSecrets) forgetFiles(producer string) error {
	if producer != enqueue.DefaultProducer {
		return nil
	}
	for _, name := range []string{secretFile, nextSecretFile} {
		if err := os.Remove(filepath.Join(w.dataDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

// operator is whom the events of accounts belong to: no producer.
const operator = ""

// ConfiguredSecrets returns what the settings say signs a producer's events: its own secrets, or those of all. It
// returns nil where the ledger's sign.
func ConfiguredSecrets(c config.Config, producer string) []tasks.Secret {
	if own := c.Producers[producer].WebhookSecrets; len(own) > 0 {
		return own
	}
	return c.Webhook.Secrets
}

// KnowsProducer reports whether there is a producer of that name: in the settings, or with a key in the ledger.
func (s *Stack) KnowsProducer(ctx context.Context, name string) (bool, error) {
	if _, configured := s.Config.Producers[name]; configured || name == enqueue.DefaultProducer {
		return true, nil
	}
	keys, err := s.Ledger.Keys(ctx)
	return slices.ContainsFunc(keys, func(k tasks.Key) bool { return k.Name == name }), err
}

// webhookSecrets returns what signs a producer's events.
func (s *Stack) webhookSecrets(ctx context.Context, producer string) ([]tasks.Secret, error) {
	if configured := ConfiguredSecrets(s.Config, producer); len(configured) > 0 {
		return configured, nil
	}
	if producer == operator {
		producer = enqueue.DefaultProducer
	}
	return s.Secrets.Of(ctx, producer)
}
