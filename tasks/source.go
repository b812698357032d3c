package tasks

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Source is a parsed Upload.Source. The kinds are written like this:
//
//	2026/cover.jpg              below the storage root
//	file:2026/cover%FF.jpg      the same, where the name is not UTF-8 or would read as a URL; percent-escaped
//	file:///home/li/photos#a/b  below a folder that a person named on the command line; both parts percent-escaped
//	s3://bucket/key             an object; the key is taken as it is
//	inbox:1f0c…/li/9a7e…/a.jpg  a file that the producer li sent over HTTP; percent-escaped
//
// Schemes are lower-case: a text that does not begin with "file://" is never a local source.
type Source struct {
	// Bucket is set for an object, and only for one.
	Bucket string
	// Root is the absolute folder of a local source, and empty for all others. Only the command line may submit such a
	// source.
	Root string
	// Inbox is the ID of the inbox that holds a file which came over HTTP, and empty for all others. Path then begins
	// with the name of the file's producer.
	Inbox string
	// Path is a clean slash path without "..", relative to the storage root, to Root ("." is that folder itself) or to
	// the inbox, or the object's key, which may be empty for a whole bucket. Its bytes need not be UTF-8.
	Path string
}

// Entry is one file or object that a listing found.
type Entry struct {
	Source   string    // submit it as Upload.Source
	Name     string    // slash path below what was listed; its bytes need not be UTF-8
	Size     int64     // bytes
	Modified time.Time // zero: the storage does not say
	ETag     string    // the object's entity tag; empty for a folder's file
	Identity string    // see File.Identity
}

// ParseSource parses a source. It returns Denied for one that would leave its root ("..", an absolute path), and Invalid
// for any other text that is not a source. It does not look at the storage.
func ParseSource(s string) (Source, error) {
	rest, isFile := strings.CutPrefix(s, "file:")
	switch {
	case s == "":
		return Source{}, invalidSource("it is empty")
	case strings.HasPrefix(s, "s3://"):
		return parseObject(strings.TrimPrefix(s, "s3://"))
	case strings.HasPrefix(s, inboxScheme):
		return parseInbox(strings.TrimPrefix(s, inboxScheme))
	case isFile && strings.HasPrefix(rest, "//"):
		return parseLocal(strings.TrimPrefix(rest, "//"))
	case isFile:
		p, err := url.PathUnescape(rest)
		if err != nil || p == "" {
			return Source{}, invalidSource("what follows file: is not a percent-escaped path")
		}
		return parsePath(p)
	case !utf8.ValidString(s):
		return Source{}, invalidSource("it is not UTF-8: write it percent-escaped after file:")
	case hasScheme(s):
		return Source{}, invalidSource("%q is neither a path nor an s3: or file: source; a name with a colon is written after file:", clip(s))
	}
	return parsePath(s)
}

// PathSource returns the source of a path below the storage root. The path may have any bytes.
func PathSource(p string) (Source, error) {
	if p == "" {
		return Source{}, invalidSource("it is empty")
	}
	return parsePath(p)
}

// String writes s so that ParseSource reads it back: always valid UTF-8, and one text for one source.
func (s Source) String() string {
	switch {
	case s.Bucket != "":
		return "s3://" + s.Bucket + "/" + s.Path
	case s.Root != "":
		return "file://" + escapePath(s.Root) + "#" + escapePath(s.Path)
	case s.Inbox != "":
		return inboxScheme + s.Inbox + "/" + escapePath(s.Path)
	case utf8.ValidString(s.Path) && !hasScheme(s.Path):
		return s.Path
	}
	return "file:" + escapePath(s.Path)
}

// Local reports whether s lies in a folder that a person named, and not under the storage root.
func (s Source) Local() bool { return s.Root != "" }

const inboxScheme = "inbox:"

// Owner returns the producer of a file in an inbox. Only that producer may submit it. For all other sources it returns "".
func (s Source) Owner() string {
	if s.Inbox == "" {
		return ""
	}
	owner, _, _ := strings.Cut(s.Path, "/")
	return owner
}

// parseInbox reads "ID/producer/folder/name": nothing of it can be left out, and none of it is "." or "..".
func parseInbox(s string) (Source, error) {
	const parts = 4
	p, err := url.PathUnescape(s)
	if err != nil || strings.ContainsRune(p, 0) || strings.Count(p, "/") != parts-1 {
		return Source{}, invalidSource("what follows inbox: is what POST /v1/files answered")
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." {
			return Source{}, invalidSource("what follows inbox: is what POST /v1/files answered")
		}
	}
	id, rest, _ := strings.Cut(p, "/")
	if owner, _, _ := strings.Cut(rest, "/"); !ValidName(id) || !ValidName(owner) {
		return Source{}, invalidSource("what follows inbox: is what POST /v1/files answered")
	}
	return Source{Inbox: id, Path: rest}, nil
}

func parsePath(p string) (Source, error) {
	clean, err := cleanPath(p)
	return Source{Path: clean}, err
}

func parseLocal(s string) (Source, error) {
	escapedRoot, escapedPath, found := strings.Cut(s, "#")
	root, errRoot := url.PathUnescape(escapedRoot)
	rel, errRel := url.PathUnescape(escapedPath)
	if !found || errRoot != nil || errRel != nil || rel == "" || !path.IsAbs(root) || strings.ContainsRune(root, 0) {
		return Source{}, invalidSource("a local source is written file:///absolute/folder#path/below/it, both percent-escaped")
	}
	clean, err := cleanPath(rel)
	if err != nil {
		return Source{}, err
	}
	return Source{Root: path.Clean(root), Path: clean}, nil
}

func parseObject(s string) (Source, error) {
	bucket, key, _ := strings.Cut(s, "/")
	if !validBucket(bucket) {
		return Source{}, invalidSource("%q is not the name of a bucket", clip(bucket))
	}
	if !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return Source{}, invalidSource("an object's key is UTF-8 without NUL bytes")
	}
	return Source{Bucket: bucket, Path: key}, nil
}

func cleanPath(p string) (string, error) {
	if path.IsAbs(p) {
		return "", deniedSource("the path is absolute: give it relative to the storage root")
	}
	if strings.ContainsRune(p, 0) {
		return "", invalidSource("it has a NUL byte")
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return "", deniedSource(`the path has "..": it may not leave its folder`)
		}
	}
	return path.Clean(p), nil
}

// validBucket is wider than today's rules, since older buckets have capitals and underscores.
func validBucket(s string) bool {
	if len(s) < 3 || len(s) > 255 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	})
}

// hasScheme reports whether s begins like a URL: a letter, then letters, digits, "+", "-" or ".", then a colon.
func hasScheme(s string) bool {
	scheme, _, found := strings.Cut(s, ":")
	if !found || scheme == "" {
		return false
	}
	for i, c := range []byte(scheme) {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return true
}

// escapePath escapes bytes that are not UTF-8, characters that are not graphic, and characters with a meaning of their own in
// a file: source.
func escapePath(p string) string {
	var b strings.Builder
	for len(p) > 0 {
		r, n := utf8.DecodeRuneInString(p)
		broken := r == utf8.RuneError && n == 1
		if broken || r == '%' || r == '#' || r == '?' || r == ' ' || !unicode.IsGraphic(r) {
			for _, c := range []byte(p[:n]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(p[:n])
		}
		p = p[n:]
	}
	return b.String()
}

func invalidSource(format string, args ...any) error {
	return &Error{Code: Invalid, Op: "read source", Err: Textf(format, args...)}
}

func deniedSource(format string, args ...any) error {
	return &Error{Code: Denied, Op: "read source", Err: Textf(format, args...)}
}

// Display shows s to people. It escapes control and direction characters, which could harm a terminal, and bytes that are
// not UTF-8.
func (s Source) Display() string {
	switch {
	case s.Bucket != "":
		return "s3://" + s.Bucket + "/" + showable(s.Path)
	case s.Root != "":
		return showable(path.Join(s.Root, s.Path))
	}
	return showable(s.Path)
}

func showable(p string) string {
	var b strings.Builder
	for len(p) > 0 {
		r, n := utf8.DecodeRuneInString(p)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, p[0])
		case unicode.IsGraphic(r):
			b.WriteString(p[:n])
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		p = p[n:]
	}
	return b.String()
}
