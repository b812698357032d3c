package tasks

import "time"

// SourceUse counts the uploads of one source.
type SourceUse struct {
	Uploads  int
	Open     int // without an outcome
	Failed   int
	Kept     int       // whose media is kept alive from this source
	Finished time.Time // when the last of them ended; zero: all are open
}
