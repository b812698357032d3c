package media

import "github.com/mediaferry/mediaferry/tasks"

// Fits reports, before a byte is read, whether a file of so many bytes can be an upload of type t: TooLarge if not.
func (l Limits) Fits(t tasks.MediaType, bytes int64) error {
	return named(l.refuseSize(tasks.Content{Type: t, Size: bytes}), "check "+string(t))
}

// maxFixable is the largest picture that Fix is given: six times what WeChat takes, more than cameras write as JPEG.
const maxFixable = 64 << 20

// Fixable is the largest source, in bytes, that Fix may make fit as t; 0 where it never can.
func (l Limits) Fixable(t tasks.MediaType) int64 {
	if isPicture(t) {
		return maxFixable
	}
	return 0
}
