package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/console"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Nobody sees a page without a session; a session ends when it is signed out, and with its key.
func TestSignIn(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	stranger := p.signedIn("")
	if res, _ := stranger.get("/uploads?q=state:failed"); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/sign-in?next="+url.QueryEscape("/uploads?q=state:failed") {
		t.Errorf("a stranger gets %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	if res, body := stranger.post("/sign-in", url.Values{"key": {"nobody-key-0123456789"}}); res.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "not known") {
		t.Errorf("an unknown key: %d", res.StatusCode)
	}
	res, _ := stranger.post("/sign-in", url.Values{"key": {" " + boss + "\n"}, "next": {"/failures"}})
	if res.Header.Get("Location") != "/failures" {
		t.Errorf("it goes on to %q", res.Header.Get("Location"))
	}
	if cookie := res.Header.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") || strings.Contains(cookie, boss) {
		t.Errorf("the cookie is %q", cookie)
	}
	if res, _ := stranger.get("/failures"); res.StatusCode != http.StatusOK {
		t.Errorf("signed in: %d", res.StatusCode)
	}
	stranger.post("/sign-out", nil)
	if res, _ := stranger.get("/failures"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("signed out: %d", res.StatusCode)
	}

	late := "late-key-0123456789abcdef"
	must(t, p.AddKey(t.Context(), tasks.Key{Name: "late", Role: tasks.RoleViewer, Hash: tasks.KeyHash(tasks.Secret(late))}))
	b := p.signedIn("")
	taskstest.Until(t, "a new key is known", func() bool {
		res, _ := b.post("/sign-in", url.Values{"key": {late}})
		return res.StatusCode == http.StatusSeeOther
	})
	if _, err := p.RevokeKeys(t.Context(), "late"); err != nil {
		t.Fatal(err)
	}
	taskstest.Until(t, "the session ends with its key", func() bool {
		res, _ := b.get("/uploads")
		return res.StatusCode == http.StatusSeeOther
	})
}

// A link signs in once, after a press, and not when it is only looked at.
func TestLink(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	link := console.NewSecret()
	must(t, p.AddLink(t.Context(), tasks.Session{Hash: tasks.KeyHash(link)}, console.LinkLife))
	b := p.signedIn("")
	for range 2 {
		if res, body := b.get(console.LinkPath(link)); res.StatusCode != http.StatusOK || !strings.Contains(body, link.Reveal()) {
			t.Fatalf("the link shows %d", res.StatusCode)
		}
	}
	if res, _ := b.post("/sign-in/link", url.Values{"link": {link.Reveal()}}); res.Header.Get("Location") != "/" {
		t.Errorf("it leads to %q", res.Header.Get("Location"))
	}
	if res, body := b.get("/system"); res.StatusCode != http.StatusOK || !strings.Contains(body, "local") {
		t.Errorf("signed in by a link: %d", res.StatusCode)
	}
	if res, _ := p.signedIn("").post("/sign-in/link", url.Values{"link": {link.Reveal()}}); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("used again: %d", res.StatusCode)
	}
}

// The session of a link ends with the link's key. One of no key ends after twelve hours in which nobody used it.
func TestSessionOfLinkEnds(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	late := tasks.KeyHash("late-key-0123456789abcdef")
	must(t, p.AddKey(t.Context(), tasks.Key{Name: "late", Role: tasks.RoleOperator, Hash: late}))
	sessions := map[string]*browser{}
	for name, key := range map[string]tasks.Hash{"late": late, "local": {}} {
		link := console.NewSecret()
		must(t, p.AddLink(t.Context(), tasks.Session{Hash: tasks.KeyHash(link), Key: key}, console.LinkLife))
		b := p.signedIn("")
		taskstest.Until(t, name+" is signed in", func() bool { // its key is known in a moment
			b.post("/sign-in/link", url.Values{"link": {link.Reveal()}})
			res, body := b.get("/system")
			return res.StatusCode == http.StatusOK && strings.Contains(body, "<b>"+name+"</b>")
		})
		sessions[name] = b
	}
	_, err := p.RevokeKeys(t.Context(), "late")
	must(t, err)
	status := func(name string) int {
		res, _ := sessions[name].get("/system")
		return res.StatusCode
	}
	taskstest.Until(t, "the session ends with its key", func() bool { return status("late") == http.StatusSeeOther })
	pass := func(d time.Duration) { p.back.Add(-int64(d)) }
	for range 3 {
		pass(11 * time.Hour)
		if got := status("local"); got != http.StatusOK {
			t.Fatalf("the other one, used every eleven hours: %d", got)
		}
	}
	pass(12*time.Hour + time.Minute)
	if got := status("local"); got != http.StatusSeeOther {
		t.Errorf("after twelve idle hours: %d", got)
	}
}

// Another site can't make a browser ask for anything, and a page can't reach the console by a name of its own.
func TestHostAndOrigin(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	b := p.signedIn(boss)
	for name, headers := range map[string][]string{
		"another origin": {"Origin", "https://evil.example"},
		"another site":   {"Sec-Fetch-Site", "cross-site"},
		"another host":   {"Host", "evil.example"},
		"rebound":        {"Host", "evil.example:8080", "Origin", "http://evil.example:8080"},
	} {
		if res, _ := b.post("/accounts/shop/resume", nil, headers...); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if res, _ := b.get("/", "Host", "evil.example"); res.StatusCode != http.StatusForbidden {
		t.Errorf("read by another name: %d", res.StatusCode)
	}
	res, _ := b.get("/")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(res.Header.Get("Content-Security-Policy"), want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
}

// Every page, by every role, in both languages: what is not for a role is refused, and nothing is left untranslated.
func TestPages(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	p.fill(30)
	ids := p.submit("shop", tasks.Upload{Type: tasks.Image, Source: "a.jpg"})
	staff := map[string]bool{"/failures": true, "/system": true}
	paths := []string{"/uploads", "/uploads?q=state:failed+type:voice", "/uploads?q=nothing-like-this", "/failures", "/batches", "/media", "/media?kept=true&type=image&account=shop&q=look&within=43200", "/media?type=gif&unkept=true", "/webhooks", "/webhooks?state=failed", "/accounts", "/system", "/new", "/uploads/" + ids[0].ID.String(), "/?span=24h"}
	for name, key := range map[string]string{"boss": boss, "eye": eye, "shop": shop} {
		b := p.signedIn(key)
		for _, path := range paths {
			want := http.StatusOK
			switch {
			case strings.Contains(path, "type=gif"):
				want = http.StatusUnprocessableEntity
			case name == "eye" && path == "/new", name == "shop" && staff[path]:
				want = http.StatusForbidden
			case name == "shop" && strings.HasPrefix(path, "/?"):
				want = http.StatusSeeOther
			}
			for _, lang := range []string{"en", "zh-CN,zh;q=0.9"} {
				res, body := b.get(path, "Accept-Language", lang)
				if res.StatusCode != want {
					t.Errorf("%s %s in %s: %d, want %d\n%s", name, path, lang, res.StatusCode, want, body)
				}
				if want == http.StatusOK && (lang == "en") != strings.Contains(body, `<html lang="en"`) {
					t.Errorf("%s %s is not in %s", name, path, lang)
				}
			}
		}
	}
	if res, _ := p.signedIn(rival).get("/uploads/" + ids[0].ID.String()); res.StatusCode != http.StatusNotFound {
		t.Errorf("a foreign upload: %d", res.StatusCode)
	}
	if _, body := p.signedIn(rival).get("/uploads"); strings.Contains(body, "look-0") {
		t.Error("a producer sees another one's uploads")
	}
	if _, body := p.signedIn(boss).get("/failures", "Accept-Language", "zh"); !strings.Contains(body, "不合法的图片大小") || !strings.Contains(body, "请缩小图片") {
		t.Error("a cause is not explained in Chinese")
	}
}

// Buttons do what they say for those who may press them, and nothing for others.
func TestButtons(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	p.fill(40)
	id := p.submit("shop", tasks.Upload{Type: tasks.Image, Source: "a.jpg"})[0].ID.String()
	for key, want := range map[string]int{eye: http.StatusForbidden, rival: http.StatusNotFound, boss: http.StatusSeeOther} {
		if res, body := p.signedIn(key).post("/uploads/"+id+"/cancel", nil); res.StatusCode != want {
			t.Errorf("%s: %d, want %d: %s", key, res.StatusCode, want, body)
		}
	}
	b := p.signedIn(boss)
	form := url.Values{"q": {"state:failed"}, "do": {"retry-all"}}
	res, body := b.post("/actions/preview", form)
	if res.StatusCode != http.StatusOK || !strings.Contains(body, "can be retried") || !strings.Contains(body, "calls that shop has left today") {
		t.Fatalf("%d: %s", res.StatusCode, body)
	}
	res, _ = b.post("/actions", form)
	to := res.Header.Get("Location")
	if !strings.HasPrefix(to, "/actions/") {
		t.Fatalf("%d to %q", res.StatusCode, to)
	}
	taskstest.Until(t, "the action ends", func() bool {
		_, body := b.get(to)
		return strings.Contains(body, "Done")
	})
	if _, body := b.get("/uploads?q=state:failed"); !strings.Contains(body, "No upload matches") {
		t.Error("what failed was not retried")
	}
	if res, _ := p.signedIn(shop).get(to); res.StatusCode != http.StatusNotFound {
		t.Errorf("a foreign action: %d", res.StatusCode)
	}
	if res, _ := b.post("/actions", url.Values{"do": {"retry"}}); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("nothing chosen: %d", res.StatusCode)
	}
}
