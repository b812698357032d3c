package tasks

import "time"

// SourceUse is how the uploads of one source stand.
type SourceUse struct {
	Uploads  int
	Open     int // without an outcome
	Failed   int
	Finished time.Time // when the last of them ended; zero: none did
}
