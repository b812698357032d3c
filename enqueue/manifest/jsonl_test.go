package manifest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestReadJSONL(t *testing.T) {
	t.Parallel()
	lines := "\ufeff" + `{"source":"a.jpg","type":"image","account":"shop","external_id":"1","metadata":{"n":[1,"二"]},"callback_url":"https://example.com/","filename":"甲.jpg","priority":"interactive","no_reuse":true}` + "\r\n" +
		"\n  \n" +
		`{"source":"s3://media/b","type":"auto"}` + "\n" +
		`{"source":"file:x%FF"}`
	got, refused := summary(manifest.ReadJSONL(strings.NewReader(lines), manifest.Options{}))
	want := []tasks.Upload{
		{Source: "a.jpg", Type: tasks.Image, Account: "shop", ExternalID: "1", Metadata: json.RawMessage(`{"n":[1,"二"]}`), CallbackURL: "https://example.com/", Filename: "甲.jpg", Priority: tasks.Interactive, NoReuse: true},
		{Source: "s3://media/b"},
		{Source: "file:x%FF"},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(refused) > 0 {
		t.Errorf("refused %q, uploads (-want +got):\n%s", refused, diff)
	}
}

func TestReadJSONLRefusesRowsAndGoesOn(t *testing.T) {
	t.Parallel()
	lines := []string{
		`{"source":"a","typ":"image"}`,
		`{"source":"ok-2"}`,
		`{"source":"a"} {"source":"b"}`,
		`{"source":"a"`,
		`{"source":5}`,
		`["a"]`,
		`{"type":"image"}`,
		`{"source":"../a"}`,
		`{"source":"file:///etc#passwd"}`,
		`{"source":"a","type":"gif"}`,
		`{"source":"a","id":"0195c5a0-0000-7000-8000-000000000000"}`,
		`{"source":"a","batch_id":"0195c5a0-0000-7000-8000-000000000000"}`,
		"{\"source\":\"a\xff\"}",
		`{"source":"` + strings.Repeat("x", 3*manifest.MaxLine) + `"}`,
		`{"source":"a","priority":"now"}`,
		`{"source":"a","producer":"other"}`,
		`{"source":"ok-17"}`,
	}
	var got []string
	for r := range manifest.ReadJSONL(strings.NewReader(strings.Join(lines, "\n")), manifest.Options{}) {
		if r.Err == nil {
			got = append(got, fmt.Sprint(r.Line, " ", r.Upload.Source))
		} else {
			got = append(got, fmt.Sprint(r.Line, " ", r.Err.Code))
		}
	}
	want := []string{
		"1 invalid", "2 ok-2", "3 invalid", "4 invalid", "5 invalid", "6 invalid", "7 invalid", "8 denied", "9 denied", "10 invalid", "11 invalid",
		"12 invalid", "13 invalid", "14 invalid", "15 invalid", "16 invalid", "17 ok-17",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func FuzzReadJSONL(f *testing.F) {
	f.Add([]byte(`{"source":"a","type":"auto"}` + "\n{\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		last := 0
		for r := range manifest.ReadJSONL(bytes.NewReader(b), manifest.Options{}) {
			if r.Line <= last {
				t.Fatalf("line %d after %d", r.Line, last)
			}
			last = r.Line
			if r.Err == nil {
				check(t, r)
			}
		}
	})
}
