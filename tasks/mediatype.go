package tasks

import (
	"strings"
)

// MediaType is WeChat's type parameter.
type MediaType string

// The four types that WeChat takes.
const (
	Image MediaType = "image"
	Voice MediaType = "voice"
	Video MediaType = "video"
	Thumb MediaType = "thumb"
)

// MediaTypes lists them in the order of WeChat's own document.
var MediaTypes = [...]MediaType{Image, Voice, Video, Thumb}

// ParseMediaType reads a media type as people write it. It returns Invalid for anything else.
func ParseMediaType(s string) (MediaType, error) {
	for _, t := range MediaTypes {
		if string(t) == s {
			return t, nil
		}
	}
	return "", &Error{Code: Invalid, Op: "read media type", Err: Textf("%q is not one of image, voice, video, thumb", clip(s))}
}

// Priority chooses the queue of an upload, and so the slots that it may use.
type Priority int8

// Bulk work shares its slots fairly. Interactive work has slots and memory of its own, so that bulk work never delays it.
const (
	Bulk        Priority = 0
	Interactive Priority = 1
)

// String returns "bulk" or "interactive".
func (p Priority) String() string {
	if p == Interactive {
		return "interactive"
	}
	return "bulk"
}

// MarshalText encodes String.
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads "bulk", "interactive" or "" (bulk).
func (p *Priority) UnmarshalText(b []byte) error {
	switch strings.TrimSpace(string(b)) {
	case "", "bulk":
		*p = Bulk
	case "interactive":
		*p = Interactive
	default:
		return Textf("priority %q is not one of bulk, interactive", clip(string(b)))
	}
	return nil
}
