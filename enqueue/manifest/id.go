package manifest

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// names is the namespace of ExternalID's UUIDs. It must never change: the same files would become other uploads.
var names = uuid.UUID{0x9d, 0x5c, 0x2f, 0x6e, 0x1b, 0x0a, 0x4c, 0x73, 0x8e, 0x41, 0x3a, 0x57, 0xd0, 0x2b, 0x96, 0xc4}

// ExternalID returns a name for a row without one, so that the same folder or manifest means the same uploads when it is
// given again. The name is a UUIDv5 of the producer, the account, the media type, the source, and the source's size and
// ETag or time. A changed file is another upload. The row must have its Type, Size, Modified and ETag. Two rows for one
// file get the same name; ids of their own tell them apart.
func ExternalID(producer, realm, appid string, r Row) string {
	look := r.ETag
	if look == "" && !r.Modified.IsZero() {
		look = strconv.FormatInt(r.Modified.UnixNano(), 10)
	}
	// No part of it can hold a NUL byte.
	all := strings.Join([]string{producer, realm, appid, string(r.Upload.Type), r.Upload.Source, strconv.FormatInt(r.Size, 10), look}, "\x00")
	return uuid.NewSHA1(names, []byte(all)).String()
}
