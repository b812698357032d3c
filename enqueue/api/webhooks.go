package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// EndpointList is the URLs that get webhooks, the one that an event went to last first.
type EndpointList struct {
	Endpoints []tasks.Endpoint `json:"endpoints" nullable:"false"`
}

type endpointsOutput struct{ Body EndpointList }

type replaysInput struct{ Body ReplayRequest }

// ReplayRequest chooses deliveries that are to be sent again.
type ReplayRequest struct {
	State    string    `json:"state,omitempty" enum:"pending,delivered,failed,disabled" doc:"Deliveries in this state"`
	URL      string    `json:"url,omitempty" maxLength:"2048" doc:"Deliveries to this URL"`
	Upload   uuid.UUID `json:"upload,omitzero" doc:"Deliveries of this upload's or batch's events"`
	Producer string    `json:"producer,omitempty" maxLength:"64" doc:"Deliveries of this producer's events; a producer reaches its own alone"`
	DryRun   bool      `json:"dry_run,omitempty" doc:"Only count them"`
}

type replaysOutput struct{ Body tasks.Replayed }

type testInput struct{ Body TestRequest }

// TestRequest says where a test event goes.
type TestRequest struct {
	URL string `json:"url,omitempty" maxLength:"2048" doc:"The endpoint; missing: where the events of the key's producer go by default"`
}

// TestEvent names what a test made.
type TestEvent struct {
	Batch uuid.UUID `json:"batch_id" doc:"The batch without uploads whose batch.completed is the event: see deliveries?upload="`
}

type testOutput struct{ Body TestEvent }

func (s *Server) webhookRoutes() {
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-endpoints", Method: http.MethodGet, Path: "/v1/endpoints", Tags: []string{"webhooks"},
		Summary: "The URLs that get webhooks, and how each fared with the newest 2,000 deliveries",
	}, s.endpoints)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "replay-deliveries", Method: http.MethodPost, Path: "/v1/replays", Tags: []string{"webhooks"},
		Summary:     "Send all deliveries again that match",
		Description: "The newest first, and at most 10,000 at once. Each event keeps its webhook-id, and costs as much of the rate and the budget as an upload.",
	}, s.replayAll)
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: "test-webhook", Method: http.MethodPost, Path: "/v1/webhooks/test", DefaultStatus: http.StatusAccepted, Tags: []string{"webhooks"},
		Summary:     "Send a test event",
		Description: "It is the batch.completed of a batch without uploads, whose metadata is {\"test\": true}: signed and retried like every other event.",
	}, s.testWebhook)
}

func (s *Server) endpoints(ctx context.Context, _ *struct{}) (*endpointsOutput, error) {
	es, err := s.cfg.Ledger.Endpoints(ctx, caller(ctx).Sees())
	if err != nil {
		return nil, err
	}
	return &endpointsOutput{EndpointList{orEmpty(es)}}, nil
}

func (s *Server) replayAll(ctx context.Context, in *replaysInput) (*replaysOutput, error) {
	q := in.Body
	f := tasks.DeliveryFilter{Producer: q.Producer, State: tasks.DeliveryState(q.State), URL: q.URL, Upload: q.Upload}
	if own := caller(ctx).Sees(); own != "" {
		f.Producer = own
	}
	done, err := s.Producer(caller(ctx)).ReplayAll(ctx, s.cfg.Ledger, f, q.DryRun)
	if err != nil {
		return nil, err
	}
	s.nudge()
	return &replaysOutput{done}, nil
}

func (s *Server) testWebhook(ctx context.Context, in *testInput) (*testOutput, error) {
	b, err := s.Producer(caller(ctx)).TestWebhook(ctx, in.Body.URL)
	if err != nil {
		return nil, err
	}
	s.nudge()
	return &testOutput{TestEvent{b.ID}}, nil
}
