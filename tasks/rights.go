package tasks

import (
	"path"
	"slices"
	"strings"
)

// Rights bound what a producer may submit, and how much. The zero value allows everything except buckets.
type Rights struct {
	Accounts      []string `json:"accounts,omitempty"`       // accounts that it may submit to; empty: all
	Sources       []string `json:"sources,omitempty"`        // see ValidGrant; empty: the whole storage root, no bucket
	CallbackHosts []string `json:"callback_hosts,omitempty"` // hosts that its callback URLs may name, see ValidCallbackHost; empty: any
	RatePerMinute int      `json:"rate_per_minute,omitzero"` // uploads; 0: unlimited
	DailyBudget   int      `json:"daily_budget,omitzero"`    // uploads a day, which begins at midnight in Asia/Shanghai; 0: unlimited
	// BulkOnly refuses interactive priority.
	BulkOnly bool `json:"bulk_only,omitempty"`
}

// GrantAll grants every source that the workers can read: the whole storage root and all buckets.
const GrantAll = "*"

// MayUse reports whether the rights allow uploads to an account.
func (r Rights) MayUse(account string) bool {
	return len(r.Accounts) == 0 || slices.Contains(r.Accounts, account)
}

// MayRead reports whether the rights allow a source, and returns the widest grant that it lies in. The grant is "" for the
// whole storage root or bucket. An object whose key has a part "." or ".." needs GrantAll. MayRead does not judge sources
// in an inbox or in a person's own folder.
func (r Rights) MayRead(s Source) (grant string, ok bool) {
	if len(r.Sources) == 0 {
		return "", s.Bucket == ""
	}
	for _, g := range r.Sources {
		switch {
		case g == GrantAll:
			return "", true
		case grantCovers(g, s) && (!ok || len(g) < len(grant)):
			grant, ok = g, true
		}
	}
	return grant, ok
}

// grantCovers reports whether s is at grant or below it: "a/b" grants a/b and a/b/c, but not a/bc.
func grantCovers(grant string, s Source) bool {
	_, _, ok := s.Below(grant)
	return ok
}

// Below splits the path of s into the folder that a grant names and what follows, as MayRead returned the grant: the empty
// one names the whole storage root or bucket, as folder ".". Where the grant names the file itself, folder is the one
// that it lies in. ok is false for a source that the grant does not cover.
func (s Source) Below(grant string) (folder, rest string, ok bool) {
	if grant == "" {
		return ".", s.Path, true
	}
	bucket, prefix := "", grant
	if key, isObject := strings.CutPrefix(grant, "s3://"); isObject {
		bucket, prefix, _ = strings.Cut(key, "/")
	} else {
		prefix = path.Clean(prefix)
	}
	if s.Bucket != bucket || s.Local() || s.Inbox != "" || bucket != "" && climbs(s.Path) {
		return "", "", false
	}
	prefix = strings.TrimSuffix(prefix, "/")
	switch rest, below := strings.CutPrefix(s.Path, prefix+"/"); {
	case prefix == "" || prefix == ".":
		return ".", s.Path, true
	case s.Path == prefix:
		return path.Dir(prefix), path.Base(prefix), true
	case below:
		return prefix, rest, true
	}
	return "", "", false
}

// climbs reports whether a key would lead elsewhere if it were read as a path, as some gateways do.
func climbs(key string) bool {
	for part := range strings.SplitSeq(key, "/") {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// MayCall reports whether the rights allow callback URLs to name a host.
func (r Rights) MayCall(host string) bool {
	host = strings.ToLower(host)
	return len(r.CallbackHosts) == 0 || slices.ContainsFunc(r.CallbackHosts, func(grant string) bool {
		grant = strings.ToLower(grant)
		domain, wild := strings.CutPrefix(grant, "*")
		return host == grant || wild && strings.HasPrefix(domain, ".") && strings.HasSuffix(host, domain)
	})
}

// ValidGrant reports whether s can grant sources: folder/ or a path below the storage root, s3://bucket or
// s3://bucket/prefix, or * for all of them.
func ValidGrant(s string) bool {
	if s == GrantAll {
		return true
	}
	src, err := ParseSource(s)
	return err == nil && !src.Local() && src.Inbox == "" && !strings.HasPrefix(s, "file:") && !strings.ContainsAny(s, "*?")
}

// ValidCallbackHost reports whether s is the name or address of a host, without a port, or *.domain for all hosts below
// a domain.
func ValidCallbackHost(s string) bool {
	name := strings.TrimPrefix(s, "*.")
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" && !strings.Contains(name, ":") {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '_', r == ':':
			return false
		}
		return true
	})
}

// Validate reports everything that is wrong with the rights, as one Invalid error that names the fields. It does not check
// whether the accounts exist.
func (r Rights) Validate() error {
	var f faults
	for _, a := range r.Accounts {
		if !ValidName(a) {
			f.reject("accounts", "%q is not the name of an account", clip(a))
		}
	}
	for _, s := range r.Sources {
		if !ValidGrant(s) {
			f.reject("sources", "%q is not a prefix like folder/ or s3://bucket/prefix", clip(s))
		}
	}
	for _, h := range r.CallbackHosts {
		if !ValidCallbackHost(h) {
			f.reject("callback_hosts", "%q is neither a host nor *.domain", clip(h))
		}
	}
	if r.RatePerMinute < 0 {
		f.reject("rate_per_minute", "%d is less than 0", r.RatePerMinute)
	}
	if r.DailyBudget < 0 {
		f.reject("daily_budget", "%d is less than 0", r.DailyBudget)
	}
	return f.error("check rights")
}
