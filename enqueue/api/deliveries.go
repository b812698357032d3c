package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// DeliveryPage is one page of deliveries, the newest first.
type DeliveryPage struct {
	Deliveries []tasks.Delivery `json:"deliveries" nullable:"false"`
	Next       string           `json:"next,omitempty" doc:"The cursor of the next page; missing after the last one"`
}

type deliveriesInput struct {
	State    string `query:"state" enum:"pending,delivered,failed,disabled" doc:"Deliveries in this state"`
	Upload   string `query:"upload" format:"uuid" doc:"Deliveries of this upload's or batch's events"`
	Producer string `query:"producer" doc:"Deliveries of this producer's events; a producer sees its own anyway"`
	URL      string `query:"url" doc:"Deliveries to this URL"`
	Cursor   string `query:"cursor" doc:"next of the last page"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type deliveriesOutput struct{ Body DeliveryPage }

type deliveryInput struct {
	ID string `path:"id" format:"uuid" doc:"The delivery"`
}

type deliveryOutput struct{ Body tasks.Delivery }

func (s *Server) deliveryRoutes() {
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/deliveries", Tags: []string{"webhooks"}, Summary: "Webhook deliveries, the newest first",
	}, s.deliveries)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "replay-delivery", Method: http.MethodPost, Path: "/v1/deliveries/{id}/replay", DefaultStatus: http.StatusAccepted, Tags: []string{"webhooks"},
		Summary: "Send a delivery again, in any state", Description: "The event keeps its webhook-id, so that the receiver recognizes it.",
	}, s.replay)
}

func (s *Server) deliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	f := tasks.DeliveryFilter{Producer: in.Producer, State: tasks.DeliveryState(in.State), URL: in.URL, Cursor: in.Cursor, Limit: in.Limit}
	if own := caller(ctx).Sees(); own != "" {
		f.Producer = own
	}
	if in.Upload != "" {
		id, err := uuid.Parse(in.Upload)
		if err != nil {
			return nil, invalid("read request", "query.upload: is not a UUID")
		}
		f.Upload = id
	}
	page, next, err := s.cfg.Ledger.Deliveries(ctx, f)
	if err != nil {
		return nil, err
	}
	return &deliveriesOutput{DeliveryPage{orEmpty(page), next}}, nil
}

func (s *Server) replay(ctx context.Context, in *deliveryInput) (*deliveryOutput, error) {
	id, err := uuid.Parse(in.ID)
	if err != nil {
		return nil, notFound("delivery")
	}
	d, err := s.cfg.Ledger.Delivery(ctx, id)
	if err == nil && !caller(ctx).Owns(d.Event.Producer) {
		err = notFound("delivery")
	}
	if err != nil {
		return nil, err
	}
	if err := s.Producer(caller(ctx)).Charge(ctx); err != nil {
		return nil, err
	}
	if err := s.cfg.Ledger.Replay(ctx, id); err != nil {
		return nil, err
	}
	s.nudge()
	if d, err = s.cfg.Ledger.Delivery(ctx, id); err != nil {
		return nil, err
	}
	return &deliveryOutput{d}, nil
}
