package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// issued submits one upload of a producer and brings it to a success, and returns it.
func (p *plant) issued(u tasks.Upload) tasks.Outcome {
	p.Helper()
	id := p.submit("shop", u)[0].ID
	p.finish(1)
	o, err := p.Outcome(p.Context(), id)
	must(p, err)
	if o.State != tasks.Succeeded {
		p.Fatalf("%s: %s %s", u.Source, o.State, o.Reason)
	}
	return o
}

// The media that live are listed for those whose they are, and chosen by what the page offers.
func TestMediaPage(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	left := p.issued(tasks.Upload{Type: tasks.Image, Source: "menu/left.jpg"})
	p.issued(tasks.Upload{Type: tasks.Voice, Source: "menu/kept.mp3", KeepFreshUntil: time.Now().Add(30 * 24 * time.Hour)})
	soon := p.now().Add(5 * time.Hour)
	must(t, p.KeepMedia(t.Context(), tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: tasks.Image, Hash: tasks.HashOf([]byte("soon"))},
		tasks.Media{ID: "soon", IssuedAt: soon.Add(-72 * time.Hour), ExpiresAt: soon}))
	for key, shows := range map[string]map[string]string{
		boss:  {"": "left.jpg kept.mp3 /media/soon", "?kept=true": "kept.mp3", "?unkept=true": "left.jpg /media/soon", "?within=43200": "/media/soon", "?type=voice": "kept.mp3", "?q=LEFT": "left.jpg", "?q=" + left.SHA256: "left.jpg", "?account=news": "", "?producer=shop": "left.jpg kept.mp3"},
		eye:   {"": "left.jpg kept.mp3 /media/soon"},
		shop:  {"": "left.jpg kept.mp3", "?kept=true": "kept.mp3", "?producer=rival": "left.jpg kept.mp3"},
		rival: {"": "", "?producer=shop": ""},
	} {
		b := p.signedIn(key)
		for query, want := range shows {
			_, body := b.get("/media" + query)
			var got []string
			for _, name := range []string{"left.jpg", "kept.mp3", "/media/soon"} {
				if strings.Contains(body, ">"+name+"<") || strings.Contains(body, `"`+name+`"`) {
					got = append(got, name)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s is shown %q for %q, want %q", key, got, query, want)
			}
		}
		_, body := b.get("/media")
		if presses := strings.Contains(body, "/renew\""); presses != (key == boss || key == shop) {
			t.Errorf("%s can renew: %v", key, presses)
		}
		path := "/media/" + left.MediaID
		res, body := b.get(path)
		if res.StatusCode != http.StatusOK || strings.Contains(body, "menu/left.jpg") != (key != rival) || strings.Contains(body, left.ID.String()) != (key != rival) {
			t.Errorf("%s is shown the media with %d", key, res.StatusCode)
		}
		if key == eye {
			for _, deed := range []string{"/renew", "/forget", "/invalid"} {
				if res, _ := b.post(path+deed, nil); res.StatusCode != http.StatusForbidden {
					t.Errorf("a viewer's %s: %d", deed, res.StatusCode)
				}
			}
		}
	}
	if res, _ := p.signedIn(boss).get("/media/none"); res.StatusCode != http.StatusNotFound {
		t.Errorf("a media that is not there: %d", res.StatusCode)
	}
}

// A media is renewed from its page and from that of its upload, which then has the new media_id and keeps the old one; it is
// given up and forgotten.
func TestMediaIsRenewed(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	p.ended.Store(32) // the next four succeed
	o := p.issued(tasks.Upload{Type: tasks.Image, Source: "menu/a.jpg"})
	b := p.signedIn(shop)
	press := func(path string) (*http.Response, string) {
		t.Helper()
		type answer struct {
			res  *http.Response
			body string
		}
		answered := make(chan answer)
		go func() {
			res, body := b.post(path, nil)
			answered <- answer{res, body}
		}()
		for {
			select {
			case a := <-answered:
				return a.res, a.body
			default:
				p.finish(1)
			}
		}
	}
	res, body := press("/media/" + o.MediaID + "/renew")
	to, err := url.Parse(res.Header.Get("Location"))
	must(t, err)
	fresh := strings.TrimPrefix(to.Path, "/media/")
	if res.StatusCode != http.StatusSeeOther || fresh == "" || fresh == o.MediaID || to.Query().Get("was") != o.MediaID {
		t.Fatalf("%d to %s: %s", res.StatusCode, to, body)
	}
	if _, body := b.get(to.String()); !strings.Contains(body, "It is renewed") || !strings.Contains(body, fresh) {
		t.Error("the new media_id is not shown")
	}
	upload := "/uploads/" + o.ID.String()
	if _, body := b.get(upload); !strings.Contains(body, `data-copy="`+fresh) || !strings.Contains(body, "It was renewed since") || !strings.Contains(body, o.MediaID) {
		t.Error("the upload does not have both")
	}
	if res, body := press(upload + "/renew"); res.Header.Get("Location") != upload {
		t.Fatalf("%d: %s", res.StatusCode, body)
	}
	now, err := p.Outcome(t.Context(), o.ID)
	must(t, err)
	if now.Current == nil || now.Current.MediaID == fresh {
		t.Fatalf("it is %+v now", now.Current)
	}
	if res, _ := b.post("/media/"+now.Current.MediaID+"/invalid", nil); res.Header.Get("Location") != "/media?done=invalid" {
		t.Errorf("given up: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	if _, body := b.get("/media?done=invalid"); !strings.Contains(body, "It is given up") || strings.Contains(body, now.Current.MediaID) {
		t.Error("it is listed still")
	}
	again := p.issued(tasks.Upload{Type: tasks.Image, Source: "menu/b.jpg"})
	if res, _ := b.post("/media/"+again.MediaID+"/forget", nil); res.Header.Get("Location") != "/media?done=forgotten" {
		t.Errorf("forgotten: %d", res.StatusCode)
	}
	if res, _ := b.get("/media/" + again.MediaID); res.StatusCode != http.StatusNotFound {
		t.Errorf("it is there still: %d", res.StatusCode)
	}
}

// A renewal that fails says why.
func TestMediaIsNotRenewed(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	o := p.issued(tasks.Upload{Type: tasks.Image, Source: "menu/a.jpg"})
	b := p.signedIn(boss)
	done := make(chan string)
	go func() {
		_, body := b.post("/media/"+o.MediaID+"/renew", nil)
		done <- body
	}()
	taskstest.Until(t, "the renewal is dispatched", func() bool {
		chunks, err := p.Dispatch(t.Context(), tasks.Window{Bulk: 1000, Interactive: 1000})
		must(t, err)
		for _, chunk := range chunks {
			claims, err := p.Claim(t.Context(), tasks.NewBids(chunk.Runs), "worker-1", time.Minute)
			must(t, err)
			for _, c := range claims {
				must(t, p.Finish(t.Context(), c.Token, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.OtherBytes, Op: "check source"}}))
			}
		}
		return len(chunks) > 0
	})
	if body := <-done; !strings.Contains(body, "<code>content_changed</code>") {
		t.Errorf("it says %s", body)
	}
}

// The page of an upload says what it was answered from, and what was answered with its media, to those whose uploads these are.
func TestReuseIsShown(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	first := p.issued(tasks.Upload{Type: tasks.Image, Source: "menu/first.jpg"})
	p.ended.Store(14) // the next success is a reuse
	second := p.issued(tasks.Upload{Type: tasks.Image, Source: "menu/second.jpg"})
	if !second.Reused {
		t.Fatalf("%+v", second)
	}
	for key, sees := range map[string]bool{shop: true, boss: true} {
		b := p.signedIn(key)
		for of, other := range map[string]string{first.ID.String(): "menu/second.jpg", second.ID.String(): "menu/first.jpg"} {
			if _, body := b.get("/uploads/" + of); strings.Contains(body, other) != sees {
				t.Errorf("%s is told of %s: %v", key, other, !sees)
			}
		}
	}
}
