package tasks

// Window is how many uploads may be on the belt or running at once, for each priority. Zero lets none through.
type Window struct {
	Bulk        int
	Interactive int
}
