package enqueue

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestCheckOfARealServer(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t)
	_, port, _ := strings.Cut(primary.Addr(), ":")
	locked := redistest.Start(t, "--requirepass", "hunter2")
	tests := map[string]struct {
		server  *redistest.Server
		options redis.UniversalOptions
		code    tasks.Code
		says    string // in the error or in the only warning; empty: neither
	}{
		"as it should be": {server: primary},
		"evicting": {
			server: redistest.Start(t, "--maxmemory-policy", "allkeys-lru"), says: "allkeys-lru",
		},
		"replica": {
			server: redistest.Start(t, "--replicaof", "127.0.0.1", port), code: tasks.Invalid, says: "replica",
		},
		"wrong password": {
			server: locked, options: redis.UniversalOptions{Password: "swordfish"}, code: tasks.Invalid, says: "credentials",
		},
		"no password": {server: locked, code: tasks.Invalid, says: "credentials"},
		"right password": {
			server: locked, options: redis.UniversalOptions{Password: "hunter2"},
		},
		"may not run INFO": {
			server: forbidInfo(t), says: "INFO",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.options.Addrs = []string{test.server.Addr()}
			checks(t, NewBelt(connected(t, test.options), ""), test.code, test.says)
		})
	}
}

func forbidInfo(t *testing.T) *redistest.Server {
	t.Helper()
	s := redistest.Start(t)
	if err := s.Client().ACLSetUser(t.Context(), "default", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func checks(t *testing.T, b *Belt, code tasks.Code, says string) {
	t.Helper()
	warnings, err := b.Check(t.Context())
	if tasks.CodeOf(err) != code {
		t.Fatalf("Check: %v, want code %q", err, code)
	}
	text := ""
	for _, w := range warnings {
		text += w.Error() + "\n"
	}
	if err != nil {
		text += err.Error()
	}
	if !strings.Contains(text, says) || says == "" && text != "" {
		t.Errorf("Check says %q, want %q", text, says)
	}
	if strings.Contains(text, "hunter2") || strings.Contains(text, "swordfish") {
		t.Errorf("Check tells a password: %q", text)
	}
}

func TestCheckOfAnAbsentServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := connected(t, redis.UniversalOptions{Addrs: []string{s.Addr()}})
	s.Kill()
	checks(t, NewBelt(c, ""), tasks.Unavailable, "refused")
}

func TestCheckOfTheEmbeddedBroker(t *testing.T) {
	t.Parallel()
	checks(t, NewBelt(embeddedRedis(t), ""), "", "")
}

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		info string
		code tasks.Code
	}{
		"old":               {"redis_version:6.0.16\r\n", tasks.Invalid},
		"very old":          {"redis_version:5.0.7\r\n", tasks.Invalid},
		"oldest":            {"redis_version:6.2.0\r\n", ""},
		"two digits":        {"redis_version:10.0.0\r\n", ""},
		"no version":        {"# Server\r\n", ""},
		"odd version":       {"redis_version:unstable\r\n", ""},
		"writable replica":  {"role:slave\r\nslave_read_only:0\r\n", ""},
		"read-only replica": {"role:slave\r\nslave_read_only:1\r\n", tasks.Invalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := judge(parseInfo(test.info)); tasks.CodeOf(err) != test.code {
				t.Errorf("judge: %v, want code %q", err, test.code)
			}
		})
	}
}
