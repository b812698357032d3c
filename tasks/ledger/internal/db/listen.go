package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Listener hears what is said on one channel of PostgreSQL, on a connection of its own. It is for one goroutine.
type Listener struct{ conn *pgx.Conn }

// Listen listens to a channel, whose name is an SQL name. Only a Concurrent database has channels.
func (h *Handle) Listen(ctx context.Context, channel string) (*Listener, error) {
	conn, err := pgx.ConnectConfig(ctx, h.listening.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	l := &Listener{conn}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// Next waits for what is said next. After an error the listener is of no use but to be closed.
func (l *Listener) Next(ctx context.Context) (string, error) {
	n, err := l.conn.WaitForNotification(ctx)
	if err != nil {
		return "", fmt.Errorf("wait for a notification: %w", err)
	}
	return n.Payload, nil
}

// Forget listens no longer. Behind a pooler the server might go on telling others what we asked for.
func (l *Listener) Forget() {
	ctx, cancel := context.WithTimeout(context.Background(), CallTimeout/10)
	defer cancel()
	_, _ = l.conn.Exec(ctx, "UNLISTEN *") // the end of the connection does the same, where it is our own
}

// Close closes the connection.
func (l *Listener) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), CallTimeout/10)
	defer cancel()
	_ = l.conn.Close(ctx) // nobody is left to tell
}

// Notify says something on a channel, in a transaction of its own: one that says something waits at its commit for all
// others that do.
func (h *Handle) Notify(ctx context.Context, channel, text string) error {
	_, err := h.Reads.ExecContext(ctx, "SELECT pg_notify($1, $2)", pgx.QueryExecModeSimpleProtocol, channel, text) // no pooler minds that
	return err
}
