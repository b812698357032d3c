//go:build full

package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/mediaferry/mediaferry/enqueue/console"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest/npmtest"
)

// axe finds what people can't use who see or point otherwise. It is fetched for the tests alone.
const axe = "axe-core@4.14.1"

// look is how a page is looked at.
type look struct {
	lang, theme string
	width       int64
}

// window is a tab of a real browser, which fails the test for errors of scripts and for requests to elsewhere.
type window struct {
	*plant
	ctx    context.Context //nolint:containedctx // it is the tab
	mu     sync.Mutex
	faults []string
	quiet  bool // faults are expected: the server is away
}

// browserOf starts a browser that the tabs of a test share.
func browserOf(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(taskstest.Tool(t, "chromium")), chromedp.NoSandbox, chromedp.WSURLReadTimeout(5*time.Minute))
	allocator, release := chromedp.NewExecAllocator(taskstest.Context(t), options...)
	t.Cleanup(release)
	ctx, quit := chromedp.NewContext(allocator)
	t.Cleanup(quit)
	must(t, chromedp.Do(ctx))
	return ctx
}

// open opens a tab with cookies of its own.
func (p *plant) open(t *testing.T, browser context.Context, l look) *window {
	t.Helper()
	ctx, quit := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithNewWindow(true))
	t.Cleanup(quit)
	w := &window{plant: p, ctx: ctx}
	must(t, chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			w.fault("a script failed: %s", e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				w.fault("the console says: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, p.url) && !strings.HasPrefix(e.Request.URL, "about:") && !strings.HasPrefix(e.Request.URL, "data:") { // the icons of its players
				w.fault("it asks %s", e.Request.URL)
			}
		}
	}))
	w.run(t, chromedp.EmulateViewport(l.width, 900))
	call(t, ctx, network.Enable, network.EnableParams{})
	call(t, ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": l.lang}})
	call(t, ctx, log.Enable, cdp.Empty{})
	call(t, ctx, runtime.Enable, cdp.Empty{})
	call(t, ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // a page that nobody sees rests
	w.prefer(t, l.theme)
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, f := range w.faults {
			t.Error(f)
		}
	})
	return w
}

// prefer makes the browser one of somebody who likes it dark, or light, and still: colours that are on their way are no finding.
func (w *window) prefer(t *testing.T, theme string) {
	t.Helper()
	call(t, w.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

func (w *window) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.quiet {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}

func (w *window) run(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	must(t, chromedp.Do(w.ctx, steps...))
}

// call sends one command of the browser's protocol.
func call[P, R any](t *testing.T, ctx context.Context, command cdp.Command[P, R], params P) {
	t.Helper()
	_, err := chromedp.Call(ctx, command, params)
	must(t, err)
}

// asked evaluates an expression on the page.
func asked[T any](t *testing.T, w *window, expression string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	v, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](expression, options...))
	must(t, err)
	return v
}

// at is an element that is found by CSS.
type at = chromedp.CSS

func click(css at) chromedp.Action[chromedp.Void]   { return chromedp.Click(css) }
func visible(css at) chromedp.Action[chromedp.Void] { return chromedp.WaitVisible(css) }

// signIn signs in as a person does.
func (w *window) signIn(t *testing.T, key string) {
	t.Helper()
	w.run(t, chromedp.Navigate(w.url+"/sign-in"), chromedp.SendKeys(at("#key"), key+"\r"), visible(".side"))
}

// shoot keeps a picture of the whole page in a folder that git ignores, for people to look at.
func (w *window) shoot(t *testing.T, name string) {
	t.Helper()
	png, err := chromedp.Run(w.ctx, chromedp.FullScreenshot(100))
	must(t, err)
	dir := filepath.Join("testdata", "screens")
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
}

// audit fails the test for what axe finds.
func (w *window) audit(t *testing.T, name string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(npmtest.Package(t, axe), "axe-core", "axe.min.js"))
	must(t, err)
	asked[int](t, w, string(source)+";0")
	found := asked[string](t, w, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r => JSON.stringify(r.violations.map(v => [v.id, v.help, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))])))`, chromedp.EvalAwaitPromise)
	var violations []any
	must(t, json.Unmarshal([]byte(found), &violations))
	for _, v := range violations {
		t.Errorf("%s: %v", name, v)
	}
}

// wide reports whether a page is wider than its window.
func (w *window) wide(t *testing.T) bool {
	t.Helper()
	return asked[bool](t, w, `document.documentElement.scrollWidth > innerWidth`)
}

// In a real browser, in short: what a person sees first, who is signed in, and what moves by itself.
func TestBrowserInShort(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.join()
	p.fill(5)
	w := p.open(t, browserOf(t), look{"en", "light", 1440})
	w.signIn(t, boss)
	w.audit(t, "overview")
	testNews(t, w)
	w.audit(t, "uploads")
}

// In a real browser, for a person who uses it: all pages in all looks, what moves by itself, what is pressed. It is a suite
// of make full: a page and its audit take a second of a CPU. Languages, themes, widths and numbers of uploads meet pairwise.
func TestBrowser(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	browser := browserOf(t)
	looks := map[string]filledLook{
		"en-light-wide-full":   {look{"en", "light", 1440}, 60},
		"zh-dark-phone-full":   {look{"zh-CN", "dark", 390}, 60},
		"zh-light-wide-one":    {look{"zh-CN", "light", 1440}, 1},
		"en-dark-phone-one":    {look{"en", "dark", 390}, 1},
		"en-dark-wide-empty":   {look{"en", "dark", 1440}, 0},
		"zh-light-phone-empty": {look{"zh-CN", "light", 390}, 0},
	}
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testLook(t, browser, name, l)
		})
	}
	for name, test := range map[string]func(*testing.T, context.Context){
		"new rows wait behind a link": testLive, "lost touch": testLost, "bulk": testBulk, "back": testBack, "copied filter": testCopiedFilter,
		"roles": testRoles, "switches": testSwitches, "without scripts": testNoScript, "new": testNew, "media": testMedia,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, browser)
		})
	}
}

// filledLook is a look at so many uploads.
type filledLook struct {
	look    look
	uploads int
}

func testLook(t *testing.T, browser context.Context, name string, c filledLook) {
	p := newPlant(t, func(cfg *console.Config) { cfg.Asker = desk{} })
	p.fill(c.uploads)
	paths := map[string]string{
		"overview": "/", "uploads": "/uploads", "failures": "/failures", "batches": "/batches", "media": "/media", "media-no-match": "/media?kept=true&q=nothing", "new": "/new", "webhooks": "/webhooks", "accounts": "/accounts",
		"system": "/system", "missing": "/uploads/none", "no-match": "/uploads?q=state:failed+code:poison",
	}
	if c.uploads > 1 {
		paths["batch"] = "/batches/" + p.enliven().String()
	}
	w := p.open(t, browser, c.look)
	w.run(t, chromedp.Navigate(p.url+"/sign-in"))
	w.shoot(t, name+"-signin")
	w.audit(t, "sign-in")
	w.signIn(t, boss)
	if c.uploads > 0 {
		uploads, _, err := p.List(t.Context(), tasks.Filter{Limit: 1000})
		must(t, err)
		for _, o := range uploads {
			paths["upload-"+string(o.State)] = "/uploads/" + o.ID.String()
			if o.Reused {
				paths["upload-reused"] = paths["upload-"+string(o.State)]
			}
		}
		live, _, err := p.LiveMedia(t.Context(), tasks.MediaFilter{})
		must(t, err)
		for _, m := range live {
			paths["medium"] = "/media/" + m.MediaID
			if !m.Kept.IsZero() {
				paths["medium-kept"] = "/media/" + m.MediaID
			}
		}
		paths["preview"] = "/actions/preview?do=retry-all&q=state:failed"
	}
	for shown, path := range paths {
		if c.uploads > 0 {
			p.join() // a sign of life
		}
		w.hush(shown == "missing") // the browser says that it is not there
		w.run(t, chromedp.Navigate(p.url+path), chromedp.WaitReady(at("main")))
		w.shoot(t, name+"-"+shown)
		w.audit(t, name+" "+shown)
		if c.uploads > 1 { // all pages are there: each is audited in both themes, in its language
			w.prefer(t, map[string]string{"dark": "light", "light": "dark"}[c.look.theme])
			w.audit(t, name+" "+shown+" in the other theme")
			w.prefer(t, c.look.theme)
		}
		if w.wide(t) {
			t.Errorf("%s is wider than its window", shown)
		}
	}
}

// A page changes in place when something happens, and new rows wait behind a link.
func testLive(t *testing.T, browser context.Context) {
	p := newPlant(t)
	p.join()
	p.fill(5)
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, boss)
	testNews(t, w)
}

func testNews(t *testing.T, w *window) {
	t.Helper()
	w.run(t, chromedp.Navigate(w.url+"/uploads"), visible("tbody tr"))
	ended := `document.querySelectorAll("tbody .state.succeeded, tbody .state.failed").length`
	before := asked[int](t, w, ended)
	w.submit("shop", tasks.Upload{Type: tasks.Image, Source: "new.jpg"})
	w.finish(3)
	w.until(t, "the new row waits behind a link", `!document.querySelector(".news").hidden && document.querySelector(".news").textContent === "1 new"`)
	w.until(t, "rows change in place", fmt.Sprintf(`%s > %d`, ended, before))
	w.run(t, click(".news"))
	w.until(t, "the new row is shown", `[...document.querySelectorAll("tbody a")].some(a => a.textContent === "new.jpg")`)
}

// A page says when it has lost touch with a server that was killed, and comes back by itself.
func testLost(t *testing.T, browser context.Context) {
	p := newPlant(t)
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, boss)
	w.run(t, chromedp.Navigate(p.url+"/uploads"), visible("main"))
	w.hush(true)
	p.stop()
	w.until(t, "it has lost touch, and says so", `!document.querySelector(".lost").hidden`)
	p.start()
	w.until(t, "it comes back by itself", `document.querySelector(".lost").hidden`)
}

// ids are those of the rows that are shown.
func (w *window) ids(t *testing.T) string {
	t.Helper()
	return asked[string](t, w, `[...document.querySelectorAll("tbody tr")].map(r => r.id).join(" ")`)
}

// The address of a filter that was typed shows somebody else the same rows.
func testCopiedFilter(t *testing.T, browser context.Context) {
	p := newPlant(t)
	p.join()
	p.fill(30)
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, boss)
	w.run(t, chromedp.Navigate(p.url+"/uploads"), chromedp.SendKeys(at("#q"), "state:failed type:voice,\r"))
	w.until(t, "what can't be is said", `document.querySelector("#wrong")`)
	w.run(t, chromedp.Navigate(p.url+"/uploads"), chromedp.SendKeys(at("#q"), "state:failed account:shop\r"))
	w.until(t, "the address is the filter", `decodeURIComponent(location.search).includes("state:failed") && document.querySelectorAll("tbody tr").length > 0`)
	rows, address := w.ids(t), asked[string](t, w, "location.href")
	other := p.open(t, browser, look{"zh-CN", "dark", 1440})
	other.signIn(t, eye)
	other.run(t, chromedp.Navigate(address), visible("tbody tr"))
	if got := other.ids(t); got != rows || rows == "" {
		t.Errorf("%s shows %q, and another reader %q", address, rows, got)
	}
}

// Back shows the page before, as it was.
func testBack(t *testing.T, browser context.Context) {
	p := newPlant(t)
	p.join()
	p.fill(30)
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, boss)
	w.run(t, chromedp.Navigate(p.url+"/uploads"), visible("tbody tr"), click(".facet.failed"))
	w.until(t, "the facet is chosen", `location.search.includes("state:failed")`)
	rows := w.ids(t)
	w.run(t, click("tbody a"))
	w.until(t, "an upload is shown", `document.querySelector(".steps")`)
	w.run(t, chromedp.NavigateBack())
	w.until(t, "the rows are shown again", `document.querySelector("tbody tr") && location.search.includes("state:failed")`)
	if again := w.ids(t); again != rows {
		t.Errorf("rows %q, and after Back %q", rows, again)
	}
	w.run(t, chromedp.NavigateBack())
	w.until(t, "all rows are shown again", `location.pathname === "/uploads" && location.search === "" && document.querySelector("tbody tr")`)
}

// Each role sees the pages that are for it and nothing to press that is not, and every link of its menu leads somewhere.
func testRoles(t *testing.T, browser context.Context) {
	p := newPlant(t, func(c *console.Config) {
		c.Asker = desk{}
		c.AddKey = func(context.Context, tasks.Key) (tasks.Secret, error) { return "made-key-0123456789abcdef", nil }
	})
	p.join()
	p.fill(30)
	p.enliven()
	for _, role := range []struct {
		key, menu string
		presses   bool // in the lists
		asks      bool // of accounts
	}{
		{shop, "/uploads /batches /media /new /webhooks /accounts", true, false},
		{eye, "/ /uploads /failures /batches /media /webhooks /accounts /system", false, false},
		{boss, "/ /uploads /failures /batches /media /new /webhooks /accounts /system", true, true},
	} {
		w := p.open(t, browser, look{"en", "light", 1440})
		w.signIn(t, role.key)
		menu := asked[string](t, w, `[...document.querySelectorAll("nav li a")].map(a => a.getAttribute("href")).join(" ")`)
		if menu != role.menu {
			t.Errorf("%s has the menu %s, want %s", role.key, menu, role.menu)
		}
		for _, path := range strings.Fields(menu) {
			p.join()
			w.run(t, chromedp.Navigate(p.url+path), chromedp.WaitReady(at("main")))
			if asked[bool](t, w, `!!document.querySelector(".problem")`) {
				t.Errorf("%s is in the menu of %s, and refused", path, role.key)
			}
			presses := asked[bool](t, w, `!!document.querySelector("main form[method=post] button:not([type=button])")`)
			want := role.presses && (path == "/uploads" || path == "/media" || path == "/new" || path == "/webhooks") || role.asks && (path == "/accounts" || path == "/system")
			if want && !presses || presses && !role.presses {
				t.Errorf("%s has something to press for %s: %v", path, role.key, presses)
			}
		}
	}
}

// Rows are chosen, looked at, retried, and followed to the end; Back works.
func testBulk(t *testing.T, browser context.Context) {
	p := newPlant(t)
	p.join()
	p.fill(30)
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, boss)
	w.run(t, chromedp.Navigate(p.url+"/uploads?q=state:failed"), visible("tbody tr"))
	w.until(t, "nothing can be pressed before rows are chosen", `document.querySelector("[data-needs]").disabled`)
	w.run(t, click("[data-all]"))
	w.until(t, "the chosen are counted", `/^\d+ chosen$/.test(document.querySelector("[data-chosen]").textContent)`)
	w.run(t, click(`button[value="retry"]`))
	w.until(t, "it says what it costs", `document.querySelector(".sums")?.textContent.includes("calls that shop has left today")`)
	w.shoot(t, "bulk-preview")
	w.run(t, chromedp.NavigateBack())
	w.until(t, "Back shows the same rows", `location.search === "?q=state:failed" && document.querySelectorAll("tbody tr").length > 0`)
	w.run(t, click(`button[value="retry-all"]`))
	w.until(t, "all that match", `document.querySelector("button.primary")?.textContent.startsWith("Retry ")`)
	w.run(t, click("button.primary"))
	w.until(t, "it ends, and the page shows it by itself", `document.querySelector("#action")?.textContent.includes("Done")`)
	w.shoot(t, "bulk-action")
}

// Language and theme are switched, and stay so.
func testSwitches(t *testing.T, browser context.Context) {
	p := newPlant(t)
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, eye)
	w.run(t, chromedp.Navigate(p.url+"/uploads"), click(`button[name="lang"]`))
	w.until(t, "it is Chinese", `document.documentElement.lang === "zh"`)
	w.run(t, click(`button[value="dark"]`))
	w.until(t, "it is dark", `getComputedStyle(document.body).backgroundColor === "rgb(18, 19, 20)"`)
	w.until(t, "the page is the one it was", `location.pathname === "/uploads"`)
	w.until(t, "a viewer has nothing to press", `!document.querySelector("main button[name=do], main a[href='/new']")`)
}

// Without scripts pages and buttons work.
func testNoScript(t *testing.T, browser context.Context) {
	p := newPlant(t)
	p.join()
	p.fill(10)
	w := p.open(t, browser, look{"en", "light", 1440})
	call(t, w.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	w.signIn(t, boss)
	w.run(t, chromedp.Navigate(p.url+"/uploads?q=state:failed"), click("tbody input[name=id]"), click(`button[value="retry"]`), visible(".sums"), click("button.primary"), visible("progress"))
}

// A media is searched, renewed, and has its new media_id; its row stays while it changes.
func testMedia(t *testing.T, browser context.Context) {
	p := newPlant(t)
	p.join()
	p.fill(30)
	live, _, err := p.LiveMedia(t.Context(), tasks.MediaFilter{Kept: true, Limit: 1})
	must(t, err)
	one := live[0]
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, boss)
	w.run(t, chromedp.Navigate(p.url+"/media"), visible("tbody tr"), chromedp.SendKeys(at("#q"), one.SHA256+"\r"))
	w.until(t, "the one is found", `document.querySelectorAll("tbody tr").length === 1 && location.search.includes("q=")`)
	row := w.ids(t)
	asked[int](t, w, `document.querySelector("td.act button").click(), 0`)
	p.finishAll(t, one.MediaID)
	w.until(t, "its new media_id is shown", `location.search.includes("was=") && document.querySelector(".note.succeeded")`)
	w.shoot(t, "media-renewed")
	w.run(t, chromedp.NavigateBack())
	w.until(t, "the row is the same, with another media_id", `document.querySelector("tbody tr")?.id === "`+row+`" && !document.body.innerHTML.includes("`+one.MediaID+`")`)
}

// finishAll finishes what is ready until a media is no more.
func (p *plant) finishAll(t *testing.T, mediaID string) {
	t.Helper()
	taskstest.Until(t, "it is renewed", func() bool {
		p.finish(100)
		_, err := p.KnownMedia(t.Context(), mediaID, nil, "")
		return err != nil
	})
}

// A file that is chosen is judged, and becomes an upload.
func testNew(t *testing.T, browser context.Context) {
	p := newPlant(t)
	p.join()
	w := p.open(t, browser, look{"en", "light", 1440})
	w.signIn(t, boss)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.png"), filepath.Join(dir, "bad.png")
	must(t, os.WriteFile(good, picture(), 0o600))
	must(t, os.WriteFile(bad, []byte("no picture"), 0o600))
	w.run(t, chromedp.Navigate(p.url+"/new"), chromedp.SetUploadFiles(at("#file"), []string{good, bad}), click("form.new button"))
	w.until(t, "one is refused, the other is on its way", `document.querySelectorAll(".verdicts li").length === 2 && document.querySelectorAll(".verdicts .failed").length === 1 && document.querySelectorAll(".verdicts .queued, .verdicts .running").length === 1`)
	w.shoot(t, "new-judged")
}

// until waits for a condition on the page.
func (w *window) until(t *testing.T, what, condition string) {
	t.Helper()
	taskstest.Until(t, what, func() bool {
		met, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		return err == nil && met
	})
}

// hush lets errors pass, or not, from now on.
func (w *window) hush(quiet bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quiet = quiet
}
