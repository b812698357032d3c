package redistest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Watched is a primary and its replica, which three sentinels watch: they make the replica the primary when the primary
// is silent for a second.
type Watched struct {
	tb        testing.TB
	servers   []*Server
	sentinels []*Server
}

const watchedName = "mediaferry-test"

// StartWatched starts servers and sentinels that live as long as the test, and returns when a failover is possible.
func StartWatched(tb testing.TB) *Watched {
	tb.Helper()
	primary := Start(tb)
	w := &Watched{tb: tb, servers: []*Server{primary, Start(tb, "--replicaof", "127.0.0.1", fmt.Sprint(primary.process.port))}}
	client := primary.Client()
	taskstest.Until(tb, "the replica follows", func() bool {
		info, err := client.Info(tb.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "state=online")
	})
	const settings = "sentinel monitor %[1]s 127.0.0.1 %[2]d 2\n" +
		"sentinel down-after-milliseconds %[1]s 1000\nsentinel failover-timeout %[1]s 5000\n"
	for range 3 {
		w.sentinels = append(w.sentinels, serve(tb)(launchSentinel(tb.TempDir(), fmt.Sprintf(settings, watchedName, primary.process.port))))
	}
	for _, s := range w.sentinels {
		c := w.sentinel(s)
		taskstest.Until(tb, "a sentinel knows the others and the replica", func() bool {
			others, err := c.Sentinels(tb.Context(), watchedName).Result()
			replicas, alsoErr := c.Replicas(tb.Context(), watchedName).Result()
			return err == nil && alsoErr == nil && len(others) == len(w.sentinels)-1 && len(replicas) == 1
		})
	}
	return w
}

// URL returns the redis-sentinel:// URL.
func (w *Watched) URL() string {
	addrs := make([]string, len(w.sentinels))
	for i, s := range w.sentinels {
		addrs[i] = s.Addr()
	}
	return "redis-sentinel://" + strings.Join(addrs, ",") + "?master=" + watchedName
}

// Primary returns the server that the sentinels name.
func (w *Watched) Primary() *Server {
	w.tb.Helper()
	at, err := w.sentinel(w.sentinels[0]).GetMasterAddrByName(w.tb.Context(), watchedName).Result()
	if err != nil {
		w.tb.Fatal(err)
	}
	for _, s := range w.servers {
		if s.Addr() == strings.Join(at, ":") {
			return s
		}
	}
	w.tb.Fatalf("the sentinels name %v", at)
	return nil
}

func (w *Watched) sentinel(s *Server) *redis.SentinelClient {
	c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr(), ContextTimeoutEnabled: true})
	w.tb.Cleanup(func() { _ = c.Close() })
	return c
}
