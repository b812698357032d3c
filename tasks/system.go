package tasks

// System is what an operator wants to know of an installation beside its uploads.
type System struct {
	Leaders []Leader   `json:"leaders" nullable:"false"`
	Queues  []Queue    `json:"queues" nullable:"false"`
	Ledger  LedgerSize `json:"ledger"`
	// Warnings are what the process that answers finds wrong where it runs, in words.
	Warnings []string `json:"warnings" nullable:"false"`
}

// Leader is the process that does something alone, for all.
type Leader struct {
	Role   string `json:"role"` // as in dispatch, prune or probe
	Holder string `json:"holder"`
}

// Queue is how much lies in one queue of the belt.
type Queue struct {
	Name    string  `json:"name"`
	Pending int     `json:"pending"`
	Active  int     `json:"active"`
	Oldest  float64 `json:"oldest" doc:"Seconds that the oldest pending task has waited"`
	Paused  bool    `json:"paused,omitempty" doc:"Somebody paused it in Redis: nothing is taken out of it"`
}

// LedgerSize is how much room a ledger takes.
type LedgerSize struct {
	Bytes   int64 `json:"bytes"`
	Uploads int   `json:"uploads" doc:"Uploads that are kept"`
	// PerDay is about how many bytes a day like the last one adds.
	PerDay int64 `json:"bytes_per_day" doc:"About how much a day like the last one adds, before anything is pruned"`
}
