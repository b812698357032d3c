package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// UploadRequest asks for one upload.
type UploadRequest struct {
	ExternalID     string          `json:"external_id,omitempty" maxLength:"255" doc:"Your own name for it. The same request under it gives the same receipt, also over another route; another one is a conflict that names the fields which differ" example:"order-7431"`
	Account        string          `json:"account,omitempty" maxLength:"64" doc:"Which official account; missing: default" example:"default"`
	Type           string          `json:"type" enum:"image,voice,video,thumb" doc:"WeChat's media type" example:"image"`
	Source         string          `json:"source" minLength:"1" maxLength:"4096" doc:"A path below the storage root, s3://bucket/key, or what POST /v1/files answered" example:"2026/cover.jpg"`
	Filename       string          `json:"filename,omitempty" maxLength:"1024" doc:"Your name for the file, for the record; missing: the last part of the source"`
	CallbackURL    string          `json:"callback_url,omitempty" maxLength:"2048" doc:"Gets the webhook events of this upload"`
	Priority       string          `json:"priority,omitempty" enum:"bulk,interactive" doc:"interactive overtakes all queued bulk work; missing: bulk"`
	Metadata       json.RawMessage `json:"metadata,omitempty" doc:"Any JSON of at most 16 KiB, given back with the outcome"`
	NoReuse        bool            `json:"no_reuse,omitempty" doc:"Call WeChat even where a live media_id of this content is known"`
	Fix            bool            `json:"fix,omitempty" doc:"Allow a picture that would be refused to be made to fit"`
	KeepFreshUntil *time.Time      `json:"keep_fresh_until,omitempty" doc:"Keep the media alive until then: before it expires the source is uploaded again, within the account's calls, and media.renewed tells the new media_id. The date is no part of what makes two requests the same: the same request with a later one extends it"`
	ExpiresBy      *time.Time      `json:"expires_by,omitempty" doc:"Without an outcome by then it fails with code deadline. Of the uploads of a producer the earliest deadline goes first; one that the calls of the account until then can not reach is refused at once"`
}

// upload returns what is asked for.
func (r UploadRequest) upload() (tasks.Upload, error) {
	u := tasks.Upload{
		ExternalID: r.ExternalID, Account: r.Account, Type: tasks.MediaType(r.Type), Source: r.Source,
		Filename: r.Filename, CallbackURL: r.CallbackURL, Metadata: r.Metadata, NoReuse: r.NoReuse, Fix: r.Fix,
	}
	if err := u.Priority.UnmarshalText([]byte(r.Priority)); err != nil {
		return u, invalid("check upload", "priority: is not one of bulk, interactive")
	}
	if r.KeepFreshUntil != nil {
		u.KeepFreshUntil = r.KeepFreshUntil.UTC()
	}
	if r.ExpiresBy != nil {
		u.ExpiresBy = r.ExpiresBy.UTC()
	}
	return u, nil
}

// decodeRow reads one row of a batch, strictly. With an error it returns what the row calls itself.
func decodeRow(line []byte) (tasks.Upload, error) {
	var r UploadRequest
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return tasks.Upload{ExternalID: r.ExternalID}, invalid("read row", "%s", jsonFault(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return tasks.Upload{ExternalID: r.ExternalID}, invalid("read row", "there is something after the JSON object")
	}
	return r.upload()
}
