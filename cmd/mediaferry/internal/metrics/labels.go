package metrics

import (
	"slices"
	"strconv"

	"github.com/mediaferry/mediaferry/tasks"
)

// other stands for whatever has no name of its own. Names come from settings and tables only, never from a request or an
// answer, so that nobody outside can make the number of series grow.
const other = "other"

// maxAccounts bounds the accounts that have series of their own.
const maxAccounts = 500

// names are the accounts that have series of their own.
type names map[string]bool

func namesOf(accounts []string) names {
	sorted := slices.Sorted(slices.Values(accounts))
	n := names{}
	for _, a := range sorted[:min(len(sorted), maxAccounts)] {
		n[a] = true
	}
	return n
}

func (n names) label(account string) string {
	if n[account] {
		return account
	}
	return other
}

//nolint:gochecknoglobals // a table
var codes = tasks.Codes()

func codeLabel(c tasks.Code) string {
	if _, known := slices.BinarySearch(codes, c); known || c == "" {
		return string(c)
	}
	return other
}

func typeLabel(t tasks.MediaType) string {
	if slices.Contains(tasks.MediaTypes[:], t) {
		return string(t)
	}
	return other
}

// errcodeLabel is empty where WeChat gave no errcode.
func errcodeLabel(errcode int, known func(int) bool) string {
	switch {
	case errcode == 0:
		return ""
	case known(errcode):
		return strconv.Itoa(errcode)
	default:
		return other
	}
}
