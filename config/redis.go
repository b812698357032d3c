package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
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

// Redis parses redis_url. Its error shows nothing of the URL but the scheme.
//
// Parsing is our own because the sentinel parser that comes with asynq drops the database, the user name and the
// password, and because net/url takes no list of hosts.
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

var errRedisScheme = errors.New("want " + checks["redis"].want)

// redisURL is the URL in its parts, nothing interpreted yet.
type redisURL struct {
	scheme string
	hosts  []string
	path   string
	query  map[string]string
}

func parseRedisURL(text string) (*redis.UniversalOptions, error) {
	var o redis.UniversalOptions
	u, err := splitRedisURL(text, &o)
	if err != nil {
		return nil, err
	}
	switch u.scheme {
	case "redis", "rediss":
		err = u.single(&o)
	case "unix":
		err = u.socket(&o)
	case "redis-sentinel":
		err = u.sentinel(&o)
	case "redis-cluster":
		err = u.cluster(&o)
	default:
		return nil, errRedisScheme
	}
	if err == nil {
		err = u.security(&o)
	}
	if err == nil && len(u.query) > 0 {
		err = fmt.Errorf("parameter %q is not known", slices.Sorted(maps.Keys(u.query))[0])
	}
	return &o, err
}

// splitRedisURL takes the URL apart and the user information out of it.
func splitRedisURL(text string, o *redis.UniversalOptions) (redisURL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return redisURL{}, errRedisScheme
	}
	u := redisURL{scheme: scheme, query: map[string]string{}}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	u.path = path
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		var err error
		name, password, _ := strings.Cut(authority[:at], ":")
		if o.Username, err = url.PathUnescape(name); err != nil {
			return u, errors.New("the user name is not percent-encoded")
		}
		if o.Password, err = url.PathUnescape(password); err != nil {
			return u, errors.New("the password is not percent-encoded")
		}
		authority = authority[at+1:]
	}
	if authority != "" {
		u.hosts = strings.Split(authority, ",")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return u, errors.New("the parameters are not percent-encoded")
	}
	for name, v := range values {
		if len(v) > 1 {
			return u, fmt.Errorf("parameter %q is given twice", name)
		}
		u.query[name] = v[0]
	}
	return u, nil
}

func (u redisURL) single(o *redis.UniversalOptions) error {
	if len(u.hosts) > 1 {
		return errors.New("redis:// names one server; want redis-cluster:// or redis-sentinel:// for more")
	}
	return errors.Join(u.servers(o, "6379"), u.database(o, u.path))
}

func (u redisURL) socket(o *redis.UniversalOptions) error {
	if len(u.hosts) > 0 || u.path == "" {
		return errors.New("unix:// wants an absolute path: unix:///run/redis.sock?db=0")
	}
	o.Addrs = []string{"/" + u.path}
	return u.database(o, "")
}

func (u redisURL) sentinel(o *redis.UniversalOptions) error {
	o.MasterName = u.take("master")
	o.SentinelUsername, o.SentinelPassword = u.take("sentinel_username"), u.take("sentinel_password")
	if o.MasterName == "" {
		return errors.New("redis-sentinel:// wants ?master=NAME")
	}
	return errors.Join(u.servers(o, "26379"), u.database(o, u.path))
}

func (u redisURL) cluster(o *redis.UniversalOptions) error {
	o.IsClusterMode = true
	if u.path != "" && u.path != "0" {
		return errors.New("a cluster has database 0 only")
	}
	return u.servers(o, "6379")
}

// servers reads the hosts, each with its port or the usual one.
func (u redisURL) servers(o *redis.UniversalOptions, port string) error {
	if len(u.hosts) == 0 {
		return errors.New("names no host")
	}
	for _, h := range u.hosts {
		addr, ok := hostPort(h, port)
		if !ok {
			return errors.New("a host is not host or host:port; encode / ? @ in a password as %2F %3F %40")
		}
		o.Addrs = append(o.Addrs, addr)
	}
	return nil
}

func (u redisURL) database(o *redis.UniversalOptions, path string) error {
	text := u.take("db")
	if path != "" {
		if text != "" {
			return errors.New("the database is given twice, in the path and as db")
		}
		text = path
	}
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return errors.New("the database is not a number: want …/0")
	}
	o.DB = int(n)
	return nil
}

func (u redisURL) security(o *redis.UniversalOptions) error {
	text := u.take("tls")
	on, err := strconv.ParseBool(text)
	if text != "" && err != nil {
		return errors.New("tls is not true or false")
	}
	if on || u.scheme == "rediss" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return nil
}

// take returns a parameter and removes it, so that what is left over is unknown.
func (u redisURL) take(name string) string {
	v := u.query[name]
	delete(u.query, name)
	return v
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
