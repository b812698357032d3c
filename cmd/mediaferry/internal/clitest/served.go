package clitest

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Served is a running mediaferry with HTTP.
type Served struct {
	*Ground
	Process *Process
	URL     string
	Key     string
}

// Serve starts mediaferry run, and knows its address and the key that a first start made.
func (g *Ground) Serve() *Served {
	g.T.Helper()
	return g.Served(g.Start("run"))
}

// Served waits until a process answers HTTP. Its key is the one that a first start made.
func (g *Ground) Served(p *Process) *Served {
	g.T.Helper()
	s := g.ServedAs(p, "")
	key, err := os.ReadFile(filepath.Join(g.Dir, "data", "api.key"))
	if err != nil {
		g.T.Fatal(err)
	}
	s.Key = strings.TrimSpace(string(key))
	return s
}

// ServedAs waits until a process answers HTTP, which is then asked with that key.
func (g *Ground) ServedAs(p *Process, key string) *Served {
	g.T.Helper()
	address := regexp.MustCompile(`"?address"?[:=]"?([0-9.:]+)`)
	var at []string
	taskstest.Until(g.T, "the address is logged", func() bool {
		at = address.FindStringSubmatch(p.Log.String())
		return at != nil
	})
	return &Served{g, p, "http://" + at[1], key}
}

// Ask makes one request and decodes its answer.
func (s *Served) Ask(method, path, body string, into any) int {
	s.T.Helper()
	req, err := http.NewRequestWithContext(s.T.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		s.T.Fatalf("%v: %s", err, b)
	}
	return res.StatusCode
}

// Token is a token of the drop-in endpoint.
func (s *Served) Token() string {
	s.T.Helper()
	var t struct {
		Token string `json:"access_token"`
	}
	s.Ask("GET", "/cgi-bin/token?grant_type=client_credential&appid=local&secret="+s.Key, "", &t)
	if t.Token == "" || strings.Contains(t.Token, s.Key) {
		s.T.Fatalf("the token is %q", t.Token)
	}
	return t.Token
}
