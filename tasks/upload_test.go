package tasks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

func upload() tasks.Upload {
	return tasks.Upload{
		ExternalID: "order-7/front", Account: "default", Type: tasks.Image, Source: "2026/产品/a.jpg", Filename: "a.jpg",
		CallbackURL: "https://shop.example/hook", Metadata: json.RawMessage(`{"order": 7}`), Priority: tasks.Interactive,
		ExpiresBy: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := upload().Validate(); err != nil {
		t.Fatalf("a good upload is refused: %v", err)
	}
	for name, tc := range map[string]struct {
		change func(*tasks.Upload)
		want   string
	}{
		"type":            {func(u *tasks.Upload) { u.Type = "audio" }, `type: "audio" is not one of image, voice, video, thumb`},
		"no source":       {func(u *tasks.Upload) { u.Source = "" }, "source: is missing"},
		"long source":     {func(u *tasks.Upload) { u.Source = strings.Repeat("a", 5000) }, "source: has 5000 bytes, at most 4096 are taken"},
		"NUL":             {func(u *tasks.Upload) { u.Source = "a\x00b" }, "source: has a NUL byte"},
		"not UTF-8":       {func(u *tasks.Upload) { u.Filename = "\xff" }, "filename: is not UTF-8"},
		"control":         {func(u *tasks.Upload) { u.ExternalID = "a\nb" }, "external_id: has control characters"},
		"account":         {func(u *tasks.Upload) { u.Account = "a b" }, `account: "a b" is not a name`},
		"priority":        {func(u *tasks.Upload) { u.Priority = 9 }, "priority: is not one of"},
		"metadata":        {func(u *tasks.Upload) { u.Metadata = json.RawMessage("{") }, "metadata: is not JSON"},
		"large metadata":  {func(u *tasks.Upload) { u.Metadata = bytes.Repeat([]byte("1"), 20000) }, "metadata: has 20000 bytes"},
		"callback scheme": {func(u *tasks.Upload) { u.CallbackURL = "file:///etc/passwd" }, "callback_url: is not an absolute URL"},
		"callback ftp":    {func(u *tasks.Upload) { u.CallbackURL = "ftp://h/x" }, `callback_url: has scheme "ftp"`},
		"callback user":   {func(u *tasks.Upload) { u.CallbackURL = "https://u:p@h/" }, "callback_url: carries a user name or password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := upload()
			tc.change(&u)
			err := u.Validate()
			if !errors.Is(err, &tasks.Error{Code: tasks.Invalid}) && tasks.CodeOf(err) != tasks.Invalid {
				t.Fatalf("got %v, want Invalid", err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, want %q in it", err, tc.want)
			}
		})
	}
	both := tasks.Upload{Type: "x", Account: "default"}.Validate()
	if both == nil || !strings.Contains(both.Error(), "type:") || !strings.Contains(both.Error(), "source:") {
		t.Errorf("not everything is reported at once: %v", both)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	base := upload().Digest()
	same := upload()
	same.ID, same.Batch, same.Metadata = uuid.New(), uuid.New(), json.RawMessage(`{"order":7}`)
	if !bytes.Equal(base, same.Digest()) {
		t.Error("the ID, the batch or white space makes it another request")
	}
	other := upload()
	other.Source = "b.jpg"
	if bytes.Equal(base, other.Digest()) {
		t.Error("another source is taken for the same request")
	}
}
