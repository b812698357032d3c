package schema

import "cmp"

// Stricter returns the lower of two limits. 0 means no limit.
func Stricter(a, b int) int {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// CallsADay returns how many upload calls this fleet may make on a day, and whether there is a limit. The settings limit the
// fleet's own calls. What WeChat grants, as learnt, or else as the settings say, is for all systems: others made some.
func CallsADay(settings, learnt, others int) (int, bool) {
	granted := cmp.Or(learnt, settings)
	n := granted - others
	if settings > 0 {
		n = min(n, settings)
	}
	return n, granted > 0
}
