package manifest

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// reportColumns are the columns of a report: the row as it was submitted, then its outcome.
var reportColumns = [...]string{
	"line", "id", "path", "type", "account", "filename", "callback_url", "priority", "no_reuse", "keep_fresh_until", "expires_by", "metadata",
	reportMark, "code", "media_id", "expires_at", "reused", "errcode", "reason", uploadID,
}

// refused is the outcome of a row that was not accepted.
const refused = "refused"

// ReportWriter writes the rows of a manifest, in their order, with their outcomes. It writes CSV that spreadsheets open and
// that ReadCSV reads as a manifest. Cells are neutralized, see Neutralize. It is not safe for concurrent use.
type ReportWriter struct {
	w     *csv.Writer
	zone  *time.Location
	begun bool
}

// NewReportWriter returns a writer to w, of times in zone. Call Flush at the end.
func NewReportWriter(w io.Writer, zone *time.Location) *ReportWriter {
	return &ReportWriter{w: csv.NewWriter(w), zone: zone}
}

// Write adds one row and its outcome. A row with an Err is reported as refused, and an outcome that is not final by its
// state. The fields of o replace those of the row, since the account or the type may have been filled in.
func (r *ReportWriter) Write(row Row, o tasks.Outcome) error {
	if err := r.begin(); err != nil {
		return err
	}
	record := append(r.asked(row, o), r.answer(row, o)...)
	for i := range record {
		record[i] = Neutralize(strings.ToValidUTF8(record[i], "\uFFFD")) // a refused row may hold anything
	}
	if err := r.w.Write(record); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// Flush writes the buffered rows. It always writes the row of column names.
func (r *ReportWriter) Flush() error {
	if err := r.begin(); err != nil {
		return err
	}
	r.w.Flush()
	if err := r.w.Error(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *ReportWriter) begin() error {
	if r.begun {
		return nil
	}
	r.begun = true
	names := reportColumns
	names[0] = "\ufeff" + names[0] // without a BOM, spreadsheets take UTF-8 for the system's old encoding
	if err := r.w.Write(names[:]); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *ReportWriter) asked(row Row, o tasks.Outcome) []string {
	u := row.Upload
	if o.Type != "" {
		u.Type = o.Type
	}
	if o.Account != "" {
		u.Account = o.Account
	}
	if o.ExternalID != "" {
		u.ExternalID = o.ExternalID
	}
	priority := ""
	if u.Priority != tasks.Bulk {
		priority = u.Priority.String()
	}
	return []string{strconv.Itoa(row.Line), u.ExternalID, PlainPath(u.Source), string(u.Type), u.Account, u.Filename, u.CallbackURL,
		priority, yes(u.NoReuse), r.stamp(u.KeepFreshUntil), r.stamp(u.ExpiresBy), string(u.Metadata)}
}

func (r *ReportWriter) answer(row Row, o tasks.Outcome) []string {
	if row.Err != nil {
		return []string{refused, string(row.Err.Code), "", "", "", "", reason(row.Err.Error(), row.Err.Advice()), ""}
	}
	errcode := ""
	if o.Errcode != 0 {
		errcode = strconv.Itoa(o.Errcode)
	}
	id := ""
	if o.ID != uuid.Nil {
		id = o.ID.String()
	}
	return []string{string(o.State), string(o.Code), o.MediaID, r.stamp(o.ExpiresAt), yes(o.Reused), errcode, reason(o.Reason, o.Hint), id}
}

func reason(what, hint string) string {
	if hint == "" {
		return what
	}
	return what + " (" + hint + ")"
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func (r *ReportWriter) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(r.zone).Format(time.RFC3339)
}

// Neutralize puts a ' before a cell that a spreadsheet would run as a formula. Such a cell begins, after blanks, with one of
// = + - @ (or their full-width forms), or it begins with a tab or a line end. A media_id may begin with "-". A cell that
// begins with ' gets another one, so that Restore, which removes one, returns the original.
func Neutralize(cell string) string {
	first, _ := utf8.DecodeRuneInString(cell)
	solid, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, unseen))
	if strings.ContainsRune("'\t\r\n", first) || strings.ContainsRune("=+-@＝＋－＠", solid) {
		return "'" + cell
	}
	return cell
}

// unseen reports whether a spreadsheet may ignore r before a formula.
func unseen(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }

// Restore returns the original of a neutralized cell.
func Restore(cell string) string { return strings.TrimPrefix(cell, "'") }
