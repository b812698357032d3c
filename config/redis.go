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

// Redis parses redis_url. Its error shows no password.
func (c Config) Redis() (RedisOptions, error) {
	if c.RedisURL == Embedded || c.RedisURL == "" {
		return RedisOptions{Embedded: true}, nil
	}
	u, err := parseRedisURL(c.RedisURL.Reveal())
	if err != nil {
		return RedisOptions{}, invalid([]string{"redis_url: " + err.Error()})
	}
	return RedisOptions{Universal: u}, nil
}

// redisPorts are the schemes with their usual port.
var redisPorts = map[string]string{"redis": "6379", "rediss": "6379", "unix": "", "redis-sentinel": "26379", "redis-cluster": "6379"}

// parseRedisURL leaves the parsing to go-redis. It adds what that does not know: a list of hosts, one form for all
// kinds of servers (the user information is always Redis' own), and an error for a missing host.
func parseRedisURL(text string) (*redis.UniversalOptions, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	port, known := redisPorts[scheme]
	if !known {
		return nil, errors.New("want " + checks["redis"].want)
	}
	end := strings.IndexAny(rest+"/", "/?")
	at := strings.LastIndexByte(rest[:end], '@') + 1
	user, hosts, tail := rest[:at], rest[at:end], rest[end:]
	addrs, err := redisAddrs(hosts, port)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse("redis://" + user + cmp.Or(addrs...) + tail)
	if err != nil {
		return nil, errors.New("the user name or the password is not percent-encoded")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("the parameters are not percent-encoded")
	}
	secure, err := strconv.ParseBool(cmp.Or(q.Get("tls"), strconv.FormatBool(scheme == "rediss")))
	if err != nil {
		return nil, errors.New("tls is not true or false")
	}
	if q.Del("tls"); secure {
		u.Scheme = "rediss"
	}
	switch scheme {
	case "unix":
		u.Scheme = "unix"
		return universal(redis.ParseURL, u, q, []string{u.Path})
	case "redis-sentinel":
		return sentinelRedis(u, q, addrs)
	case "redis-cluster":
		return clusterRedis(u, q, addrs)
	}
	if len(addrs) > 1 {
		return nil, errors.New("redis:// names one server; want redis-cluster:// or redis-sentinel:// for more")
	}
	return universal(redis.ParseURL, u, q, addrs)
}

// redisAddrs completes each host with its port. A socket has none.
func redisAddrs(hosts, port string) ([]string, error) {
	switch {
	case port == "" && hosts != "":
		return nil, errors.New("unix:// wants an absolute path: unix:///run/redis.sock?db=0")
	case port == "":
		return nil, nil
	case hosts == "":
		return nil, errors.New("names no host")
	}
	var addrs []string
	for host := range strings.SplitSeq(hosts, ",") {
		addr, ok := hostPort(host, port)
		if !ok {
			return nil, errors.New("a host is not host or host:port; encode / ? @ in a password as %2F %3F %40")
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

func sentinelRedis(u *url.URL, q url.Values, addrs []string) (*redis.UniversalOptions, error) {
	q.Set("master_name", q.Get("master"))
	if q.Get("master") == "" {
		return nil, errors.New("redis-sentinel:// wants ?master=NAME")
	}
	name, password := q.Get("sentinel_username"), q.Get("sentinel_password")
	for _, ours := range []string{"master", "sentinel_username", "sentinel_password"} {
		q.Del(ours)
	}
	o, err := universal(redis.ParseFailoverURL, u, q, addrs)
	if err == nil { // go-redis takes the user information as the sentinels'
		o.Username, o.Password, o.SentinelUsername, o.SentinelPassword = o.SentinelUsername, o.SentinelPassword, name, password
	}
	return o, err
}

func clusterRedis(u *url.URL, q url.Values, addrs []string) (*redis.UniversalOptions, error) {
	if path := strings.Trim(u.Path, "/"); path != "" && path != "0" {
		return nil, errors.New("a cluster has database 0 only")
	}
	o, err := universal(redis.ParseClusterURL, u, q, addrs)
	if err == nil {
		o.IsClusterMode = true
	}
	return o, err
}

// universal parses u as one kind of client, and makes of its options those of any: fields of the same name mean the
// same.
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

// hostPort completes "host", "host:port" or "[v6]:port".
func hostPort(text, port string) (string, bool) {
	host, p, err := net.SplitHostPort(text)
	if err != nil {
		host, p = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), port
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, " /@%") || (strings.Contains(host, ":") && text[0] != '[') {
		return "", false
	}
	return net.JoinHostPort(host, p), true
}
