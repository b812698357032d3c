package ledger

import (
	"context"
	"database/sql/driver"
	"sync"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// keeper keeps connections to PostgreSQL for the next test on the same schema: a new one costs the server more than all
// that most tests ask of it. Each ledger has its own while it is open.
type keeper struct {
	mu   sync.Mutex
	idle map[purpose][]*stdlib.Conn
}

// purpose is what a connection is for: those of one URL and use have the same settings.
type purpose struct{ url, use string }

// mostKept bounds the connections of one purpose. Few tests open more ledgers at once.
const mostKept = 3

//nolint:gochecknoglobals // as is the server
var connections = keeper{idle: map[purpose][]*stdlib.Conn{}}

func (k *keeper) through(url string) db.Through {
	return func(use string, c driver.Connector) driver.Connector { return &lender{c, k, purpose{url, use}} }
}

// lender is a connector that takes a connection that was kept, if there is one.
type lender struct {
	driver.Connector
	keeper  *keeper
	purpose purpose
}

// Connect implements driver.Connector.
func (l *lender) Connect(ctx context.Context) (driver.Conn, error) {
	if c := l.keeper.take(l.purpose); c != nil {
		return &lent{c, l}, nil
	}
	c, err := l.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &lent{c.(*stdlib.Conn), l}, nil
}

// lent is a connection that comes back when it is closed.
type lent struct {
	*stdlib.Conn
	lender *lender
}

// Close implements driver.Conn.
func (c *lent) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), db.CallTimeout)
	defer cancel()
	const idle = 'I' // in no transaction
	conn := c.Conn.Conn()
	if conn.IsClosed() || conn.PgConn().TxStatus() != idle {
		return c.Conn.Close()
	}
	if _, err := conn.Exec(ctx, "RESET ALL"); err != nil || !c.lender.keeper.keep(c.lender.purpose, c.Conn) {
		return c.Conn.Close()
	}
	return nil
}

func (k *keeper) take(p purpose) *stdlib.Conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	cs := k.idle[p]
	if len(cs) == 0 {
		return nil
	}
	k.idle[p] = cs[:len(cs)-1]
	return cs[len(cs)-1]
}

func (k *keeper) keep(p purpose, c *stdlib.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.idle[p]) == mostKept {
		return false
	}
	k.idle[p] = append(k.idle[p], c)
	return true
}
