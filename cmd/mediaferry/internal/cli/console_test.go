package cli_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// person is a browser without scripts.
type person struct {
	*testing.T
	client *http.Client
	url    string
}

// follows signs in by a link, as the page behind it does when its button is pressed. at is where the console is.
func follows(t *testing.T, at, link string) *person {
	t.Helper()
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil || u.Path != "/sign-in/link" {
		t.Fatalf("%q is no link: %v", link, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t, &http.Client{Jar: jar}, at}
	if status, body := p.ask("POST", "/sign-in/link", u.RawQuery); status != http.StatusOK {
		t.Fatalf("the link answers %d: %s", status, body)
	}
	return p
}

func (p *person) ask(method, path, form string) (int, string) {
	p.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, p.url+path, strings.NewReader(form))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// The link of mediaferry console signs in to a running process, once.
func TestConsole(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	s := g.Serve()
	r := g.Run("console")
	if r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d: %s", r.Code, r.Err)
	}
	p := follows(t, s.URL, r.Out)
	for _, path := range []string{"/", "/uploads", "/system", "/accounts"} {
		if status, body := p.ask("GET", path, ""); status != http.StatusOK || !strings.Contains(body, "<main") {
			t.Errorf("%s answers %d", path, status)
		}
	}
	if status, _ := p.ask("GET", "/v1/uploads", ""); status != http.StatusUnauthorized {
		t.Errorf("a session opens the API: %d", status)
	}
	u, err := url.Parse(strings.TrimSpace(r.Out))
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := p.ask("POST", "/sign-in/link", u.RawQuery); status != http.StatusUnauthorized {
		t.Errorf("the link answers %d the second time", status)
	}
}

// The demo shows its stream in the console until it is interrupted.
func TestDemoConsole(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	d := g.Start("demo", "--console")
	d.Until("/sign-in/link?link=")
	_, link, _ := strings.Cut(d.Log.String(), "\nhttp://")
	link, _, _ = strings.Cut("http://"+link, "\n")
	p := follows(t, link[:strings.Index(link, "/sign-in")], link)
	taskstest.Until(t, "uploads are shown", func() bool {
		_, body := p.ask("GET", "/uploads", "")
		return strings.Count(body, "<tr id=") > 10
	})
	if status, body := p.ask("GET", "/", ""); status != http.StatusOK || !strings.Contains(body, "none is missing") {
		t.Errorf("the overview answers %d: %s", status, body)
	}
	d.Signal(syscall.SIGINT)
	taskstest.Until(t, "it ends", d.Ended)
}
