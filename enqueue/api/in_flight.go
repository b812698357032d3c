package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxReads bounds the reads of one producer that are under way at once, and maxStaffReads those of an operator's or
// viewer's key: all share a few connections to the ledger.
const (
	maxReads      = 2
	maxStaffReads = 6
)

// maxBodies bounds the batches, and the forms with files, that one caller sends at once: each holds a connection for as
// long as it likes.
var maxBodies = map[string]int{opSubmitBatch: 8, opSendFiles: 64}

// looksAtAll are the operations besides GET that look at every upload of a filter.
var looksAtAll = []string{"retry-uploads", "cancel-uploads"}

// limitReads refuses a list to a caller that has too many of them under way.
func (s *Server) limitReads(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	switch reads := op.Method == http.MethodGet || slices.Contains(looksAtAll, op.OperationID); {
	case op.OperationID == opSubmitBatch, op.OperationID == opSendFiles:
		s.limitBodies(ctx, next)
		return
	case !reads, op.OperationID == opFollowEvents:
		next(ctx)
		return
	}
	who, most := caller(ctx.Context()), maxReads
	if who.Staff() {
		most = maxStaffReads
	}
	leave, ok := s.reads.Enter(who.Name, most)
	if !ok {
		s.fail(ctx, &tasks.Error{Code: tasks.TooMany, Op: "read", Err: tasks.Textf("%d reads of this key are under way", most), RetryAfter: time.Second})
		return
	}
	defer leave()
	next(ctx)
}

// limitBodies refuses a streamed body to a caller that sends too many of them.
func (s *Server) limitBodies(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation().OperationID
	leave, ok := s.bodies.Enter(op+" "+caller(ctx.Context()).Name, maxBodies[op])
	if !ok {
		s.fail(ctx, &tasks.Error{Code: tasks.TooMany, Op: "read body", Err: tasks.Textf("%d bodies like this one are being sent with this key", maxBodies[op]), RetryAfter: time.Second})
		return
	}
	defer leave()
	next(ctx)
}
