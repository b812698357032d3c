package metrics

// The bounds of the histograms, in seconds. They hold what was measured: one process, SQLite, 500 pictures of 15 to 600 KB to
// the sandbox, on two cores and a disk that twenty other programs kept busy. Half of the opens, reads, validations and tokens
// took less than 0.25 ms, and the slowest reads 30 s. Uploads took 2.5 ms to 30 s, records 25 ms to 60 s, whole tries 50 ms to
// 60 s. Half of the round trips to the broker took 50 ms, the fastest 0.1 ms, a few more than 10 s: then the caller gives up.
//
//nolint:gochecknoglobals // tables
var (
	stageBuckets    = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 240}
	tryBuckets      = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 240}
	queueBuckets    = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400}
	deliveryBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15}
	callBuckets     = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
)
