package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// ReadJSONL reads one JSON object from each line, with the fields of tasks.Upload; "type" may be "auto" or missing. It
// refuses a row with unknown fields, with more than one value, or with text that is not UTF-8. It leaves out empty lines.
// It reads a row when the caller asks for it.
func ReadJSONL(r io.Reader, o Options) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		b, err := text(r, o)
		if err != nil {
			yield(unreadable(1, err))
			return
		}
		l := lines{r: b, sep: '\n'}
		l.rows("row", func(line []byte) (Row, bool) {
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				return Row{}, false
			}
			return jsonRow(l.line, line, o), true
		}, yield)
	}
}

func jsonRow(n int, line []byte, o Options) Row {
	if err := legible(line, o); err != nil {
		return refuse(n, tasks.Upload{}, err)
	}
	var u tasks.Upload
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&u); err != nil {
		return refuse(n, u, invalid("row", "%w", err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse(n, u, invalid("row", "there is something after the JSON object"))
	}
	if u.ID != uuid.Nil || u.Batch != uuid.Nil {
		return refuse(n, u, invalid("id", "id and batch_id are given by mediaferry: name an upload by external_id"))
	}
	return accept(n, u)
}

// legible refuses text of another encoding, which would otherwise name files that don't exist.
func legible(line []byte, o Options) error {
	switch {
	case !utf8.Valid(line):
		return &tasks.Error{Code: tasks.Invalid, Op: "row", Err: tasks.Textf("it is not UTF-8"),
			Hint: "save the manifest as UTF-8, or say --gbk if it is GBK, as older spreadsheets in China write it"}
	case o.GBK && bytes.ContainsRune(line, utf8.RuneError):
		return &tasks.Error{Code: tasks.Invalid, Op: "row", Err: tasks.Textf("it is not GBK"), Hint: "save the manifest as UTF-8"}
	}
	return nil
}
