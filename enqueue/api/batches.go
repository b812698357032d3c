package api

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"mime"
	"net/http"
	"reflect"

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
	maxArray   = 16 << 20  // bytes of a batch as one JSON array, which is held in memory
	maxRows    = 1_000_000 // of one batch
)

// BatchReceipt answers a batch: every row was accepted or refused, and the batch is sealed.
type BatchReceipt struct {
	ID       uuid.UUID       `json:"id" format:"uuid"`
	Accepted int             `json:"accepted" doc:"Rows accepted by this request"`
	Existing int             `json:"existing" doc:"Rows that had been accepted before: under the same Idempotency-Key, or under their external_id elsewhere, where they stay"`
	Refused  int             `json:"refused" doc:"Rows that were not accepted"`
	First    []tasks.Refusal `json:"first_refusals" nullable:"false" doc:"The first 100 of them; all are in the results"`
}

// BatchPage is one page of batches, the newest first.
type BatchPage struct {
	Batches []tasks.Batch `json:"batches" nullable:"false"`
	Next    string        `json:"next,omitempty" doc:"The cursor of the next page; missing after the last one"`
}

type batchInput struct {
	Key         string `header:"Idempotency-Key" maxLength:"255" doc:"The batch's own name. A stream that broke off goes on when it is sent again, from its first row, under the same key"`
	CallbackURL string `query:"callback_url" maxLength:"2048" doc:"Gets batch.completed, and the events of uploads that name no URL"`
	Metadata    string `query:"metadata" maxLength:"16384" doc:"Any JSON, given back with the batch"`

	ctx huma.Context
}

// Resolve keeps the request, whose body is read row by row.
func (in *batchInput) Resolve(ctx huma.Context) []error {
	in.ctx = ctx
	return nil
}

type batchReceiptOutput struct {
	Location string `header:"Location"`
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
	route(s, AccessSubmit, huma.Operation{
		OperationID: opSubmitBatch, Method: http.MethodPost, Path: "/v1/batches", DefaultStatus: http.StatusAccepted, Tags: []string{"batches"},
		Summary: "Submit many uploads",
		Description: "A JSON array of uploads (at most 16 MiB), or NDJSON, an upload a line, streamed: up to a million rows. A row that can't be " +
			"accepted is refused with its line, and never stops the others. A row whose external_id was used for another request is refused with " +
			"code conflict and the fields that differ.",
	}, s.submitBatch)
	s.api.OpenAPI().Paths["/v1/batches"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		jsonType:   {Schema: &huma.Schema{Type: huma.TypeArray, Items: row}},
		ndjsonType: {Schema: row},
	}} // huma would read a body that it was told of before
	route(s, AccessRead, huma.Operation{
		OperationID: "list-batches", Method: http.MethodGet, Path: "/v1/batches", Tags: []string{"batches"}, Summary: "Batches, the newest first",
	}, s.batches)
	route(s, AccessRead, huma.Operation{
		OperationID: "get-batch", Method: http.MethodGet, Path: "/v1/batches/{id}", Tags: []string{"batches"}, Summary: "One batch with its counts",
	}, s.batch)
}

func (s *Server) submitBatch(ctx context.Context, in *batchInput) (*batchReceiptOutput, error) {
	who := caller(ctx)
	b := tasks.Batch{ExternalID: in.Key, CallbackURL: in.CallbackURL, Metadata: json.RawMessage(in.Metadata)}
	if err := who.mayCall(b.CallbackURL); err != nil {
		return nil, err
	}
	_, w := humago.Unwrap(in.ctx)
	defer s.bodyRead(w) //nolint:errcheck // a connection that is gone shows when it is written to
	rows, err := bodyRows(in.ctx)
	if err != nil {
		return nil, err
	}
	allowed := s.allowance(who)
	receipt, err := s.producer(who).SubmitRows(ctx, b, s.judged(ctx, rows, allowed))
	allowed.settle(ctx, receipt.Accepted)
	if err != nil {
		return nil, err
	}
	return &batchReceiptOutput{Location: "/v1/batches/" + receipt.Batch.ID.String(), Body: BatchReceipt{
		ID: receipt.Batch.ID, Accepted: receipt.Accepted, Existing: receipt.Existing, Refused: receipt.Refused, First: present(receipt.First),
	}}, nil
}

// judged turns lines into rows that the caller may submit. What is wrong with one refuses it alone.
func (s *Server) judged(ctx context.Context, in iter.Seq[line], allowed *allowance) iter.Seq[enqueue.Row] {
	return func(yield func(enqueue.Row) bool) {
		for l := range in {
			row := enqueue.Row{Line: l.number, Err: l.err}
			if l.number > maxRows {
				row.Err, l.fatal = tooMany(), true
			}
			if row.Err == nil {
				row.Upload, row.Err = judge(ctx, l.text)
			}
			if row.Err == nil {
				row.Err = allowed.next(ctx)
			}
			if l.fatal && row.Err != nil {
				row.Err = &broken{problemOf(row.Err)}
			}
			if !yield(row) {
				return
			}
		}
	}
}

func judge(ctx context.Context, text []byte) (tasks.Upload, error) {
	r, err := decodeRow(text)
	if err != nil {
		return tasks.Upload{ExternalID: r.ExternalID}, err
	}
	return r.allowed(ctx)
}

// broken is why the rest of a batch can't be read. It is no *tasks.Error, so that it ends the batch and not one row.
type broken struct{ *Problem }

func (b *broken) Unwrap() error { return b.Problem }

func tooMany() error {
	p := *problemOf(invalid("read batch", "it has over %d rows: send the rest as another batch", maxRows))
	p.Status = http.StatusRequestEntityTooLarge
	return &p
}

// bodyRows returns the lines of a batch's body, by its type.
func bodyRows(ctx huma.Context) (iter.Seq[line], error) {
	r, w := humago.Unwrap(ctx)
	body := &bodyStream{Reader: r.Body, rc: http.NewResponseController(w)}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && (kind == ndjsonType || kind == "application/jsonl"):
		return lines(body), nil
	case err == nil && kind == jsonType:
		return arrayRows(body)
	}
	p := *problemOf(invalid("read batch", "Content-Type: is neither application/json nor application/x-ndjson"))
	p.Status = http.StatusUnsupportedMediaType
	return nil, &p
}

func arrayRows(r io.Reader) (iter.Seq[line], error) {
	body, err := io.ReadAll(io.LimitReader(r, maxArray+1))
	switch {
	case err != nil:
		return nil, unread(err)
	case len(body) > maxArray:
		p := tooLarge(maxArray)
		p.Hint = "send it as application/x-ndjson, a row a line"
		return nil, p
	}
	if err := oneValue(body); err != nil {
		return nil, err
	}
	var array []json.RawMessage
	if err := json.Unmarshal(body, &array); err != nil || array == nil {
		return nil, invalid("read batch", "body: want an array of uploads")
	}
	return elements(body), nil
}

func (s *Server) batches(ctx context.Context, in *batchListInput) (*batchPageOutput, error) {
	f := confined(ctx, tasks.Filter{Producer: in.Producer, Query: in.Query, Cursor: in.Cursor, Limit: in.Limit})
	page, next, err := s.cfg.Ledger.Batches(ctx, f)
	if err != nil {
		return nil, err
	}
	return &batchPageOutput{BatchPage{Batches: present(page), Next: next}}, nil
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
	if err == nil && !caller(ctx).owns(b.Producer) {
		err = notFound("batch")
	}
	return b, err
}
