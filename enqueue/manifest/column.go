package manifest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// draft is an upload while the cells of its row are read.
type draft struct {
	tasks.Upload
	meta   map[string]string // of columns meta.NAME
	report bool              // it is a row of a report
	own    string            // path outside of the storage root
	id     uuid.UUID         // of the upload, in a report
}

// column is what a column says. Columns of one field can't stand beside each other.
type column struct {
	field string
	set   func(d *draft, cell string) error // nil: it is left out
}

// reportMark is the column that only reports have. uploadID is another one of theirs.
const (
	reportMark = "outcome"
	uploadID   = "upload_id"
)

// columnOf returns the column that a name in the first row stands for.
func columnOf(name string) (column, error) {
	if key, found := cutMeta(name); found {
		return column{"meta." + key, func(d *draft, cell string) error {
			if d.meta == nil {
				d.meta = map[string]string{}
			}
			d.meta[key] = cell
			return nil
		}}, nil
	}
	switch lower := strings.ToLower(name); lower {
	case "path":
		return column{"source", setPath}, nil
	case "source":
		return column{"source", func(d *draft, cell string) error { d.Source = cell; return nil }}, nil
	case "id", "external_id":
		return column{"external_id", func(d *draft, cell string) error { d.ExternalID = cell; return nil }}, nil
	case "type":
		return column{lower, func(d *draft, cell string) error { d.Type = tasks.MediaType(word(cell)); return nil }}, nil
	case "account":
		return column{lower, func(d *draft, cell string) error { d.Account = strings.TrimSpace(cell); return nil }}, nil
	case "filename":
		return column{lower, func(d *draft, cell string) error { d.Filename = cell; return nil }}, nil
	case "callback", "callback_url":
		return column{"callback_url", func(d *draft, cell string) error { d.CallbackURL = strings.TrimSpace(cell); return nil }}, nil
	case "metadata":
		return column{lower, func(d *draft, cell string) error { d.Metadata = json.RawMessage(strings.TrimSpace(cell)); return nil }}, nil
	case "priority":
		return column{lower, func(d *draft, cell string) error { return d.Priority.UnmarshalText([]byte(word(cell))) }}, nil
	case "no_reuse":
		return column{lower, func(d *draft, cell string) (err error) { d.NoReuse, err = boolean(cell); return err }}, nil
	case "keep_fresh_until":
		return column{lower, func(d *draft, cell string) (err error) { d.KeepFreshUntil, err = moment(cell); return err }}, nil
	case "expires_by":
		return column{lower, func(d *draft, cell string) (err error) { d.ExpiresBy, err = moment(cell); return err }}, nil
	case "": // spreadsheets write columns that were emptied
		return column{"", func(*draft, string) error { return invalid("value", "its column has no name in the first row") }}, nil
	case uploadID:
		return column{lower, func(d *draft, cell string) (err error) { d.id, err = uuid.Parse(cell); return err }}, nil
	case reportMark, "line", "code", "media_id", "expires_at", "reused", "errcode", "reason":
		return column{lower, nil}, nil
	}
	return column{}, &tasks.Error{Code: tasks.Invalid, Op: "header", Err: tasks.Textf("the column %q is not known", short(name)),
		Hint: "correct its name, call it meta.NAME to carry it along, or leave it out"}
}

func setPath(d *draft, cell string) error {
	read := pathSource
	if d.report {
		if outside(cell) {
			d.own, d.Source = cell, cell
			return nil
		}
		read = plainSource
	}
	src, err := read(cell)
	if err != nil {
		d.Source = cell // so that the report shows what was refused
		return err
	}
	d.Source = src
	return nil
}

func cutMeta(name string) (string, bool) {
	const prefix = "meta."
	if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		return name[len(prefix):], true
	}
	return "", false
}

// upload puts the metadata together.
func (d *draft) upload() (tasks.Upload, error) {
	if len(d.meta) == 0 {
		return d.Upload, nil
	}
	all := map[string]json.RawMessage{}
	if len(d.Metadata) > 0 {
		if err := json.Unmarshal(d.Metadata, &all); err != nil || bytes.Equal(d.Metadata, []byte("null")) {
			return d.Upload, invalid("metadata", "it is not a JSON object, to which meta. columns could be added")
		}
	}
	for key, value := range d.meta {
		if _, twice := all[key]; twice {
			return d.Upload, invalid("metadata", "it has %q already, which is a column too", key)
		}
		all[key], _ = json.Marshal(value) // a string can always be encoded
	}
	var err error
	d.Metadata, err = json.Marshal(all)
	return d.Upload, err
}

func word(cell string) string { return strings.ToLower(strings.TrimSpace(cell)) }

func boolean(cell string) (bool, error) {
	switch word(cell) {
	case "yes", "y", "是":
		return true, nil
	case "no", "n", "否":
		return false, nil
	}
	b, err := strconv.ParseBool(word(cell))
	if err != nil {
		return false, invalid("value", "%q is not true or false", short(cell))
	}
	return b, nil
}

func moment(cell string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(cell))
	if err != nil {
		return time.Time{}, invalid("value", "%q is not a time like 2026-11-22T18:00:00+08:00", short(cell))
	}
	return at, nil
}

// short keeps a foreign text short enough for an error message.
func short(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
