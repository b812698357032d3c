package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

type resultsInput struct {
	ID     string `path:"id" format:"uuid" doc:"The batch"`
	Format string `query:"format" enum:"csv,ndjson" default:"ndjson" doc:"How the rows are written"`
}

// resultsPage is the number of rows that are read at once.
const resultsPage = 500

func (s *Server) resultRoutes() {
	route(s, enqueue.AccessRead, huma.Operation{
		OperationID: "batch-results", Method: http.MethodGet, Path: "/v1/batches/{id}/results", Tags: []string{"batches"},
		Summary: "All rows of a batch, streamed",
		Description: "Uploads in the order they were submitted, as they stand, then the rows that were refused. As CSV, cells that a spreadsheet " +
			"would run as a formula begin with an apostrophe.",
		Responses: map[string]*huma.Response{"200": {Description: "The rows", Content: map[string]*huma.MediaType{
			ndjsonType: {Schema: &huma.Schema{Type: huma.TypeString, Description: "An upload, or a refused row, a line"}},
			"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}, s.results)
}

func (s *Server) results(ctx context.Context, in *resultsInput) (*huma.StreamResponse, error) {
	b, err := s.ownBatch(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	// The first page decides whether there is an answer at all: after it, only the connection can say that it failed.
	page, next, err := s.cfg.Ledger.Rows(ctx, b.ID, "", resultsPage)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		_, w := humago.Unwrap(h)
		out := newRowWriter(in.Format, &answerStream{w, http.NewResponseController(w)}, s.cfg.Cell)
		w.Header().Set("Content-Type", out.contentType())
		w.Header().Set("Content-Disposition", `attachment; filename="`+b.ID.String()+"."+in.Format+`"`)
		if err := s.writeResults(ctx, out, b.ID, page, next); err != nil {
			s.note(ctx, err)
			panic(http.ErrAbortHandler) // an answer that ends early must not look whole
		}
	}}, nil
}

// WriteCSV writes all rows of a batch as CSV, for who may see it.
func (s *Server) WriteCSV(ctx context.Context, w http.ResponseWriter, batch uuid.UUID) error {
	page, next, err := s.cfg.Ledger.Rows(ctx, batch, "", resultsPage)
	if err != nil {
		return err
	}
	return s.writeResults(ctx, newRowWriter("csv", &answerStream{w, http.NewResponseController(w)}, s.cfg.Cell), batch, page, next)
}

func (s *Server) writeResults(ctx context.Context, out rowWriter, batch uuid.UUID, page []tasks.Outcome, next string) error {
	for {
		for _, o := range page {
			if err := out.outcome(o); err != nil {
				return err
			}
		}
		if next == "" {
			break
		}
		var err error
		if page, next, err = s.cfg.Ledger.Rows(ctx, batch, next, resultsPage); err != nil {
			return err
		}
	}
	for after := 0; ; {
		refusals, err := s.cfg.Ledger.Refusals(ctx, batch, after, resultsPage)
		if err != nil {
			return err
		}
		for _, r := range refusals {
			if err := out.refusal(r); err != nil {
				return err
			}
			after = r.Line
		}
		if len(refusals) < resultsPage {
			return out.flush()
		}
	}
}

// rowWriter writes rows in one format.
type rowWriter interface {
	contentType() string
	outcome(o tasks.Outcome) error
	refusal(r tasks.Refusal) error
	flush() error
}

func newRowWriter(format string, w io.Writer, cell func(string) string) rowWriter {
	if format == "csv" {
		return &csvRows{w: csv.NewWriter(w), cell: cell}
	}
	return ndjsonRows{json.NewEncoder(w)}
}

// stateRefused stands in place of the state of a refused row.
const stateRefused = "refused"

type ndjsonRows struct{ enc *json.Encoder }

func (n ndjsonRows) contentType() string           { return ndjsonType }
func (n ndjsonRows) outcome(o tasks.Outcome) error { return n.enc.Encode(o) }
func (n ndjsonRows) flush() error                  { return nil }

func (n ndjsonRows) refusal(r tasks.Refusal) error {
	return n.enc.Encode(struct {
		State string `json:"state"`
		tasks.Refusal
	}{stateRefused, r})
}

// csvRows writes RFC 4180 with a BOM, without which spreadsheets take UTF-8 for the system's old encoding.
type csvRows struct {
	w     *csv.Writer
	cell  func(string) string
	begun bool
}

func (c *csvRows) contentType() string { return "text/csv; charset=utf-8" }

func (c *csvRows) outcome(o tasks.Outcome) error {
	errcode, size := "", ""
	if o.Errcode != 0 {
		errcode = strconv.Itoa(o.Errcode)
	}
	if o.Size != 0 {
		size = strconv.FormatInt(o.Size, 10)
	}
	return c.write(o.ID.String(), o.ExternalID, "", o.Source, string(o.Type), o.Account, o.Filename, string(o.State), o.MediaID, stamp(o.ExpiresAt),
		strconv.FormatBool(o.Reused), string(o.Code), errcode, o.RID, o.Reason, o.Hint, strconv.Itoa(o.Attempts), size, o.SHA256, stamp(o.Finished), string(o.Metadata))
}

func (c *csvRows) refusal(r tasks.Refusal) error {
	return c.write("", r.ExternalID, strconv.Itoa(r.Line), "", "", "", "", stateRefused, "", "", "", string(r.Code), "", "", r.Reason, "", "", "", "", "", "")
}

func (c *csvRows) flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

func (c *csvRows) begin() error {
	if c.begun {
		return nil
	}
	c.begun = true
	return c.w.Write([]string{"\ufeffupload_id", "external_id", "line", "source", "type", "account", "filename", "state", "media_id", "expires_at",
		"reused", "code", "errcode", "rid", "reason", "hint", "attempts", "size", "sha256", "finished_at", "metadata"})
}

func (c *csvRows) write(cells ...string) error {
	if err := c.begin(); err != nil {
		return err
	}
	for i := range cells {
		cells[i] = c.cell(strings.ToValidUTF8(cells[i], "\uFFFD"))
	}
	return c.w.Write(cells)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
