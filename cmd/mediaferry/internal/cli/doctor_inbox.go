package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/handover"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
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
			d.bad(check, fmt.Errorf("%s can't read the files sent to %s on %s: %s", name, p.Name, p.Host, reasons[name]), handover.Hint)
		}
		if all {
			d.bad(check, fmt.Errorf("%s refuses files that are sent over HTTP: no worker can read them", p.Name), handover.Hint)
		}
	}
	if n > 0 && !found {
		d.good(check, "no worker says that it can't read the files sent to %s", output.Count(n, "process", "processes"))
	}
}
