package wire

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/enqueue/console"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

// newConsole makes the web pages over the same parts as the API.
func (s *Stack) newConsole(c *api.Config, door func() *api.Server) (*console.Console, error) {
	limits := Limits(s.Config)
	cfg := console.Config{
		Ledger: s.Ledger, Keys: c.Keys, Actor: c.Actor, Tail: c.Tail, Files: s.Files, Nudge: c.Nudge, Explain: Explain, Asker: c.Asker, Surroundings: c.Surroundings, Log: s.Log, Version: Version(),
		Producer: func(who enqueue.Caller) *enqueue.Producer { return door().Producer(who) },
		Results: func(ctx context.Context, w http.ResponseWriter, batch uuid.UUID) error {
			return door().WriteCSV(ctx, w, batch)
		},
		Check:  func(b []byte, t tasks.MediaType) (tasks.Content, error) { return media.Check(b, t, limits) },
		Hosts:  consoleHosts(s.Config),
		Secure: strings.HasPrefix(s.Config.Console.URL, "https://") || s.Config.TLS.CertFile != "",
	}
	if s.Secrets != nil {
		cfg.AddKey = s.AddKey
	}
	if inbox := c.Inbox; inbox != nil {
		cfg.Store = func(producer, filename string, from io.Reader) (string, error) {
			stored, err := inbox.Store(producer, filename, from, maxConsoleFile)
			return stored.Source, err
		}
	}
	return console.New(cfg)
}

// maxConsoleFile is the largest file that the console takes: WeChat takes no larger ones.
const maxConsoleFile = 10 << 20

// Explain says what an errcode means where it led to a code, and what to do.
func Explain(l lang.Language, code tasks.Code, errcode int) (meaning, remedy string, ok bool) {
	row, ok := wechat.ExplainAs(code, errcode)
	if l == lang.Chinese {
		return row.MeaningZH, row.AdviceZH, ok
	}
	return row.Meaning, row.Advice, ok
}

// consoleHosts are the names that a console on loopback answers to. One that other machines reach answers to any: it may
// stand behind a proxy.
func consoleHosts(c config.Config) []string {
	if !c.Loopback() {
		return nil
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "" {
		hosts = append(hosts, strings.ToLower(host))
	}
	if u, err := url.Parse(c.Console.URL); err == nil && u.Hostname() != "" {
		hosts = append(hosts, strings.ToLower(u.Hostname()))
	}
	return hosts
}

// ConsoleLink keeps a link in the ledger that signs the person at this machine in once, and returns it. address is where the
// console listens; empty: as the settings say.
func (s *Stack) ConsoleLink(ctx context.Context, address string) (string, error) {
	secret := console.NewSecret()
	if err := s.Ledger.AddLink(ctx, tasks.Session{Hash: tasks.KeyHash(secret)}, console.LinkLife); err != nil {
		return "", err
	}
	return ConsoleURL(s.Config, address) + console.LinkPath(secret), nil
}

// ConsoleURL is where a browser finds the console, without a slash at its end.
func ConsoleURL(c config.Config, address string) string {
	if c.Console.URL != "" {
		return strings.TrimSuffix(c.Console.URL, "/")
	}
	if address == "" {
		address = c.Listen
	}
	if host, port, err := net.SplitHostPort(address); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			address = net.JoinHostPort("127.0.0.1", port)
		}
	}
	scheme := "http"
	if c.TLS.CertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + address
}
