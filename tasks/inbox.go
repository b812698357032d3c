package tasks

import "slices"

// InboxPlace is where a process keeps the files that come to it over HTTP.
type InboxPlace struct {
	ID string `json:"id"`
	// URL is where other processes ask for the files. Empty: they can't, and read the folder itself.
	URL string `json:"url,omitempty"`
}

// InboxSight is whether a worker can read the files of an inbox.
type InboxSight struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"` // why not; empty: it can
}

// sees returns the process's view of an inbox, and whether it has looked.
func (p Process) sees(inbox string) (InboxSight, bool) {
	i := slices.IndexFunc(p.Inboxes, func(s InboxSight) bool { return s.ID == inbox })
	if i < 0 {
		return InboxSight{}, false
	}
	return p.Inboxes[i], true
}

// Blind returns, by the names of the living workers that can't read an inbox, the reasons why, and whether that is every
// living worker. A worker that has not looked yet counts among those that can.
func Blind(ps []Process, inbox string) (reasons map[string]string, all bool) {
	reasons, all = map[string]string{}, true
	for _, p := range ps {
		if !p.Role.Carries() {
			continue
		}
		if s, looked := p.sees(inbox); looked && s.Reason != "" {
			reasons[p.Name] = s.Reason
		} else {
			all = false
		}
	}
	return reasons, all && len(reasons) > 0
}
