package metrics

// The bounds of the histograms, in seconds: from what is usual on a quiet machine to what a busy one makes of it. One run was
// measured, of pictures of 15 to 600 KB on SQLite beside twenty other programs: opens, reads and validations took from 0.1 ms
// to 30 s, uploads from 2.5 ms to 30 s, records from 25 ms to 60 s, round trips to the broker from 0.1 ms to over 10 s.
//
//nolint:gochecknoglobals // tables
var (
	stageBuckets    = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 240}
	tryBuckets      = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 240}
	queueBuckets    = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400}
	deliveryBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15}
	callBuckets     = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
)
