package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

func (f *Fleet) settings() string { return f.path("mediaferry.yaml") }

// writeSettings writes the settings file of the fleet, as JSON, which is YAML too. Pauses that take minutes in production
// take seconds, so that a run settles.
func (f *Fleet) writeSettings(context.Context) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	accounts := map[string]any{}
	for _, a := range f.Run.Accounts() {
		id := scenario.AppIDs[a.Name]
		accounts[a.Name] = map[string]any{"appid": id, "secret": secretOf(id), "daily_limit": a.DailyLimit, "rate_per_minute": a.RatePerMinute}
	}
	answer := "3s"
	if !f.Run.Uniform {
		answer = (scenario.SlowAnswer + 2*time.Second).String()
	}
	producers := map[string]any{}
	for i := range f.Run.AllProducers() {
		f.keys = append(f.keys, rand.Text())
		producers[producerName(i)] = map[string]any{"key": f.keys[i]}
	}
	f.metricsKey = rand.Text()
	producers[metricsReader] = map[string]any{"key": f.metricsKey, "role": "viewer"}
	b, err := json.MarshalIndent(map[string]any{
		"producers":    producers,
		"redis_url":    "redis://" + f.Proxies["redis"].Addr() + "/0",
		"ledger_url":   f.url,
		"data_dir":     f.path("data"),
		"storage_root": f.root,
		"token_key":    hex.EncodeToString(key),
		"log":          map[string]any{"level": "info", "format": "json"},
		"metrics":      map[string]any{"listen": "off"}, // serve shows them on its own address
		"wechat":       map[string]any{"base_url": []string{"http://" + f.Proxies["wechat"].Addr()}, "timeout": "5s", "connect_timeout": "2s"},
		"accounts":     accounts,
		"worker": map[string]any{
			"concurrency": f.Run.Slots, "interactive": f.Run.Slots / scenario.InteractiveShare, "lease": f.Run.Lease.String(), "shutdown_timeout": "1s", "attempts": f.Run.Attempts,
			"backoff_base": "200ms", "backoff_cap": "2s", "unknown_pause": "1s", "hold_recheck": "2s", "hold_recheck_slow": "2s",
		},
		"webhook": map[string]any{"secrets": []string{f.secret.Reveal()}, "allow": []string{"127.0.0.1"}, "attempts": 50, "timeout": answer},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.settings(), b, 0o600)
}
