package manifest_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

// summary is rows as a test compares them: the upload, or the line, code and text of the refusal.
func summary(rows iter.Seq[manifest.Row]) (uploads []tasks.Upload, refused []string) {
	for r := range rows {
		if r.Err != nil {
			refused = append(refused, fmt.Sprintf("%d %s: %v", r.Line, r.Err.Code, r.Err))
			continue
		}
		uploads = append(uploads, r.Upload)
	}
	return uploads, refused
}

func TestReadCSV(t *testing.T) {
	t.Parallel()
	const table = "\ufeffID,Path,type,account,metadata,meta.order,callback,filename,priority,no_reuse,keep_fresh_until,expires_by\r\n" +
		"a-1,2026/封面 图.jpg,image,shop,\"{\"\"n\"\":1}\",77,https://example.com/hook,封面.jpg,interactive,true,2026-11-30T00:00:00+08:00,2026-11-23T00:00:00Z\r\n" +
		"\r\n" +
		",\"new\nline, and \"\"quotes\"\".mp4\",auto,,,,,,,,,\r\n" +
		",,,,,,,,,,,\r\n" +
		",s3://media/a b.jpg,,,,,,,,no,,\r\n" +
		",./IMG:1.jpg,VOICE,,,,,,bulk,0,,"
	got, refused := summary(manifest.ReadCSV(strings.NewReader(table), manifest.Options{}))
	if len(refused) > 0 {
		t.Errorf("refused: %q", refused)
	}
	want := []tasks.Upload{
		{
			ExternalID: "a-1", Source: "2026/封面 图.jpg", Type: tasks.Image, Account: "shop", Metadata: json.RawMessage(`{"n":1,"order":"77"}`),
			CallbackURL: "https://example.com/hook", Filename: "封面.jpg", Priority: tasks.Interactive, NoReuse: true,
			KeepFreshUntil: time.Date(2026, 11, 29, 16, 0, 0, 0, time.UTC), ExpiresBy: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		},
		{Source: "new\nline, and \"quotes\".mp4"},
		{Source: "s3://media/a b.jpg"},
		{Source: "file:IMG:1.jpg", Type: tasks.Voice},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("uploads (-want +got):\n%s", diff)
	}
}

func TestReadCSVKeepsLinesAndGoesOn(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", manifest.MaxLine)
	table := strings.Join([]string{
		"path,type,id,metadata", // 1
		"../secret,,,",          // 2
		"ok-3,,,",
		"/etc/passwd,,,",
		"a,b",           // 5
		`bare"quote,,,`, // 6
		`"a"b,,,`,
		"ok-8,,,",
		"x,gif,,", // 9
		"x,,,{",
		"\xff\xfe.jpg,,,",   // 11
		long + ",,,",        // 12
		`"two`, `lines",,,`, // 13, 14
		"ok-15,,,",
		"x,,a\tb,", // 16
		`x,,,"never closed`,
		"ok-18,,,",
		",,id,",
	}, "\n")
	var got []string
	for r := range manifest.ReadCSV(strings.NewReader(table), manifest.Options{}) {
		if r.Err == nil {
			got = append(got, fmt.Sprint(r.Line, " ", r.Upload.Source))
		} else {
			got = append(got, fmt.Sprint(r.Line, " ", r.Err.Code))
		}
		if r.Err != nil && (!strings.HasPrefix(r.Err.Error(), fmt.Sprintf("line %d: ", r.Line)) || len(r.Err.Error()) > 400) {
			t.Errorf("a refusal says its line in few words: %q", r.Err)
		}
	}
	want := []string{
		"2 denied", "3 ok-3", "4 denied", "5 invalid", "6 invalid", "7 invalid", "8 ok-8", "9 invalid", "10 invalid", "11 invalid", "12 invalid",
		"13 two\nlines", "15 ok-15", "16 invalid", "17 invalid", "18 ok-18", "19 invalid",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestReadCSVNamesTheField(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		"x,maybe,,,,":                       `column "no_reuse"`,
		"x,,tomorrow,,,":                    `column "expires_by"`,
		"x,,,urgent,,":                      `column "priority"`,
		"x,,,,ftp://h,":                     "callback_url",
		"x,,,,,[1]":                         "metadata",
		`x,,,,,"{""a"":1}"`:                 `"a" already`,
		"x,,,,,null":                        "metadata",
		"file:///etc#passwd,,,,,":           "file:",
		strings.Repeat("x", 5000) + ",,,,,": "source",
	} {
		table := "source,no_reuse,expires_by,priority,callback_url,metadata,meta.a\n" + row + ",1\n"
		_, refused := summary(manifest.ReadCSV(strings.NewReader(table), manifest.Options{}))
		if len(refused) != 1 || !strings.Contains(refused[0], want) {
			t.Errorf("row %.40q: refused %q, want it to name %q", row, refused, want)
		}
	}
}

func TestRefusedRowsKeepWhatTheySay(t *testing.T) {
	t.Parallel()
	for r := range manifest.ReadCSV(strings.NewReader("path,no_reuse,id,account\n../a,maybe,7,shop\n"), manifest.Options{}) {
		want := tasks.Upload{Source: "../a", ExternalID: "7", Account: "shop"}
		if diff := cmp.Diff(want, r.Upload); diff != "" || r.Err == nil || !strings.Contains(r.Err.Error(), `"path"`) {
			t.Errorf("%v, upload for the report (-want +got):\n%s", r.Err, diff)
		}
	}
}

func TestReadCSVHeader(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"type,account":           `no column "path"`,
		"path,acount":            `"acount" is not known`,
		"path,source":            "say the same",
		"path,id,external_id":    "say the same",
		"path,meta.a,META.a":     "say the same",
		"path,meta.":             "is not known",
		"path,\"b":               "quoted cell",
		"path,\xff":              "UTF-8",
		"\xff\xfep\x00a\x00":     "UTF-16",
		"path," + long():         "64 KiB",
		"path,\"" + long() + `"`: "64 KiB",
	} {
		uploads, refused := summary(manifest.ReadCSV(strings.NewReader(header+"\nx,y\n"), manifest.Options{}))
		if len(uploads) > 0 || len(refused) != 1 || !strings.Contains(refused[0], want) || !strings.HasPrefix(refused[0], "1 invalid") {
			t.Errorf("header %.30q: %v uploads, refused %.200q, want one that says %q", header, uploads, refused, want)
		}
	}
}

func TestManifestThatCannotBeReadAtAll(t *testing.T) {
	t.Parallel()
	read := map[string]func(io.Reader, manifest.Options) iter.Seq[manifest.Row]{"csv": manifest.ReadCSV, "jsonl": manifest.ReadJSONL}
	for _, c := range []struct {
		format, text string
		whole        bool
	}{
		{"csv", "type\nimage\n", true},
		{"csv", "", true},
		{"csv", "\xff\xfep\x00", true},
		{"csv", "path\n../a\nb\n", false},
		{"csv", "path,type\na\n", false},
		{"jsonl", "\xfe\xff{", true},
		{"jsonl", "{\n{}\n", false},
	} {
		for r := range read[c.format](strings.NewReader(c.text), manifest.Options{}) {
			if r.Whole != c.whole {
				t.Errorf("%s %q, line %d: whole is %v (%v)", c.format, c.text, r.Line, r.Whole, r.Err)
			}
		}
	}
}

func TestReadCSVEmpty(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]int{"": 1, "\n\n,,\n": 1, "path\n": 0, "\n\npath,,\n\n,,\n": 0, "path,\nx,y\n": 1} {
		uploads, refused := summary(manifest.ReadCSV(strings.NewReader(table), manifest.Options{}))
		if len(uploads) > 0 || len(refused) != want {
			t.Errorf("%q: uploads %v, refused %q, want %d", table, uploads, refused, want)
		}
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	for _, n := range []int{manifest.MaxLine - 10, manifest.MaxLine + 1, 2*manifest.MaxLine + 1, 5 * manifest.MaxLine} {
		pad := strings.Repeat(" ", n)
		for name, rows := range map[string]iter.Seq[manifest.Row]{
			"CSV":    manifest.ReadCSV(strings.NewReader("path,line\na,"+pad+"\nb,\n"), manifest.Options{}),
			"quoted": manifest.ReadCSV(strings.NewReader("path,line\na,\""+pad+"\"\nb,\n"), manifest.Options{}),
			"JSONL":  manifest.ReadJSONL(strings.NewReader("{\"source\":"+pad+"\"a\"}\n{\"source\":\"b\"}\n"), manifest.Options{}),
		} {
			uploads, refused := summary(rows)
			tooLong := n > manifest.MaxLine-10 || name == "JSONL"
			if got := len(refused) == 1 && strings.Contains(refused[0], "64 KiB"); got != tooLong || len(uploads)+len(refused) != 2 {
				t.Errorf("%s: a line of about %d bytes: %d uploads, refused %q", name, n, len(uploads), refused)
			}
		}
	}
}

func long() string { return strings.Repeat("x", 5*manifest.MaxLine) }

func TestReadCSVSeparators(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{
		"comma":     "path,type\na;b\tc,image\n",
		"tab":       "path\ttype\na;b\timage\n",
		"semicolon": "path;type\n\"a;b\";image\n",
	} {
		got, refused := summary(manifest.ReadCSV(strings.NewReader(table), manifest.Options{}))
		if len(refused) > 0 || len(got) != 1 || !strings.HasPrefix(got[0].Source, "a;b") || got[0].Type != tasks.Image {
			t.Errorf("%s: %+v, refused %q", name, got, refused)
		}
	}
}

func TestReadCSVInGBK(t *testing.T) {
	t.Parallel()
	encoded, err := simplifiedchinese.GBK.NewEncoder().String("path,meta.备注\n图片/封面.jpg,第一张\n")
	if err != nil {
		t.Fatal(err)
	}
	got, refused := summary(manifest.ReadCSV(strings.NewReader(encoded), manifest.Options{GBK: true}))
	want := []tasks.Upload{{Source: "图片/封面.jpg", Metadata: json.RawMessage(`{"备注":"第一张"}`)}}
	if diff := cmp.Diff(want, got); diff != "" || len(refused) > 0 {
		t.Errorf("refused %q, uploads (-want +got):\n%s", refused, diff)
	}
	_, refused = summary(manifest.ReadCSV(strings.NewReader(encoded), manifest.Options{}))
	if len(refused) != 1 || !strings.Contains(refused[0], "UTF-8") {
		t.Errorf("GBK read as UTF-8: %q", refused)
	}
	_, refused = summary(manifest.ReadCSV(strings.NewReader("path\nok\n\xff\xff.jpg\n"), manifest.Options{GBK: true}))
	if len(refused) != 1 || !strings.HasPrefix(refused[0], "3 invalid") {
		t.Errorf("what is no GBK: %q", refused)
	}
}

// A manifest in GBK that is read as UTF-8 is refused, wherever its text stands, and the refusal names the flag that reads it.
func TestGBKWithoutItsFlag(t *testing.T) {
	t.Parallel()
	csv := func(r io.Reader) iter.Seq[manifest.Row] { return manifest.ReadCSV(r, manifest.Options{}) }
	jsonl := func(r io.Reader) iter.Seq[manifest.Row] { return manifest.ReadJSONL(r, manifest.Options{}) }
	for name, c := range map[string]struct {
		read func(io.Reader) iter.Seq[manifest.Row]
		text string
		good int
	}{
		"in the header":    {csv, "path,meta.备注\na.jpg,x\n", 0},
		"in a path":        {csv, "path\na.jpg\n封面.jpg\n", 1},
		"in its metadata":  {csv, "path,meta.note\na.jpg,第一张\nb.jpg,x\n", 1},
		"in a JSON string": {jsonl, `{"source":"封面.jpg","type":"image"}` + "\n" + `{"source":"a.jpg","type":"image"}`, 1},
	} {
		encoded, err := simplifiedchinese.GBK.NewEncoder().String(c.text)
		if err != nil {
			t.Fatal(err)
		}
		good, refused := 0, 0
		for r := range c.read(strings.NewReader(encoded)) {
			switch {
			case r.Err == nil:
				good++
			case r.Err.Code != tasks.Invalid || !strings.Contains(r.Err.Advice(), "--gbk"):
				t.Errorf("%s: %v, %q", name, r.Err, r.Err.Advice())
			default:
				refused++
			}
		}
		if good != c.good || refused != 1 {
			t.Errorf("%s: %d rows are taken and %d refused, want %d and 1", name, good, refused, c.good)
		}
	}
}

func TestReadCSVThatBreaksOff(t *testing.T) {
	t.Parallel()
	r := io.MultiReader(strings.NewReader("path\nok\nhalf"), iotest.ErrReader(errors.New("gone")))
	got, refused := summary(manifest.ReadCSV(r, manifest.Options{}))
	if len(got) != 1 || len(refused) != 1 || !strings.HasPrefix(refused[0], "3 unavailable") {
		t.Errorf("uploads %+v, refused %q: want one row, then that the manifest could not be read from line 3", got, refused)
	}
}

// TestManifestsAreNotReadAhead: at most the buffer lines are found in is read before a row is given.
func TestManifestsAreNotReadAhead(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(io.Reader, manifest.Options) iter.Seq[manifest.Row]{
		"path,no_reuse\n": manifest.ReadCSV, "\n": manifest.ReadJSONL, "\n\n": manifest.ReadPaths,
	} {
		endless := &counter{r: io.MultiReader(strings.NewReader(name), &repeat{line: []byte("{\"source\":\"x\"},\n")})}
		rows := 0
		for range read(endless, manifest.Options{}) {
			if rows++; rows == 10 {
				break
			}
		}
		if rows != 10 || endless.n > 4*manifest.MaxLine {
			t.Errorf("%q: %d rows after %d bytes were read", name, rows, endless.n)
		}
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

type repeat struct {
	line []byte
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.line[r.at]
		r.at = (r.at + 1) % len(r.line)
	}
	return len(p), nil
}

func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{"path\na\n", "path,id\n\"a\nb\",\"c\"\"\"\n", "path\n\"open\nx\n", "path;type\r\na;auto\r\n", "path,outcome\n'-x,\n", "path\n\"a\"b\nc\n"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, gbk bool) {
		last := 0
		for r := range manifest.ReadCSV(bytes.NewReader(b), manifest.Options{GBK: gbk}) {
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

// check is what every row that was not refused must hold.
func check(t *testing.T, r manifest.Row) {
	t.Helper()
	src, err := tasks.ParseSource(r.Upload.Source)
	if err != nil || src.Local() || src.String() != r.Upload.Source {
		t.Fatalf("line %d has the source %q: %v", r.Line, r.Upload.Source, err)
	}
	u := r.Upload
	if u.Type == "" {
		u.Type = tasks.Image
	}
	if u.Account == "" {
		u.Account = "default"
	}
	if err := u.Validate(); err != nil {
		t.Fatalf("line %d: %v", r.Line, err)
	}
}

// FuzzCells compares with encoding/csv wherever that reads a table without an error.
func FuzzCells(f *testing.F) {
	f.Add("a\nb\n")
	f.Add("\"x\ny\"\n\"q\"\"q\"\n")
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, '\r') || strings.HasPrefix(s, "\ufeff") { // \r\n in a quoted cell is kept as it is here
			return
		}
		theirs, err := csv.NewReader(strings.NewReader("source\n" + s)).ReadAll()
		if err != nil {
			return
		}
		var want, got []string
		for _, record := range theirs[1:] {
			if src, err := tasks.ParseSource(record[0]); err == nil && !src.Local() && strings.TrimSpace(record[0]) != "" && len(src.String()) <= tasks.MaxSource {
				want = append(want, src.String())
			}
		}
		for r := range manifest.ReadCSV(strings.NewReader("source\n"+s), manifest.Options{}) {
			if r.Err == nil {
				got = append(got, r.Upload.Source)
			}
		}
		if !slices.Equal(want, got) {
			t.Fatalf("%q: %q, want %q", s, got, want)
		}
	})
}
