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
	for _, of := range []string{"Outcome", "Receipt"} {
		property(of, "state", func(p *huma.Schema) { p.Enum = anyOf(tasks.States[:]) })
	}
	property("Outcome", "type", func(p *huma.Schema) { p.Enum = anyOf(tasks.MediaTypes[:]) })
	property("Batch", "state", func(p *huma.Schema) {
		p.Enum = anyOf([]tasks.BatchState{tasks.BatchOpen, tasks.BatchSealed, tasks.BatchComplete})
	})
	property("Delivery", "state", func(p *huma.Schema) {
		p.Enum = anyOf([]tasks.DeliveryState{tasks.Pending, tasks.Delivered, tasks.GivenUp, tasks.Disabled})
	})
	exemplify(schemas)
	for _, of := range []string{"Outcome", "Batch", "Delivery"} {
		for _, name := range []string{"id", "batch_id"} {
			property(of, name, func(p *huma.Schema) { p.Format = "uuid" })
		}
	}
}

func anyOf[T ~string](names []T) []any {
	var all []any
	for _, n := range names {
		all = append(all, string(n))
	}
	return all
}
