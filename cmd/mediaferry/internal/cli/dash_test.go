package cli

import (
	"strings"
	"testing"
)

func TestShieldIDs(t *testing.T) {
	t.Parallel()
	id := "-" + strings.Repeat("aB3_-", 13)
	for line, want := range map[string]string{
		"explain -1":                      "explain -- -1",
		"explain --output json -1":        "explain --output json -- -1",
		"explain -o json -1":              "explain -o json -- -1",
		"media forget " + id:              "media forget -- " + id,
		"media forget --account a -" + id: "media forget --account a -- -" + id,
		"media forget --account " + id:    "media forget --account " + id,
		"media forget -- " + id:           "media forget -- " + id,
		"media forget x " + id + " y":     "media forget x y -- " + id,
		"retry --again --yes abc":         "retry --again --yes abc",
		"show -v abc":                     "show -v abc",
		"list --limit -1":                 "list --limit -1",
		"show -abc":                       "show -- -abc",
		"show -订单":                        "show -- -订单",
		"show -v -abc":                    "show -v -- -abc",
		"show -ojson abc":                 "show -ojson abc",
		"show -z":                         "show -z",
		"show -output json":               "show -output json",
		"cancel --state -abc":             "cancel --state -abc",
		"check -abc":                      "check -abc",
	} {
		root := newTree()
		if got := strings.Join(shieldIDs(root, strings.Fields(line)), " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
