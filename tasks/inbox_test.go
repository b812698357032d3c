package tasks_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestBlind(t *testing.T) {
	t.Parallel()
	worker := func(name string, sights ...tasks.InboxSight) tasks.Process {
		return tasks.Process{Name: name, Role: tasks.RoleWorker, Inboxes: sights}
	}
	sees, blind := tasks.InboxSight{ID: "here"}, tasks.InboxSight{ID: "here", Reason: "no route"}
	elsewhere := tasks.InboxSight{ID: "there", Reason: "away"}
	serve := tasks.Process{Name: "s", Role: tasks.RoleServe, Inbox: &tasks.InboxPlace{ID: "here"}}
	for name, c := range map[string]struct {
		fleet   []tasks.Process
		reasons map[string]string
		all     bool
	}{
		"nobody works":               {[]tasks.Process{serve}, map[string]string{}, false},
		"one reads it":               {[]tasks.Process{serve, worker("a", sees)}, map[string]string{}, false},
		"one has not looked":         {[]tasks.Process{serve, worker("a", elsewhere)}, map[string]string{}, false},
		"one of two can't":           {[]tasks.Process{serve, worker("a", blind), worker("b", sees)}, map[string]string{"a": "no route"}, false},
		"one can't, one has to look": {[]tasks.Process{serve, worker("a", blind), worker("b")}, map[string]string{"a": "no route"}, false},
		"nobody can":                 {[]tasks.Process{serve, worker("a", elsewhere, blind), worker("b", blind)}, map[string]string{"a": "no route", "b": "no route"}, true},
	} {
		reasons, all := tasks.Blind(c.fleet, "here")
		if diff := cmp.Diff(c.reasons, reasons); diff != "" || all != c.all {
			t.Errorf("%s: all %t\n%s", name, all, diff)
		}
	}
}
