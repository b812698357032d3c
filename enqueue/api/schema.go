package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/mediaferry/mediaferry/tasks"
)

// document mends what the Go types alone don't say in the OpenAPI document, and leaves out what no answer has.
func (s *Server) document() {
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own form of errors
	delete(schemas, "ErrorDetail")
	property := func(of, name string, change func(*huma.Schema)) {
		if o := schemas[of]; o != nil && o.Properties[name] != nil {
			change(o.Properties[name])
		}
	}
	property("Attempt", "took", func(p *huma.Schema) {
		p.Type, p.Format, p.Description = huma.TypeNumber, "double", "Seconds"
	})
	for _, of := range []string{"Outcome", "MediaAnswer", "Receipt"} {
		property(of, "state", func(p *huma.Schema) { p.Enum = anyOf(tasks.States[:]) })
	}
	for _, of := range []string{"Outcome", "MediaAnswer"} {
		property(of, "type", func(p *huma.Schema) { p.Enum = anyOf(tasks.MediaTypes[:]) })
	}
	property("Batch", "state", func(p *huma.Schema) {
		p.Enum = anyOf([]tasks.BatchState{tasks.BatchOpen, tasks.BatchSealed, tasks.BatchComplete})
	})
	property("Delivery", "state", func(p *huma.Schema) {
		p.Enum = anyOf([]tasks.DeliveryState{tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled})
	})
	s.documentAction(property)
	exemplify(schemas)
	for _, of := range []string{"Outcome", "MediaAnswer", "Batch", "Delivery", "Action"} {
		for _, name := range []string{"id", "batch_id"} {
			property(of, name, func(p *huma.Schema) { p.Format = "uuid" })
		}
	}
}

// documentAction says of actions what their Go type can't.
func (s *Server) documentAction(property func(of, name string, change func(*huma.Schema))) {
	property("Action", "kind", func(p *huma.Schema) { p.Enum = anyOf([]tasks.ActionKind{tasks.ActionRetry, tasks.ActionCancel}) })
	property("Action", "state", func(p *huma.Schema) {
		p.Enum = anyOf([]tasks.ActionState{tasks.ActionRunning, tasks.ActionDone, tasks.ActionStopped})
	})
	property("Action", "left", func(p *huma.Schema) { p.Nullable = false })
	for name, text := range map[string]string{
		"by":       "Whose key it was begun with, or which user on which machine",
		"producer": "Whose uploads alone it reaches; missing: everybody's",
		"choice":   "Which uploads, as in a request's filter; those that were named at the command line are ids",
		"again":    "Whether a retry takes those that succeeded, too",
		"matched":  "Uploads that the filter chose just before it began",
		"done":     "Those that were retried or canceled so far",
		"left":     "Uploads that it passed by, counted by reason: their state, conflict if one changed just then, too_many if a budget was used up",
		"ended_at": "Missing: it is running",
	} {
		property("Action", name, func(p *huma.Schema) { p.Description = text })
	}
}

func anyOf[T ~string](names []T) []any {
	var all []any
	for _, n := range names {
		all = append(all, string(n))
	}
	return all
}
