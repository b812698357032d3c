package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/config"
)

// redisParts is what of the options a URL decides.
type redisParts struct {
	Addrs                        []string
	DB                           int
	User, Password               string
	Master, SentinelUser         string
	SentinelPassword             string
	Cluster, TLS, EmbeddedBroker bool
	ReadTimeout                  time.Duration
	PoolSize                     int
}

func partsOf(t *testing.T, url string) redisParts {
	t.Helper()
	o, err := config.Config{RedisURL: config.DSN(url)}.Redis()
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	if o.Embedded {
		return redisParts{EmbeddedBroker: true}
	}
	u := o.Universal
	return redisParts{
		Addrs: u.Addrs, DB: u.DB, User: u.Username, Password: u.Password, Master: u.MasterName, Cluster: u.IsClusterMode,
		SentinelUser: u.SentinelUsername, SentinelPassword: u.SentinelPassword, TLS: u.TLSConfig != nil, ReadTimeout: u.ReadTimeout, PoolSize: u.PoolSize,
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]redisParts{
		"":                                      {EmbeddedBroker: true},
		"embedded":                              {EmbeddedBroker: true},
		"redis://h":                             {Addrs: []string{"h:6379"}},
		"redis://h:7000/3":                      {Addrs: []string{"h:7000"}, DB: 3},
		"redis://h/?db=3":                       {Addrs: []string{"h:6379"}, DB: 3},
		"redis://:p%40%2F%3A@h":                 {Addrs: []string{"h:6379"}, Password: "p@/:"},
		"redis://me:a@b@h":                      {Addrs: []string{"h:6379"}, User: "me", Password: "a@b"},
		"redis://me:p%2Bq+r@h":                  {Addrs: []string{"h:6379"}, User: "me", Password: "p+q+r"},
		"redis://[::1]:7000":                    {Addrs: []string{"[::1]:7000"}},
		"redis://[fe80::1]":                     {Addrs: []string{"[fe80::1]:6379"}},
		"redis://h?read_timeout=7s&pool_size=3": {Addrs: []string{"h:6379"}, ReadTimeout: 7 * time.Second, PoolSize: 3},
		"rediss://h":                            {Addrs: []string{"h:6379"}, TLS: true},
		"redis://h?tls=true":                    {Addrs: []string{"h:6379"}, TLS: true},
		"unix:///run/redis.sock":                {Addrs: []string{"/run/redis.sock"}},
		"unix://me:pw@/run/redis.sock?db=2":     {Addrs: []string{"/run/redis.sock"}, DB: 2, User: "me", Password: "pw"},
		"redis-sentinel://me:pw@a:1,b,[::1]:3/4?master=m&sentinel_username=su&sentinel_password=s%26p&tls=1": {
			Addrs: []string{"a:1", "b:26379", "[::1]:3"}, DB: 4, User: "me", Password: "pw", Master: "m",
			SentinelUser: "su", SentinelPassword: "s&p", TLS: true,
		},
		"redis-cluster://me:pw@a:1,b:2": {Addrs: []string{"a:1", "b:2"}, User: "me", Password: "pw", Cluster: true},
		"redis-cluster://a:1/0":         {Addrs: []string{"a:1"}, Cluster: true},
	} {
		if diff := cmp.Diff(want, partsOf(t, url)); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
}

func TestRedisRefuses(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"localhost:6379":                    "want embedded, redis://",
		"http://h":                          "want embedded, redis://",
		"REDIS://h":                         "want embedded, redis://",
		"redis://":                          "names no host",
		"redis://a,b":                       "redis:// names one server",
		"redis://h/x":                       "invalid database number",
		"redis://h:0":                       "a host is not host or host:port",
		"redis://h:70000":                   "a host is not host or host:port",
		"redis://h:":                        "a host is not host or host:port",
		"redis://::1":                       "a host is not host or host:port",
		"redis://me:hidden/x@h":             "encode / ? @ in a password",
		"redis://me:%zz@h":                  "the user name or the password is not percent-encoded",
		"redis://%zz@h":                     "the user name or the password is not percent-encoded",
		"redis://h?slave":                   "unexpected option: slave",
		"redis://h?%zz":                     "the parameters are not percent-encoded",
		"redis://h?tls=maybe":               "tls is not true or false",
		"redis-sentinel://h":                "redis-sentinel:// wants ?master=NAME",
		"redis-sentinel://h?master=m&slave": "unexpected option: slave",
		"redis-cluster://h/1":               "a cluster has database 0 only",
		"redis-cluster://a,,b":              "a host is not host or host:port",
		"unix://run/redis.sock":             "unix:// wants an absolute path",
		"unix://":                           "empty unix socket path",
	} {
		_, err := config.Config{RedisURL: config.DSN(url)}.Redis()
		if err == nil || !strings.Contains(err.Error(), "redis_url: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "me:hidden") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func FuzzRedis(f *testing.F) {
	f.Add("redis-sentinel://me:pw@a:1,[::1]:3/4?master=m&tls=1")
	f.Add("unix://@/?db=")
	f.Fuzz(func(t *testing.T, url string) {
		o, err := config.Config{RedisURL: config.DSN(url)}.Redis()
		if (err == nil) && !o.Embedded && (o.Universal == nil || len(o.Universal.Addrs) == 0) {
			t.Errorf("%q gives %+v", url, o)
		}
	})
}

func TestRedisTLSRefuses(t *testing.T) {
	t.Parallel()
	empty := write(t, "empty.pem", "nothing")
	for name, c := range map[string]struct {
		files config.RedisTLS
		want  string
	}{
		"no such authority":   {config.RedisTLS{CAFile: empty + ".gone"}, "redis_tls.ca_file: open "},
		"an empty authority":  {config.RedisTLS{CAFile: empty}, "empty.pem holds no certificate in PEM"},
		"an empty client":     {config.RedisTLS{CertFile: empty, KeyFile: empty}, "redis_tls.cert_file: "},
		"no such certificate": {config.RedisTLS{CertFile: empty + ".gone", KeyFile: empty}, "redis_tls.cert_file: open "},
	} {
		_, err := config.Config{RedisURL: "rediss://h", RedisTLS: c.files}.Redis()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
