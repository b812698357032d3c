package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// least is what a file costs at least.
const least = 8 << 10

// fill sends n files of that many bytes at once, and returns the answers.
func (ip *inboxPlant) fill(key string, n, size int) []reply {
	ip.Helper()
	replies := make([]reply, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { replies[i] = ip.send(key, fmt.Sprintf("%d.jpg", i), strings.Repeat("x", size)) })
	}
	all.Wait()
	return replies
}

// taken checks that each answer is a receipt or says to wait, and returns the sources.
func (ip *inboxPlant) taken(rs []reply) []string {
	ip.Helper()
	var sources []string
	for _, r := range rs {
		if r.status == http.StatusCreated {
			sources = append(sources, answered[api.FilesAnswer](ip.T, r, http.StatusCreated).Files[0].Source)
			continue
		}
		ip.refused(r, 429, tasks.TooMany, "fill its inbox")
		if r.header.Get("Retry-After") != "60" || !strings.Contains(r.body, "http.inbox_size") {
			ip.Errorf("it does not say what to do: %v %s", r.header, r.body)
		}
	}
	return sources
}

// Many files at once never have more room than one producer may take; what ends makes room, and others have their own.
func TestInboxQuota(t *testing.T) {
	t.Parallel()
	p := newInboxPlant(t, 11*least+100)
	sources := p.taken(p.fill(shop, 40, 90)) // each costs as much as a block and a folder

	if n := len(p.kept()); n != len(sources) || n > 11 || n == 0 {
		t.Errorf("%d files are kept, %d were acknowledged, and 11 are the limit", n, len(sources))
	}
	if n := len(p.taken(p.fill(rival, 1, 11*least+100))); n != 1 {
		t.Error("one producer's files leave another no room")
	}
	for range 11 { // those that were under way at once may have left some room
		p.fill(shop, 1, 90)
	}
	if n := len(p.kept()); n != 11+1 {
		t.Errorf("%d files are kept, want all 11 that fit, and the rival's", n)
	}

	// Ended uploads make room, once their files are removed.
	for _, source := range sources {
		p.finish(p.submit(shop, `{"type":"image","source":"`+source+`"}`).ID, success(source))
	}
	cleanUp := func() {
		t.Helper()
		if _, err := p.inbox.CleanUp(t.Context(), p.Ledger); err != nil {
			t.Fatal(err)
		}
	}
	cleanUp()
	again := p.taken(p.fill(shop, 20, 90))
	if len(again) == 0 || len(p.kept()) > 11+1 {
		t.Errorf("%d more were taken, %d are kept", len(again), len(p.kept()))
	}

	// Another process that opens the folder counts what is there, and so does one that shares it, at its next clean-up.
	other, err := api.OpenInbox(api.InboxConfig{Dir: p.dir, Size: 11*least + 100})
	must(t, err)
	store := func(b *api.Inbox, size int, want tasks.Code) api.Stored {
		t.Helper()
		f, err := b.Store("rival", "a", strings.NewReader(strings.Repeat("x", size)), 1<<20)
		if tasks.CodeOf(err) != want {
			t.Errorf("%d bytes more: %v", size, err)
		}
		return f
	}
	store(other, 1, tasks.TooMany)
	if _, err := p.inbox.Store("fresh", "a", strings.NewReader(strings.Repeat("x", least+5)), 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Store("fresh", "a", strings.NewReader(strings.Repeat("x", 10*least+96)), 1<<20); err != nil {
		t.Fatal(err)
	}
	cleanUp()
	if _, err := p.inbox.Store("fresh", "a", strings.NewReader("12"), 1<<20); tasks.CodeOf(err) != tasks.TooMany {
		t.Errorf("what another process has taken is not counted: %v", err)
	}
}

// What its sender is not told of, or may not submit, is not kept.
func TestInboxKeepsNothingInVain(t *testing.T) {
	t.Parallel()
	p := newInboxPlant(t, least+100)
	form := []string{"Content-Type", "multipart/form-data; boundary=B"}
	two := strings.Replace(formOf("1.jpg", strings.Repeat("x", least)), "--B--\r\n", "", 1) + formOf("2.jpg", strings.Repeat("y", least))
	for range 2 {
		p.refused(p.call(shop, "POST", "/v1/files", two, form...), 429, tasks.TooMany, "")
		p.refused(p.call(shop, "POST", "/v1/files", formOf("a", strings.Repeat("x", 90))[:120], form...), 400, tasks.Invalid, "broke off")
	}
	if left := p.kept(); len(left) != 0 {
		t.Errorf("what was refused is kept: %v", left)
	}
	if n := len(p.taken(p.fill(shop, 1, least+100))); n != 1 {
		t.Error("what was refused has taken room")
	}
	errcode(t, p.wxUpload(p.token("shop", shop), "image", "a.jpg", "a"), 45011)
}
