package config

import (
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// kind is a kind of text: what it must look like, in words and in code.
type kind struct {
	want *tasks.Text
	ok   func(string) bool
}

// kinds are the values of the tag check.
var kinds = map[string]kind{
	"name":          {tasks.Textf("a name of 1 to 64 of a-z A-Z 0-9 . _ -"), tasks.ValidName},
	"word":          {tasks.Textf("a text without white space"), isWord},
	"path":          {tasks.Textf("a path"), func(s string) bool { return strings.TrimSpace(s) != "" }},
	"redis":         {tasks.Textf("embedded, redis://, rediss://, unix://, redis-sentinel:// or redis-cluster://"), func(string) bool { return true }}, // parseRedisURL knows more
	"ledger":        {tasks.Textf("sqlite:PATH or postgres://…"), isLedger},
	"listen":        {tasks.Textf("host:port, as in 127.0.0.1:8080"), isListen},
	"listen or off": {tasks.Textf("host:port, as in 127.0.0.1:9464, or off"), func(s string) bool { return s == MetricsOff || isListen(s) }},
	"key32":         {tasks.Textf("32 bytes, as 64 hex digits or base64"), func(s string) bool { return key32(s) != nil }},
	"baseurl":       {tasks.Textf("an https URL without path"), isBaseURL},
	"http":          {tasks.Textf("an http or https URL"), func(s string) bool { return isURL(s, "http", "https") }},
	"hook":          {tasks.Textf("an http or https URL without user name or password"), isHook},
	"proxy":         {tasks.Textf("an http, https or socks5 URL"), func(s string) bool { return isURL(s, "http", "https", "socks5", "socks5h") }},
	"header":        {tasks.Textf("a header as Name: value"), isHeader},
	"errcode":       {tasks.Textf("errcodes with one of %s", strings.Join(errcodeClasses, ", ")), func(s string) bool { return slices.Contains(errcodeClasses, s) }},
	"zone":          {tasks.Textf("a time zone as in Asia/Shanghai"), func(s string) bool { _, err := time.LoadLocation(s); return err == nil && s != "Local" }},
	"whsec":         {tasks.Textf("whsec_ and the base64 of 24 to 64 bytes"), isWebhookSecret},
	"net":           {tasks.Textf("a host, an address or a CIDR"), isNet},
	"host":          {tasks.Textf("a host, or *.domain"), tasks.ValidCallbackHost},
	"apikey":        {tasks.Textf("at least 16 characters without white space"), func(s string) bool { return isWord(s) && len(s) >= 16 }},
	"sha256":        {tasks.Textf("sha256: and 64 hex digits"), func(s string) bool { _, err := tasks.ParseKeyHash(s); return err == nil }},
	"source":        {tasks.Textf("a prefix like folder/ or s3://bucket/prefix"), tasks.ValidGrant},
	"passthrough":   {tasks.Textf("a path below /cgi-bin/ as in message/custom/send, but none that gives tokens or that the drop-in endpoint answers itself"), isPassthrough},
	"bucket":        {tasks.Textf("the name of a bucket"), func(s string) bool { return tasks.ValidName(s) && len(s) >= 3 }},
}

// errcodeClasses are the codes that an errcode can be given.
var errcodeClasses = []string{
	string(tasks.Temporary), string(tasks.TokenRefused), string(tasks.MinuteLimit), string(tasks.DailyLimit),
	string(tasks.Rejected), string(tasks.Defect), string(tasks.AccountHeld), string(tasks.Unknown),
}

func isWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xa0 || r == 0x3000 })
}

// isPassthrough takes the exact path of one call. One that gives tokens would give away the account.
func isPassthrough(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || strings.Contains(part, "token") || strings.ContainsFunc(part, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }) {
			return false
		}
	}
	return s != "media/upload"
}

func isLedger(s string) bool {
	if path, ok := strings.CutPrefix(s, "sqlite:"); ok {
		return path != "" && !strings.HasPrefix(path, "//")
	}
	return isURL(s, "postgres", "postgresql")
}

func isListen(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func isURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && slices.Contains(schemes, u.Scheme) && (u.Host != "" || strings.HasPrefix(u.Scheme, "postgres")) && isWord(s)
}

func isHook(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.User == nil && isURL(s, "http", "https")
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" // problems knows which hosts may be called so
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

func isHeader(s string) bool {
	name, value, ok := strings.Cut(s, ":")
	return ok && name != "" && isWord(name) && strings.TrimSpace(value) != "" && !strings.ContainsAny(s, "\r\n")
}

func isWebhookSecret(s string) bool {
	text, ok := strings.CutPrefix(s, "whsec_")
	b, err := base64.StdEncoding.DecodeString(text)
	return ok && err == nil && len(b) >= 24 && len(b) <= 64
}

func isNet(s string) bool {
	_, notAddress := netip.ParseAddr(s)
	_, notCIDR := netip.ParsePrefix(s)
	return notAddress == nil || notCIDR == nil || tasks.ValidCallbackHost(s) && !strings.ContainsAny(s, ":*")
}

// key32 decodes 32 bytes from hex or any base64. It returns nil if s is neither.
func key32(s string) []byte {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return b
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	if b, err := base64.RawStdEncoding.DecodeString(standard); err == nil && len(b) == 32 {
		return b
	}
	return nil
}
