package cli

import (
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// inboxes names the workers that can't read the files which came over HTTP to a living process, and why.
func (d *doctor) inboxes(ps []tasks.Process) {
	const check = "inbox"
	n, found := 0, false
	for _, p := range ps {
		if p.Inbox == nil {
			continue
		}
		n++
		reasons, all := tasks.Blind(ps, p.Inbox.ID)
		for _, name := range slices.Sorted(maps.Keys(reasons)) {
			found = true
			d.bad(check, words.Fail("doctor.blind", "Worker", name, "Process", p.Name, "Host", p.Host, "Why", reasons[name]), d.advise("doctor.inbox_reach"))
		}
		if all {
			d.bad(check, words.Fail("doctor.all_blind", "Process", p.Name), d.advise("doctor.inbox_reach"))
		}
	}
	if n > 0 && !found {
		d.good(check, "doctor.inbox", "Count", n)
	}
}
