package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// Embedded is the redis_url that asks for the broker inside the process.
const Embedded = "embedded"

// RedisOptions is how the belt is reached.
type RedisOptions struct {
	// Embedded: the process runs its own broker, and Universal is nil.
	Embedded bool
	// Universal makes a client for one server, for sentinels (MasterName is set) or for a cluster (IsClusterMode).
	Universal *redis.UniversalOptions
}

// Redis parses redis_url, and reads the files of redis_tls. Its error shows no password.
func (c Config) Redis() (RedisOptions, error) {
	if c.RedisURL == Embedded || c.RedisURL == "" {
		return RedisOptions{Embedded: true}, nil
	}
	u, err := parseRedisURL(withPassword(c.RedisURL, c.RedisPassword))
	if err != nil {
		return RedisOptions{}, invalid([]error{tasks.Textf("redis_url: %w", err)})
	}
	if err := trust(u.TLSConfig, c.RedisTLS.CAFile, c.RedisTLS.CertFile, c.RedisTLS.KeyFile); err != nil {
		return RedisOptions{}, invalid([]error{tasks.Textf("redis_tls.%w", err)})
	}
	return RedisOptions{Universal: u}, nil
}

// redisPorts are the schemes with their usual port.
var redisPorts = map[string]string{"redis": "6379", "rediss": "6379", "unix": "", "redis-sentinel": "26379", "redis-cluster": "6379"}

// parseRedisURL leaves the parsing to go-redis. It adds what go-redis does not have: a list of hosts, one form for all
// kinds of servers (the user information is always Redis' own), and an error for a missing host.
func parseRedisURL(text string) (*redis.UniversalOptions, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	port, known := redisPorts[scheme]
	if !known {
		return nil, tasks.Textf("want %w", kinds["redis"].want)
	}
	end := strings.IndexAny(rest+"/", "/?")
	at := strings.LastIndexByte(rest[:end], '@') + 1
	addrs, err := redisAddrs(rest[at:end], port)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse("redis://" + rest[:at] + cmp.Or(addrs...) + rest[end:])
	if err != nil {
		return nil, tasks.Textf("the user name or the password is not percent-encoded")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, tasks.Textf("the parameters are not percent-encoded")
	}
	secure, err := strconv.ParseBool(cmp.Or(take(q, "tls"), strconv.FormatBool(scheme == "rediss")))
	if err != nil {
		return nil, tasks.Textf("tls is not true or false")
	}
	if secure {
		u.Scheme = "rediss"
	}
	switch scheme {
	case "unix":
		u.Scheme = "unix"
		return universal(redis.ParseURL, u, q, []string{u.Path})
	case "redis-sentinel":
		return sentinelRedis(u, q, addrs)
	case "redis-cluster":
		if path := strings.Trim(u.Path, "/"); path != "" && path != "0" {
			return nil, tasks.Textf("a cluster has database 0 only")
		}
		o, err := universal(redis.ParseClusterURL, u, q, addrs)
		if err == nil {
			o.IsClusterMode = true
		}
		return o, err
	}
	if len(addrs) > 1 {
		return nil, tasks.Textf("redis:// names one server; want redis-cluster:// or redis-sentinel:// for more")
	}
	return universal(redis.ParseURL, u, q, addrs)
}

// redisAddrs completes each host with its port. A socket has none.
func redisAddrs(hosts, port string) ([]string, error) {
	switch {
	case port == "" && hosts != "":
		return nil, tasks.Textf("unix:// wants an absolute path: unix:///run/redis.sock?db=0")
	case port == "":
		return nil, nil
	case hosts == "":
		return nil, tasks.Textf("names no host")
	}
	var addrs []string
	for host := range strings.SplitSeq(hosts, ",") {
		name, p, err := net.SplitHostPort(host)
		if err != nil {
			name, p = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), port
		}
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 || name == "" || strings.ContainsAny(name, " /@%") || strings.Contains(name, ":") && host[0] != '[' {
			return nil, tasks.Textf("a host is not host or host:port; encode / ? @ in a password as %%2F %%3F %%40")
		}
		addrs = append(addrs, net.JoinHostPort(name, p))
	}
	return addrs, nil
}

// sentinelRedis names the parameters as go-redis does, which takes the user information as the sentinels'.
func sentinelRedis(u *url.URL, q url.Values, addrs []string) (*redis.UniversalOptions, error) {
	q.Set("master_name", take(q, "master"))
	if q.Get("master_name") == "" {
		return nil, tasks.Textf("redis-sentinel:// wants ?master=NAME")
	}
	name, password := take(q, "sentinel_username"), take(q, "sentinel_password")
	o, err := universal(redis.ParseFailoverURL, u, q, addrs)
	if err == nil {
		o.Username, o.Password, o.SentinelUsername, o.SentinelPassword = o.SentinelUsername, o.SentinelPassword, name, password
	}
	return o, err
}

// take returns a parameter and removes it.
func take(q url.Values, name string) string {
	value := q.Get(name)
	q.Del(name)
	return value
}

// universal parses u as one kind of client, and returns its options as those of any kind: fields of the same name mean
// the same.
func universal[O any](parse func(string) (*O, error), u *url.URL, q url.Values, addrs []string) (*redis.UniversalOptions, error) {
	u.RawQuery = q.Encode()
	of, err := parse(u.String())
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "redis: "))
	}
	o := &redis.UniversalOptions{}
	for f, value := range reflect.ValueOf(of).Elem().Fields() {
		if same := reflect.ValueOf(o).Elem().FieldByName(f.Name); same.IsValid() && same.Type() == f.Type {
			same.Set(value)
		}
	}
	o.Addrs = addrs
	if t := o.TLSConfig; t != nil { // each server is known by the name that it is dialed by
		t.ServerName, t.MinVersion = "", tls.VersionTLS12
	}
	return o, nil
}
