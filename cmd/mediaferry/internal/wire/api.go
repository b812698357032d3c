package wire

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/handover"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/enqueue/console"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/seal"
)

// newAPI makes the handler of everything that is served, and the console that it serves. e is nil in a process that does no work.
func (s *Stack) newAPI(ctx context.Context, e *Engine, actor *enqueue.Actor, inbox *api.Inbox) (*api.Server, *console.Console, error) {
	keys, err := s.keyring(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := api.Config{
		Ledger: s.Ledger, Actor: actor, Keys: keys, Accounts: s.knownAccounts(), TokenKeys: s.dropInKeys(), Sources: s.Files, Inbox: inbox, OpenAPI: s.Config.HTTP.OpenAPI,
		WeChat: s.WeChat, Asker: s, Surroundings: s.surroundings(), Passthrough: s.Config.Passthrough, Explain: Explain,
		Wait: max(s.Config.HTTP.Wait, time.Nanosecond), Fresh: s.Config.Worker.FreshMargin, Cell: manifest.Neutralize, Log: s.Log, Version: Version(),
		Open:   map[string]http.Handler{"GET /healthz": http.HandlerFunc(healthz), "GET /readyz": s.readyz(e)},
		Closed: map[string]http.Handler{"GET /metrics": s.metrics.Handler()},
	}
	if s.inboxes != nil {
		c.Open["GET "+handover.Path] = handover.NewHandler(inbox, s.keys.Signer(seal.InboxFiles), s.Log)
	}
	c.CallbackURL = func(producer string) string {
		return cmp.Or(s.Config.Producers[producer].CallbackURL, s.Config.Webhook.URL)
	}
	c.MaxKept = s.maxKept
	if e != nil {
		c.Nudge = e.Nudge
	}
	c.Tail = enqueue.NewTail(s.Ledger, time.Second)
	var door *api.Server // answers only after it is made
	pages, err := s.newConsole(&c, func() *api.Server { return door })
	if err != nil {
		return nil, nil, err
	}
	for _, pattern := range pages.Patterns() {
		c.Open[pattern] = pages
	}
	door, err = api.New(c)
	return door, pages, err
}

// dropInKeys are what signs the tokens of the drop-in endpoint. Without any, each process has its own.
func (s *Stack) dropInKeys() [][]byte {
	if s.keys == nil {
		return nil
	}
	return s.keys.Derived(seal.DropInTokens)
}

// localKeyFile holds the key that is made at a first start without any.
const localKeyFile = "api.key"

// keyring gathers the keys of the settings, of the ledger and of the data dir. Without any key it makes one for the
// person at this machine, and refuses an address that other machines can reach.
func (s *Stack) keyring(ctx context.Context) (*enqueue.Keyring, error) {
	fixed, err := configuredKeys(s.Config)
	if err != nil {
		return nil, err
	}
	ring := &enqueue.Keyring{Fixed: fixed, Store: s.Ledger}
	path := filepath.Join(s.Config.DataDir, localKeyFile)
	if local, err := readSecret(path); err == nil {
		ring.Fixed = append(ring.Fixed, localKey(local))
	}
	if len(ring.Fixed) > 0 {
		return ring, nil
	}
	stored, err := s.Ledger.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	if slices.ContainsFunc(stored, func(k tasks.Key) bool { return k.Revoked.IsZero() }) {
		return ring, nil
	}
	if !s.Config.Loopback() {
		return nil, exit.Usagef("listen: %s can be reached from other machines, and there is no API key: add one first (mediaferry keys add NAME), or listen on 127.0.0.1", s.Config.Listen)
	}
	local, err := loadSecret(s.Config.DataDir, localKeyFile, NewKey)
	if err != nil {
		return nil, err
	}
	s.Log.Info("made an API key, since there was none", "file", path)
	ring.Fixed = append(ring.Fixed, localKey(local))
	return ring, nil
}

// localKey is the key of the person at this machine, who may do everything.
func localKey(secret tasks.Secret) tasks.Key {
	return tasks.Key{Name: enqueue.DefaultProducer, Role: tasks.RoleOperator, Hash: tasks.KeyHash(secret)}
}

// configuredKeys are the keys of the producers in the settings. One without a key submits by other ways.
func configuredKeys(c config.Config) ([]tasks.Key, error) {
	var keys []tasks.Key
	for _, name := range slices.Sorted(maps.Keys(c.Producers)) {
		p := c.Producers[name]
		k := tasks.Key{Name: name, Role: tasks.Role(p.Role), Rights: configuredRights(p)}
		switch {
		case p.Key != "":
			k.Hash = tasks.KeyHash(p.Key)
		case p.KeyHash != "":
			hash, err := tasks.ParseKeyHash(p.KeyHash)
			if err != nil {
				return nil, exit.Usagef("producers.%s.key_hash: %w", name, err)
			}
			k.Hash = hash
		default:
			continue
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func configuredRights(p config.Producer) tasks.Rights {
	return tasks.Rights{
		Accounts: p.Accounts, Sources: p.Sources, CallbackHosts: p.CallbackHosts, RatePerMinute: p.RatePerMinute,
		DailyBudget: p.DailyBudget, BulkOnly: p.MaxPriority == tasks.Bulk.String(),
	}
}

// NewKey makes an API key of 256 random bits. Its beginning lets scanners of leaked secrets know it.
func NewKey() tasks.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return tasks.Secret("mf_" + base64.RawURLEncoding.EncodeToString(b[:]))
}

func healthz(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

func (s *Stack) readyz(e *Engine) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.ready(r.Context(), e); err != nil {
			s.Log.Warn("not ready", "error", err)
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	}
}

// AddKey makes a key with those rights, keeps its hash, and returns it. OpenKeys must have been called: the first key of a
// name also makes the secret that signs its webhooks.
func (s *Stack) AddKey(ctx context.Context, k tasks.Key) (tasks.Secret, error) {
	if err := s.CheckAccounts(ctx, k.Accounts); err != nil {
		return "", err
	}
	secret := NewKey()
	k.Hash = tasks.KeyHash(secret)
	if err := s.Ledger.AddKey(ctx, k); err != nil {
		return "", err
	}
	_, err := s.Secrets.Of(ctx, k.Name)
	return secret, err
}
