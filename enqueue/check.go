package enqueue

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// Check checks at start whether this Redis serves, with each primary of a cluster. It returns warnings for people. It
// returns Unavailable if Redis can't be reached, and Invalid for refused credentials, a read-only replica, or a version
// before 6.2, which is no longer maintained.
func (b *Belt) Check(ctx context.Context) ([]error, error) {
	var warnings []error
	err := EachPrimary(ctx, b.raw, func(ctx context.Context, node redis.Cmdable) error {
		w, err := checkServer(ctx, node)
		warnings = append(warnings, w...)
		return err
	})
	if err != nil {
		err = checkError(ctx, err)
	}
	slices.SortFunc(warnings, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return slices.CompactFunc(warnings, func(a, b error) bool { return a.Error() == b.Error() }), err
}

// EachPrimary calls do with each primary of a cluster, one at a time, or with c itself where that is no cluster: what SCAN, INFO
// and CONFIG tell is of one server. It returns the first error.
func EachPrimary(ctx context.Context, c redis.UniversalClient, do func(context.Context, redis.Cmdable) error) error {
	cluster, ok := c.(*redis.ClusterClient)
	if !ok {
		return do(ctx, c)
	}
	var one sync.Mutex
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		one.Lock()
		defer one.Unlock()
		return do(ctx, node)
	})
}

func checkServer(ctx context.Context, c redis.Cmdable) ([]error, error) {
	if err := c.Ping(ctx).Err(); err != nil {
		return nil, checkError(ctx, err)
	}
	text, err := c.Info(ctx).Result()
	if redis.HasErrorPrefix(err, "NOPERM") {
		return []error{tasks.Textf("Redis does not let this user run INFO, so its version and maxmemory-policy could not be checked")}, nil
	}
	if err != nil {
		return nil, checkError(ctx, err)
	}
	return judge(parseInfo(text))
}

// judge looks only at what the server tells: the embedded broker tells nothing, and managed ones hide some.
func judge(info map[string]string) ([]error, error) {
	if v := info["redis_version"]; v != "" && olderThan(v, 6, 2) {
		return nil, unfit("use Redis 6.2 or later, or Valkey", "Redis %s is too old, 6.2 is the oldest that serves", v)
	}
	if info["role"] == "slave" && info["slave_read_only"] != "0" {
		return nil, unfit("give the address of the primary, or let Sentinel name it", "this Redis is a read-only replica")
	}
	var warnings []error
	if p := info["maxmemory_policy"]; p != "" && p != "noeviction" {
		warnings = append(warnings, tasks.Textf("Redis has maxmemory-policy %s: it may drop queued tasks when its memory is full. They are found missing and sent again, but slowly; set it to noeviction", p))
	}
	used, _ := strconv.ParseInt(info["used_memory"], 10, 64)
	most, _ := strconv.ParseInt(info["maxmemory"], 10, 64)
	if most > 0 && used*10 >= most*9 {
		warnings = append(warnings, tasks.Textf("Redis uses %d%% of its maxmemory: when that is full nothing more goes to the workers, and uploads wait until there is room. Raise maxmemory, or see what else fills it", used*100/most))
	}
	return warnings, nil
}

// checkError returns Invalid for what an operator must mend, and Unavailable for what may mend itself.
func checkError(ctx context.Context, err error) error {
	var known *tasks.Error
	if errors.As(err, &known) {
		return err
	}
	for _, refused := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH", "ERR invalid password", "ERR Client sent AUTH"} {
		if redis.HasErrorPrefix(err, refused) {
			return unfit("check the user name and password of the Redis URL", "Redis refuses the credentials: %v", err)
		}
	}
	var untrusted *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.As(err, &untrusted):
		return unfit("set redis_tls.ca_file to the certificate of the authority that signed it, and name the server as its certificate does", "the certificate of Redis is not trusted: %v", err)
	case errors.As(err, &op) && op.Op == "remote error": // an alert of TLS
		return unfit("set redis_tls.cert_file and redis_tls.key_file to a client certificate that Redis trusts", "Redis refuses this process: %v", err)
	}
	return beltError(ctx, "check redis", err)
}

func unfit(hint, format string, args ...any) error {
	return &tasks.Error{Code: tasks.Invalid, Op: "check redis", Err: tasks.Textf(format, args...), Hint: hint}
}

func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[k] = v
		}
	}
	return info
}

// olderThan reports whether version, as in "7.0.15", is before major.minor. One that can't be read is not.
func olderThan(version string, major, minor int) bool {
	a, rest, _ := strings.Cut(version, ".")
	b, _, _ := strings.Cut(rest, ".")
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX != nil || errY != nil {
		return false
	}
	return x < major || x == major && y < minor
}
