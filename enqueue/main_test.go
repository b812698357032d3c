package enqueue

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})                                                                                                 // go-redis prints each refused connection
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/mediaferry/mediaferry/tasks/ledger/ledgertest.start.func1")) // PostgreSQL, for all tests
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
