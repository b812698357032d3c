package api

import (
	"context"

	"github.com/mediaferry/mediaferry/enqueue"
)

type callerKey struct{}

func withCaller(ctx context.Context, c enqueue.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// caller returns who makes a request. Without anybody it returns a Caller that may do and see nothing.
func caller(ctx context.Context) enqueue.Caller {
	c, _ := ctx.Value(callerKey{}).(enqueue.Caller)
	return c
}
