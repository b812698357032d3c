package manifest_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestReport(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 8, 0, 0, 0, time.FixedZone("", 8*3600))
	rows := []manifest.Row{
		{Line: 2, Upload: tasks.Upload{ExternalID: "=1+1", Source: "封面 图.jpg", Filename: "-x.jpg", Metadata: json.RawMessage(`{"a":"b"}`), NoReuse: true,
			KeepFreshUntil: at, ExpiresBy: at, Priority: tasks.Interactive, CallbackURL: "https://example.com/"}},
		{Line: 3, Upload: tasks.Upload{Source: "'quoted', \"odd\"\nname.jpg", Account: "shop", Type: tasks.Image}},
		{Line: 5, Upload: tasks.Upload{Source: "@bad"}, Err: &tasks.Error{Code: tasks.Denied, Op: "line 5", Err: errors.New("no"), Hint: "don't"}},
		{Line: 6, Upload: tasks.Upload{Source: "waiting.jpg"}},
	}
	outcomes := []tasks.Outcome{
		{State: tasks.Succeeded, MediaID: "-abc", ExpiresAt: at, Reused: true, Account: "default", Type: tasks.Thumb},
		{State: tasks.Failed, Errcode: 40005, Reason: "+no", Hint: "convert it", ExternalID: "minted"},
		{},
		{State: tasks.Waiting, Reason: "held"},
	}
	var b bytes.Buffer
	w := manifest.NewReportWriter(&b)
	for i, r := range rows {
		if err := w.Write(r, outcomes[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"line", "id", "source", "type", "account", "filename", "callback_url", "priority", "no_reuse", "keep_fresh_until", "expires_by", "metadata",
			"outcome", "media_id", "expires_at", "reused", "errcode", "reason"},
		{"2", "'=1+1", "封面 图.jpg", "thumb", "default", "'-x.jpg", "https://example.com/", "interactive", "true", "2026-11-25T00:00:00Z", "2026-11-25T00:00:00Z", `{"a":"b"}`,
			"succeeded", "'-abc", "2026-11-25T00:00:00Z", "true", "", ""},
		{"3", "minted", "''quoted', \"odd\"\nname.jpg", "image", "shop", "", "", "", "", "", "", "", "failed", "", "", "", "40005", "'+no (convert it)"},
		{"5", "", "'@bad", "", "", "", "", "", "", "", "", "", "refused", "", "", "", "", "line 5: no (don't)"},
		{"6", "", "waiting.jpg", "", "", "", "", "", "", "", "", "", "waiting", "", "", "", "", "held"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}

	again, refused := summary(manifest.ReadCSV(&b, manifest.Options{}))
	if len(refused) > 0 {
		t.Errorf("the report as a manifest: refused %q", refused)
	}
	wantAgain := []tasks.Upload{rows[0].Upload, rows[1].Upload, {Source: "@bad"}, rows[3].Upload}
	wantAgain[0].Account, wantAgain[0].Type, wantAgain[1].ExternalID = "default", tasks.Thumb, "minted"
	if diff := cmp.Diff(wantAgain, again); diff != "" {
		t.Errorf("the report as a manifest (-want +got):\n%s", diff)
	}
}

func TestReportOfNothing(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := manifest.NewReportWriter(&b).Flush(); err != nil || !strings.HasPrefix(b.String(), "\ufeffline,id,source,") || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%v, wrote %q, want the first row alone", err, b.String())
	}
}

func TestReportThatCantBeWritten(t *testing.T) {
	t.Parallel()
	w := manifest.NewReportWriter(full{})
	if err := w.Write(manifest.Row{}, tasks.Outcome{}); err != nil {
		t.Fatalf("buffered: %v", err)
	}
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush: %v, want %v", err, errFull)
	}
}

type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestNeutralize(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "a": "a", "1.5": "1.5", "a=b": "a=b", "封面": "封面", " a": " a",
		"=1": "'=1", "+1": "'+1", "-abc": "'-abc", "@SUM(A1)": "'@SUM(A1)", "'a": "''a", "''a": "'''a", "'=1": "''=1",
		"\t=1": "'\t=1", "\ta": "'\ta", "\r\n=1": "'\r\n=1", " =1": "' =1", "\u3000=1": "'\u3000=1", "\ufeff=1": "'\ufeff=1", "\x00=1": "'\x00=1", "＝1": "'＝1", "＠x": "'＠x",
	} {
		if got := manifest.Neutralize(cell); got != want {
			t.Errorf("Neutralize(%q) = %q, want %q", cell, got, want)
		}
	}
}

func FuzzNeutralize(f *testing.F) {
	for _, s := range []string{"", "'", "=1", " \t-1", "\xff=1", "''=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		safe := manifest.Neutralize(cell)
		if back := manifest.Restore(safe); back != cell {
			t.Fatalf("%q came back as %q", cell, back)
		}
		if safe != "" && strings.Contains("=+-@\t\r\n", safe[:1]) {
			t.Fatalf("%q still begins with %q", safe, safe[:1])
		}
	})
}

// FuzzReport: whatever a row says, its report is a manifest that says the same.
func FuzzReport(f *testing.F) {
	f.Add("a.jpg", "id", "name", "reason")
	f.Add("'=1\r\n\"x\";,", "-1", "@x\n", "\t")
	f.Fuzz(func(t *testing.T, path, id, filename, reason string) {
		src, err := tasks.PathSource(path)
		if err != nil {
			return
		}
		u := tasks.Upload{Source: src.String(), ExternalID: id, Filename: filename, Type: tasks.Image, Account: "a"}
		if u.Validate() != nil {
			return
		}
		var b bytes.Buffer
		w := manifest.NewReportWriter(&b)
		if err := errors.Join(w.Write(manifest.Row{Line: 1, Upload: u}, tasks.Outcome{Reason: reason}), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if b.Len() > manifest.MaxLine {
			return
		}
		for r := range manifest.ReadCSV(&b, manifest.Options{}) {
			if diff := cmp.Diff(u, r.Upload); diff != "" || r.Err != nil {
				t.Fatalf("%v (-submitted +reported):\n%s", r.Err, diff)
			}
		}
	})
}
