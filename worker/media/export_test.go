package media

import "github.com/mediaferry/mediaferry/tasks"

// Inspect returns what b is, without asking whether WeChat takes it. Beside a Corrupt error it returns what was found up
// to the damage.
func Inspect(b []byte) (tasks.Content, error) {
	c, _, err := examine(b)
	return c, named(err, "inspect")
}
