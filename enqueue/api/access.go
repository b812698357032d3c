package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// accessKey is the key of an operation's access in its metadata.
const accessKey = "access"

// route registers one operation. An error of its handler is answered as a problem.
func route[I, O any](s *Server, a enqueue.Access, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[accessKey] = a
	op.Extensions = map[string]any{"x-access": string(a)}
	op.Responses = withProblem(s.api, op.Responses)
	op.MaxBodyBytes = maxBody + 1 // huma refuses a body that has as many
	op.BodyReadTimeout = bodyTime
	streamed := op.OperationID == opSubmitBatch || op.OperationID == opSendFiles
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		if !streamed {
			if err := s.bodyRead(trace(ctx).answer); err != nil {
				return nil, problemOf(err) // the connection is gone
			}
		}
		out, err := h(ctx, in)
		if err != nil {
			s.note(ctx, err)
			return nil, problemOf(err)
		}
		return out, nil
	})
}

// withProblem adds the problem to the documented answers of an operation.
func withProblem(a huma.API, rs map[string]*huma.Response) map[string]*huma.Response {
	if rs == nil {
		rs = map[string]*huma.Response{}
	}
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	rs["default"] = &huma.Response{
		Description: "What went wrong: the code decides",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
	}
	return rs
}

// authorize refuses callers whose role the operation is not for. An operation without an access is for no role.
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	a, _ := ctx.Operation().Metadata[accessKey].(enqueue.Access)
	if who := caller(ctx.Context()); !a.Admits(who.Role) {
		s.fail(ctx, errForbidden(who))
		return
	}
	next(ctx)
}

// staff is authorize for handlers that show things of all producers.
func (s *Server) staff(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who := caller(r.Context()); who.Role == tasks.RoleProducer {
			writeProblem(w, r, errForbidden(who))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func errForbidden(who enqueue.Caller) error {
	return &tasks.Error{Code: tasks.Forbidden, Op: "check rights", Err: tasks.Textf("a key of the role %s may not do that", who.Role)}
}
