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
	"github.com/google/uuid"

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
		{State: tasks.Succeeded, MediaID: "-abc", ExpiresAt: at, Reused: true, Account: "default", Type: tasks.Thumb, ID: uuid.UUID{15: 7}},
		{State: tasks.Failed, Code: tasks.Rejected, Errcode: 40005, Reason: "+no", Hint: "convert it", ExternalID: "minted"},
		{},
		{State: tasks.Waiting, Code: tasks.AccountHeld, Reason: "held"},
	}
	var b bytes.Buffer
	w := manifest.NewReportWriter(&b, at.Location())
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
		{"line", "id", "path", "type", "account", "filename", "callback_url", "priority", "no_reuse", "keep_fresh_until", "expires_by", "metadata",
			"outcome", "code", "media_id", "expires_at", "reused", "errcode", "reason", "upload_id"},
		{"2", "'=1+1", "封面 图.jpg", "thumb", "default", "'-x.jpg", "https://example.com/", "interactive", "true", "2026-11-25T08:00:00+08:00", "2026-11-25T08:00:00+08:00", `{"a":"b"}`,
			"succeeded", "", "'-abc", "2026-11-25T08:00:00+08:00", "true", "", "", "00000000-0000-0000-0000-000000000007"},
		{"3", "minted", "''quoted', \"odd\"\nname.jpg", "image", "shop", "", "", "", "", "", "", "", "failed", "rejected", "", "", "", "40005", "'+no (convert it)", ""},
		{"5", "", "'@bad", "", "", "", "", "", "", "", "", "", "refused", "denied", "", "", "", "", "line 5: no (don't)", ""},
		{"6", "", "waiting.jpg", "", "", "", "", "", "", "", "", "", "waiting", "account", "", "", "", "", "held", ""},
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
	if err := manifest.NewReportWriter(&b, time.UTC).Flush(); err != nil || !strings.HasPrefix(b.String(), "\ufeffline,id,path,") || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%v, wrote %q, want the first row alone", err, b.String())
	}
}

func TestReportThatCantBeWritten(t *testing.T) {
	t.Parallel()
	w := manifest.NewReportWriter(full{}, time.UTC)
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

// The report of a folder names files by their own paths. It is a manifest again for whoever named them then.
func TestReportOfAFolder(t *testing.T) {
	t.Parallel()
	mine := uuid.UUID{15: 7}
	const source = "file:///home/me/%E5%9B%BE#a/b%20c.jpg"
	var b bytes.Buffer
	w := manifest.NewReportWriter(&b, time.UTC)
	for i, o := range []tasks.Outcome{{ID: mine, State: tasks.Succeeded}, {ID: uuid.UUID{15: 8}, State: tasks.Failed}, {}} {
		if err := w.Write(manifest.Row{Line: i, Upload: tasks.Upload{Source: source}}, o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), ",/home/me/图/a/b c.jpg,"); n != 3 {
		t.Errorf("%d of 3 rows have the plain path:\n%s", n, &b)
	}
	own := func(upload uuid.UUID, path string) (string, error) {
		if upload != mine || path != "/home/me/图/a/b c.jpg" {
			return "", &tasks.Error{Code: tasks.Denied, Err: errors.New("not yours")}
		}
		return source, nil
	}
	for name, c := range map[string]struct {
		o    manifest.Options
		want []string
	}{
		"theirs":  {manifest.Options{Own: own}, []string{source, "denied", "denied"}},
		"foreign": {manifest.Options{}, []string{"denied", "denied", "denied"}},
	} {
		var got []string
		for r := range manifest.ReadCSV(bytes.NewReader(b.Bytes()), c.o) {
			if r.Err != nil {
				got = append(got, string(r.Err.Code))
				continue
			}
			got = append(got, r.Upload.Source)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	plain := "path,upload_id\n/home/me/图/a/b c.jpg," + mine.String() + "\n"
	for r := range manifest.ReadCSV(strings.NewReader(plain), manifest.Options{Own: own}) {
		if r.Err == nil {
			t.Errorf("what is no report leads to %s", r.Upload.Source)
		}
	}
}

func TestPlainPath(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"a/b.jpg": "a/b.jpg", "s3://b/k": "s3://b/k", "file:c%3Ad.jpg": "c:d.jpg", "file:%FF.jpg": "file:%FF.jpg", "file:file%3Ax": "file:file%3Ax",
		"file:s3%3A/x": "file:s3%3A/x", "file:///r#a/b.jpg": "/r/a/b.jpg", "file:///r#%FF": "file:///r#%FF", "": "",
	} {
		if got := manifest.PlainPath(source); got != want {
			t.Errorf("PlainPath(%q) = %q, want %q", source, got, want)
		}
	}
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
		w := manifest.NewReportWriter(&b, time.UTC)
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
