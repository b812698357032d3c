package main

import "fmt"

// count is a number with what it counts, as in count(1, "file", "files").
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
