package enqueue

import (
	"crypto/rand"
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Embedded is a broker inside this process, for one machine without a Redis: it speaks Redis's protocol on a loopback
// port, behind a random password. It keeps nothing when it is closed, which loses nothing, since the ledger has it all.
//
// Its lists take time in proportion to their length, so it is only as fast as the dispatcher's window is small.
type Embedded struct {
	server   *miniredis.Miniredis
	password string
}

// StartEmbedded starts a broker. The caller closes it, after everything that uses it.
func StartEmbedded() (*Embedded, error) {
	e := &Embedded{server: miniredis.NewMiniRedis(), password: rand.Text()}
	e.server.RequireAuth(e.password)
	if err := e.server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	e.server.ClockTTL(true) // keys expire by themselves, as they do in Redis
	return e, nil
}

// Options returns how to connect to it.
func (e *Embedded) Options() redis.UniversalOptions {
	return redis.UniversalOptions{Addrs: []string{e.server.Addr()}, Password: e.password}
}

// Close ends it, and every connection to it.
func (e *Embedded) Close() { e.server.Close() }
