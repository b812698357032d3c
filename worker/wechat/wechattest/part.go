package wechattest

import (
	"bytes"
	"strings"
)

// part is the head of one part of a form.
type part struct {
	name        string
	filename    string
	hasFilename bool
	star        bool // it says filename*=
}

// usable reports why a part named media is no media.
func (p part) usable() error {
	switch {
	case p.star:
		return errStarName
	case !p.hasFilename || p.filename == "":
		return errNoFilename
	}
	return nil
}

// nextPart reads the head lines at the beginning of b, up to and with the empty line after them.
func nextPart(b []byte) (part, []byte, error) {
	var p part
	seen := false
	for size := 0; size <= maxHead; {
		line, rest, found := bytes.Cut(b, []byte("\r\n"))
		if !found || len(line) > maxHead {
			return part{}, nil, errHead
		}
		size += len(line) + 2
		b = rest
		if len(line) == 0 {
			if !seen {
				return part{}, nil, errHead
			}
			return p, b, nil
		}
		name, value, err := headLine(line)
		if err != nil {
			return part{}, nil, err
		}
		if !strings.EqualFold(name, "Content-Disposition") {
			continue
		}
		if seen {
			return part{}, nil, errHead
		}
		seen = true
		if p, err = disposition(value); err != nil {
			return part{}, nil, err
		}
	}
	return part{}, nil, errHead
}

// headLine splits "Name: value". No space may stand before the colon, no control character anywhere.
func headLine(line []byte) (name, value string, err error) {
	if bytes.ContainsAny(line, "\x00\r\n") {
		return "", "", errHead
	}
	name, value, found := strings.Cut(string(line), ":")
	if !found || name == "" || strings.ContainsAny(name, " \t\"") {
		return "", "", errHead
	}
	return name, strings.TrimSpace(value), nil
}

// disposition reads `form-data; name="media"; filename="a.jpg"; filelength=6`.
func disposition(s string) (part, error) {
	rest, found := strings.CutPrefix(s, "form-data")
	if !found {
		return part{}, errDisposition
	}
	var p part
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			break
		}
		if rest, found = strings.CutPrefix(rest, ";"); !found {
			return part{}, errDisposition
		}
		key, after, found := strings.Cut(strings.TrimLeft(rest, " \t"), "=")
		if !found {
			return part{}, errDisposition
		}
		var value string
		var quoted, whole bool
		if value, rest, quoted, whole = paramValue(after); !whole {
			return part{}, errDisposition
		}
		if !p.set(key, value, quoted) {
			return part{}, errDisposition
		}
	}
	if p.name == "" {
		return part{}, errDisposition
	}
	return p, nil
}

// set takes in one parameter, and reports false where it is one that must be quoted and isn't, or comes twice.
func (p *part) set(key, value string, quoted bool) bool {
	switch strings.ToLower(key) {
	case "name":
		again := p.name != ""
		p.name = value
		return quoted && !again
	case "filename":
		again := p.hasFilename
		p.filename, p.hasFilename = baseName(value), true
		return quoted && !again
	case "filename*":
		p.star = true
	}
	return true
}

// paramValue reads a quoted or plain value and returns what follows it.
func paramValue(s string) (value, rest string, quoted, whole bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, "; \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], false, end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true, true
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", true, false
}

// baseName drops the folders that some clients send along.
func baseName(s string) string {
	return s[strings.LastIndexAny(s, `/\`)+1:]
}
