package wire

import (
	"context"
	"fmt"
	"log/slog"
)

// redisLog takes what go-redis would print to stderr by itself: each refused connection. That Redis is away is said
// once by those who need it, so that these lines are for debugging.
type redisLog struct{ log *slog.Logger }

// Printf is what go-redis calls.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(format, args...), "from", "go-redis")
}
