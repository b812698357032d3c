package wire

import (
	"context"
	"fmt"
	"log/slog"
)

// redisLog logs at level debug what go-redis would print to stderr: each refused connection. The parts that need Redis log
// once that it is away.
type redisLog struct{ log *slog.Logger }

// Printf is what go-redis calls.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(format, args...), "from", "go-redis")
}
