package api

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Identity is who calls: the name that its uploads carry, and what it may do.
type Identity struct {
	Name string
	Role tasks.Role
	tasks.Rights

	key tasks.Hash // of the key it came with
}

func identityOf(k tasks.Key) Identity {
	return Identity{Name: k.Name, Role: k.Role, Rights: k.Rights, key: k.Hash}
}

// staff reports whether the caller is shown what belongs to others.
func (i Identity) staff() bool { return i.Role == tasks.RoleOperator || i.Role == tasks.RoleViewer }

// sees returns whose things the caller is shown: its own, or with "" everybody's.
func (i Identity) sees() string {
	if i.staff() {
		return ""
	}
	return cmp.Or(i.Name, nobody)
}

// owns reports whether something of that producer exists for the caller.
func (i Identity) owns(producer string) bool { return i.staff() || i.sees() == producer }

// nobody is the name of no producer.
const nobody = "\x00"

type identityKey struct{}

func withIdentity(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// caller returns who calls. Without one it is somebody whom no route is for and who owns nothing.
func caller(ctx context.Context) Identity {
	i, _ := ctx.Value(identityKey{}).(Identity)
	return i
}

// may reports whether the rights allow u, which has its account filled in.
func (i Identity) may(u tasks.Upload) error {
	switch {
	case !i.mayUse(u.Account):
		return refused("account: this key may not submit to %q", u.Account)
	case u.Priority == tasks.Interactive && i.BulkOnly:
		return refused("priority: this key may submit bulk uploads only")
	}
	if err := i.mayRead(u.Source); err != nil {
		return err
	}
	return i.mayCall(u.CallbackURL)
}

func (i Identity) mayUse(account string) bool {
	return len(i.Accounts) == 0 || slices.Contains(i.Accounts, account)
}

// mayRead reports whether a source lies in one of the granted places. What is no source at all is left to Validate.
func (i Identity) mayRead(source string) error {
	s, err := tasks.ParseSource(source)
	if err != nil {
		return nil //nolint:nilerr // the front door refuses it with the better words
	}
	switch {
	case s.Inbox != "": // the front door looks whose it is
		return nil
	case len(i.Sources) == 0 && s.Bucket == "":
		return nil
	}
	for _, grant := range i.Sources {
		if lies(s, grant) {
			return nil
		}
	}
	return refused("source: this key may not submit from there")
}

// lies reports whether s is at grant or below it: "a/b" grants a/b and a/b/c, but not a/bc.
func lies(s tasks.Source, grant string) bool {
	bucket, prefix := "", grant
	if rest, ok := strings.CutPrefix(grant, "s3://"); ok {
		bucket, prefix, _ = strings.Cut(rest, "/")
	}
	if s.Bucket != bucket || s.Local() {
		return false
	}
	if bucket == "" {
		prefix = path.Clean(prefix)
	}
	prefix = strings.TrimSuffix(prefix, "/")
	return prefix == "" || prefix == "." || s.Path == prefix || strings.HasPrefix(s.Path, prefix+"/")
}

func (i Identity) mayCall(callback string) error {
	if callback == "" || len(i.CallbackHosts) == 0 {
		return nil
	}
	u, err := url.Parse(callback)
	if err != nil {
		return nil //nolint:nilerr // Validate refuses it with the better words
	}
	host := strings.ToLower(u.Hostname())
	for _, grant := range i.CallbackHosts {
		grant = strings.ToLower(grant)
		domain, wild := strings.CutPrefix(grant, "*")
		if host == grant || wild && strings.HasSuffix(host, domain) {
			return nil
		}
	}
	return refused("callback_url: this key may not name the host %q", host)
}

// refused says that the caller's rights don't go so far. In a batch it refuses the one row.
func refused(format string, args ...any) error {
	return &tasks.Error{Code: tasks.Denied, Op: "check rights", Err: fmt.Errorf(format, args...), Hint: "ask the operator for a key with that right"}
}
