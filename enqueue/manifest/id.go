package manifest

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// names is the namespace of ExternalID's UUIDs. It must never change: the same files would be submitted anew.
var names = uuid.UUID{0x9d, 0x5c, 0x2f, 0x6e, 0x1b, 0x0a, 0x4c, 0x73, 0x8e, 0x41, 0x3a, 0x57, 0xd0, 0x2b, 0x96, 0xc4}

// ExternalID names a row that has no name of its own, so that the same folder or manifest given again means the same
// uploads: a UUIDv5 of the producer, the account behind it, the media type, the source, and what the source looks
// like (its size, and its ETag or else its time). A file that was changed is another upload. The row's Type must be
// decided and its Size, Modified and ETag known by then. Two rows for one file share a name: give them ids to tell
// them apart.
func ExternalID(producer, realm, appid string, r Row) string {
	look := r.ETag
	if look == "" && !r.Modified.IsZero() {
		look = strconv.FormatInt(r.Modified.UnixNano(), 10)
	}
	// No part of it can hold a NUL byte.
	all := strings.Join([]string{producer, realm, appid, string(r.Upload.Type), r.Upload.Source, strconv.FormatInt(r.Size, 10), look}, "\x00")
	return uuid.NewSHA1(names, []byte(all)).String()
}
