package api_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// inboxPlant is a plant whose inbox can be looked into.
type inboxPlant struct {
	*plant
	inbox *api.Inbox
	dir   string
}

func newInboxPlant(t *testing.T, inboxSize int64) *inboxPlant {
	t.Helper()
	ip := &inboxPlant{dir: filepath.Join(t.TempDir(), "inbox")}
	ip.plant = newPlant(t, func(c *api.Config) {
		var err error
		c.Inbox, err = api.OpenInbox(api.InboxConfig{Dir: ip.dir, Size: inboxSize, Now: c.Now})
		must(t, err)
		ip.inbox = c.Inbox
	})
	return ip
}

// send sends one file.
func (p *plant) send(key, filename, content string) reply {
	p.Helper()
	return p.call(key, "POST", "/v1/files", formOf(filename, content), "Content-Type", "multipart/form-data; boundary=B")
}

// kept is the contents of the inbox, by producer and name.
func (ip *inboxPlant) kept() map[string]string {
	ip.Helper()
	all := map[string]string{}
	must(ip.T, filepath.WalkDir(ip.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(ip.dir, path)
		parts := strings.Split(rel, string(filepath.Separator)) // inbox, producer, folder, name
		b, err := os.ReadFile(path)
		all[parts[1]+"/"+parts[3]] = string(b)
		return err
	}))
	return all
}

func TestFiles(t *testing.T) {
	t.Parallel()
	p := newInboxPlant(t, 0)
	names := map[string]string{
		"a.jpg": "a.jpg", `C:\\photos\\b.jpg`: "b.jpg", "../../etc/passwd": "passwd", "照片 1.jpg": "照片 1.jpg", "..": "file",
		strings.Repeat("长", 100) + ".jpeg": strings.Repeat("长", 65) + ".jpeg",
	}
	want := map[string]string{}
	for sent, kept := range names {
		got := answered[api.FilesAnswer](t, p.send(shop, sent, "bytes of "+kept), http.StatusCreated).Files
		want["shop/"+kept] = "bytes of " + kept
		src, err := tasks.ParseSource(got[0].Source)
		if err != nil || src.Owner() != "shop" || src.String() != got[0].Source || got[0].Filename != kept || got[0].Size != int64(len("bytes of "+kept)) {
			t.Errorf("%q: %+v, %v", sent, got, err)
		}
		r := p.submit(shop, `{"type":"image","source":"`+got[0].Source+`"}`)
		if o := answered[tasks.Outcome](t, p.call(shop, "GET", "/v1/uploads/"+r.ID.String(), ""), 200); o.Filename != kept {
			t.Errorf("%q is called %q", sent, o.Filename)
		}
	}
	if diff := cmp.Diff(want, p.kept()); diff != "" {
		t.Error(diff)
	}
	two := strings.Replace(formOf("1.jpg", "1"), "--B--\r\n", "", 1) + formOf("2.jpg", "2")
	got := answered[api.FilesAnswer](t, p.call(shop, "POST", "/v1/files", two, "Content-Type", "multipart/form-data; boundary=B"), http.StatusCreated)
	if len(got.Files) != 2 || got.Files[1].Filename != "2.jpg" {
		t.Errorf("%+v", got)
	}
}

// Nobody can submit what somebody else has sent, by any route, not even an operator in its own name.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	p := newInboxPlant(t, 0)
	src := answered[api.FilesAnswer](t, p.send(shop, "a.jpg", "a"), http.StatusCreated).Files[0].Source
	for _, key := range []string{rival, boss} {
		body := `{"type":"image","source":"` + src + `"}`
		p.refused(p.call(key, "POST", "/v1/uploads", body), 422, tasks.Denied, "no such file in this producer's inbox")
		p.refused(p.call(key, "POST", "/v1/media", body), 422, tasks.Denied, "no such file in this producer's inbox")
		if got := answered[api.BatchReceipt](t, p.post(key, "", body), http.StatusAccepted); got.Refused != 1 {
			t.Errorf("%+v", got)
		}
	}
	for _, bad := range []string{"inbox:x", "inbox:x/shop/../rival", "inbox:../shop/a/b", "inbox:x/shop/a%2Fb/c", "inbox:x//a/b", "INBOX:x/shop/a/b"} {
		if r := p.call(shop, "POST", "/v1/uploads", `{"type":"image","source":"`+bad+`"}`); r.status != 422 {
			t.Errorf("%s is answered %d", bad, r.status)
		}
	}
}

func TestBadForms(t *testing.T) {
	t.Parallel()
	p := newInboxPlant(t, 0)
	form := "multipart/form-data; boundary=B"
	for name, tc := range map[string]struct {
		body, kind, words string
		status            int
		code              tasks.Code
	}{
		"no form":        {"hello", "text/plain", "Content-Type", 422, tasks.Invalid},
		"no boundary":    {formOf("a", "a"), "multipart/form-data", "boundary", 422, tasks.Invalid},
		"no file":        {"--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--B--\r\n", form, "no part with a filename", 422, tasks.Invalid},
		"ends too early": {formOf("a", "aaaaaaaaaa")[:70], form, "broke off", 400, tasks.Invalid},
		"too large":      {formOf("a", strings.Repeat("x", 10<<20+1)), form, "over 10485760 bytes", 422, tasks.TooLarge},
	} {
		p.refused(p.call(shop, "POST", "/v1/files", tc.body, "Content-Type", tc.kind), tc.status, tc.code, tc.words)
		if left := p.kept(); len(left) != 0 {
			t.Errorf("%s left %v", name, left)
		}
	}
	if got := answered[api.FilesAnswer](t, p.send(shop, "a", strings.Repeat("x", 10<<20)), http.StatusCreated); got.Files[0].Size != 10<<20 {
		t.Errorf("%+v", got)
	}
	none := newPlant(t)
	none.refused(none.send(shop, "a", "a"), 503, tasks.Unavailable, "takes no files")
}

// A file goes when no upload needs it any more.
func TestInboxCleanUp(t *testing.T) {
	t.Parallel()
	p := newInboxPlant(t, 0)
	source := func(name string) string {
		return answered[api.FilesAnswer](t, p.send(shop, name, name), http.StatusCreated).Files[0].Source
	}
	submit := func(source string) api.Receipt { return p.submit(shop, `{"type":"image","source":"`+source+`"}`) }
	cleanUp := func(want ...string) {
		t.Helper()
		if _, err := p.inbox.CleanUp(t.Context(), p.Ledger); err != nil {
			t.Fatal(err)
		}
		got := p.kept()
		for _, name := range want {
			if _, ok := got["shop/"+name]; !ok {
				t.Errorf("%s is gone", name)
			}
		}
		if len(got) != len(want) {
			t.Errorf("the inbox has %v, want %v", got, want)
		}
	}
	source("unused")
	done := submit(source("done"))
	shared := source("shared")
	first, second := submit(shared), submit(shared)
	bad := submit(source("bad"))
	canceled := submit(source("canceled"))
	kept := p.submit(shop, `{"type":"image","source":"`+source("kept")+`","keep_fresh_until":"2999-01-01T00:00:00Z"}`)
	cleanUp("unused", "done", "shared", "bad", "canceled", "kept")
	p.finish(kept.ID, success("M0"))

	p.finish(done.ID, success("M1"))
	p.finish(first.ID, success("M2"))
	p.finish(bad.ID, failure(tasks.Corrupt, 0))
	if _, err := p.Cancel(t.Context(), canceled.ID); err != nil {
		t.Fatal(err)
	}
	cleanUp("unused", "shared", "bad", "kept")
	p.call(shop, "POST", "/v1/uploads/"+kept.ID.String()+"/cancel", "") // ends that
	cleanUp("unused", "shared", "bad")

	p.finish(second.ID, success("M3"))
	cleanUp("unused", "bad")

	p.pass(23 * time.Hour)
	must(t, p.Retry(t.Context(), bad.ID, false))
	p.pass(2 * time.Hour)
	cleanUp("bad") // it is under way again
	p.finish(bad.ID, failure(tasks.Corrupt, 0))
	p.pass(25 * time.Hour)
	cleanUp()
	if again, err := api.OpenInbox(api.InboxConfig{Dir: p.dir}); err != nil {
		t.Fatal(err)
	} else if _, err := again.Store("shop", "x", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if ids, _ := os.ReadDir(p.dir); len(ids) != 1 {
		t.Errorf("opened again, the inbox has become %d", len(ids))
	}
}
