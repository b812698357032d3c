package api

import (
	"context"
	"encoding/json"
	"iter"
	"mime"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// opSubmitBatch reads its body by itself.
const opSubmitBatch = "submit-batch"

const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
	maxRows    = 1_000_000 // of one batch
)

// BatchReceipt answers a batch: every row was accepted or refused, and the batch is sealed.
type BatchReceipt struct {
	ID       uuid.UUID       `json:"id" format:"uuid"`
	Accepted int             `json:"accepted" doc:"Rows accepted by this request"`
	Existing int             `json:"existing" doc:"Rows that had been accepted before: under the same Idempotency-Key, or under their external_id in another batch or alone; they do not move into this batch"`
	Refused  int             `json:"refused" doc:"Rows that were not accepted"`
	First    []tasks.Refusal `json:"first_refusals" nullable:"false" doc:"The first 100 of them; all are in the results"`
}

// BatchPage is one page of batches, the newest first.
type BatchPage struct {
	Batches []tasks.Batch `json:"batches" nullable:"false"`
	Next    string        `json:"next,omitempty" doc:"The cursor of the next page; missing after the last one"`
}

type batchInput struct {
	Spoken
	Key         string `header:"Idempotency-Key" maxLength:"255" doc:"The batch's own name. A stream that broke off goes on when it is sent again, from its first row, under the same key"`
	CallbackURL string `query:"callback_url" maxLength:"2048" doc:"Gets batch.completed, and the events of uploads that name no URL"`
	Metadata    string `query:"metadata" maxLength:"16384" doc:"Any JSON, given back with the batch"`

	KeepFreshUntil time.Time `query:"keep_fresh_until" doc:"Keep the media of the rows alive until then that name no time of their own"`

	ctx huma.Context
}

// Resolve keeps the request, since its body is read row by row.
func (in *batchInput) Resolve(ctx huma.Context) []error {
	in.ctx = ctx
	return nil
}

type batchReceiptOutput struct {
	Location string `header:"Location"`
	Vary     string `header:"Vary"`
	Body     BatchReceipt
}

type oneBatchInput struct {
	ID string `path:"id" format:"uuid" doc:"The batch"`
}

type batchOutput struct{ Body tasks.Batch }

type batchListInput struct {
	Producer string `query:"producer" doc:"Batches of this producer; a producer sees its own anyway"`
	Query    string `query:"q" maxLength:"255" doc:"Part of the Idempotency-Key"`
	Cursor   string `query:"cursor" doc:"next of the last page"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type batchPageOutput struct{ Body BatchPage }

func (s *Server) batchRoutes() {
	row := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[UploadRequest](), true, "UploadRequest")
	route(s, enqueue.AccessSubmit, huma.Operation{
		OperationID: opSubmitBatch, Method: http.MethodPost, Path: "/v1/batches", DefaultStatus: http.StatusAccepted, Tags: []string{"batches"},
		Summary: "Submit many uploads",
		Description: "A JSON array of uploads, or NDJSON, an upload a line: either is read as a stream, up to a million rows of 64 KiB. A row that can't " +
			"be accepted is refused with its line, and never stops the others. A row whose external_id was used for another request is refused with " +
			"code conflict and the fields that differ. A batch of which 10,000 rows were refused ends there (422), and so does one whose producer has " +
			"used up its day (429): the batch says so in ended. Rows are read at the producer's rate; a batch that would wait for it for over " +
			"an hour in all is answered 429, and goes on when it is sent again under its key.",
	}, s.submitBatch)
	s.api.OpenAPI().Paths["/v1/batches"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		jsonType:   {Schema: &huma.Schema{Type: huma.TypeArray, Items: row}},
		ndjsonType: {Schema: row},
	}} // huma would read a body that it was told of before
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "list-batches", Method: http.MethodGet, Path: "/v1/batches", Tags: []string{"batches"}, Summary: "Batches, the newest first",
	}, s.batches)
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "get-batch", Method: http.MethodGet, Path: "/v1/batches/{id}", Tags: []string{"batches"}, Summary: "One batch with its counts",
	}, s.batch)
}

func (s *Server) submitBatch(ctx context.Context, in *batchInput) (*batchReceiptOutput, error) {
	b := tasks.Batch{ExternalID: in.Key, CallbackURL: in.CallbackURL, Metadata: json.RawMessage(in.Metadata)}
	_, w := humago.Unwrap(in.ctx)
	defer s.bodyRead(w) //nolint:errcheck // a connection that is gone shows when it is written to
	rows, err := bodyRows(in.ctx)
	if err != nil {
		return nil, err
	}
	receipt, err := s.Producer(caller(ctx)).SubmitRows(ctx, b, decodeRows(rows, in.KeepFreshUntil.UTC()))
	if err != nil {
		return nil, err
	}
	return &batchReceiptOutput{Location: "/v1/batches/" + receipt.Batch.ID.String(), Vary: varies, Body: BatchReceipt{
		ID: receipt.Batch.ID, Accepted: receipt.Accepted, Existing: receipt.Existing, Refused: receipt.Refused, First: s.refusals(in.Spoken, receipt.First),
	}}, nil
}

// decodeRows decodes the rows of a body. What is wrong with one refuses it alone. Media are kept alive until keep where a row names
// no time of its own.
func decodeRows(in iter.Seq2[line, error], keep time.Time) iter.Seq2[enqueue.Row, error] {
	return func(yield func(enqueue.Row, error) bool) {
		for l, err := range in {
			if err == nil && l.number > maxRows {
				err = tooManyRows()
			}
			if err != nil {
				yield(enqueue.Row{}, err)
				return
			}
			row := enqueue.Row{Line: l.number}
			if err := l.fault; err != nil {
				row.Err = tasks.AsError(err)
			} else if row.Upload, err = decodeRow(l.text); err != nil {
				row.Err = tasks.AsError(err)
			}
			if row.Upload.KeepFreshUntil.IsZero() {
				row.Upload.KeepFreshUntil = keep
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func tooManyRows() error {
	return bodyProblem(http.StatusRequestEntityTooLarge, "body: has over %d rows: send the rest as another batch", maxRows)
}

// bodyRows returns the rows of a batch's body, by its type.
func bodyRows(ctx huma.Context) (iter.Seq2[line, error], error) {
	r, w := humago.Unwrap(ctx)
	body := &bodyStream{Reader: r.Body, rc: http.NewResponseController(w)}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && (kind == ndjsonType || kind == "application/jsonl"):
		return lines(body), nil
	case err == nil && kind == jsonType:
		return elements(body)
	}
	p := problemOf(invalid("read batch", "Content-Type: is neither application/json nor application/x-ndjson"))
	p.Status = http.StatusUnsupportedMediaType
	return nil, p
}

func (s *Server) batches(ctx context.Context, in *batchListInput) (*batchPageOutput, error) {
	f := caller(ctx).Confined(tasks.Filter{Producer: in.Producer, Query: in.Query, Cursor: in.Cursor, Limit: in.Limit})
	page, next, err := s.cfg.Ledger.Batches(ctx, f)
	if err != nil {
		return nil, err
	}
	return &batchPageOutput{BatchPage{Batches: orEmpty(page), Next: next}}, nil
}

func (s *Server) batch(ctx context.Context, in *oneBatchInput) (*batchOutput, error) {
	b, err := s.ownBatch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &batchOutput{b}, nil
}

// ownBatch returns a batch if it exists for the caller.
func (s *Server) ownBatch(ctx context.Context, text string) (tasks.Batch, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return tasks.Batch{}, notFound("batch")
	}
	b, err := s.cfg.Ledger.Batch(ctx, id)
	if err == nil && !caller(ctx).Owns(b.Producer) {
		err = notFound("batch")
	}
	return b, err
}
