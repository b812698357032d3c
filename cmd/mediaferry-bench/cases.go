package main

import (
	"fmt"
	"strings"
	"time"
)

// bench is one case: files, how many at once, and how WeChat behaves.
type bench struct {
	files, size, concurrent int
	latency                 time.Duration // of each answer
	slow                    float64       // share of calls that take slowCall
	busy                    float64       // share of calls that are answered with -1
	repeated                float64       // share of files whose content another one has
}

const slowCall = 2 * time.Second

// title says what is special about a case.
func (b bench) title() string {
	parts := []string{fmt.Sprintf("%d files of %s, %d at once", b.files, bytesText(b.size), b.concurrent)}
	if b.latency > 0 {
		parts = append(parts, fmt.Sprintf("answers after %v", b.latency))
	}
	for _, p := range []struct {
		share float64
		what  string
	}{{b.slow, "calls take " + slowCall.String()}, {b.busy, "calls meet -1"}, {b.repeated, "files are repeated"}} {
		if p.share > 0 {
			parts = append(parts, fmt.Sprintf("%.0f %% of the %s", 100*p.share, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

func bytesText(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// mostBytes bounds the files of one case.
const mostBytes = 512 << 20

// cases are those of -cases: the one that the flags name, and it with one thing changed.
func cases(b bench) []bench {
	all := []bench{b}
	change := func(with func(*bench)) {
		c := b
		with(&c)
		c.files = max(1, min(c.files, mostBytes/c.size))
		all = append(all, c)
	}
	for _, size := range []int{4 << 10, 1 << 20, 10 << 20} {
		change(func(c *bench) { c.size = size })
	}
	for _, n := range []int{1, 16, 256} {
		change(func(c *bench) { c.concurrent = n })
	}
	change(func(c *bench) { c.latency, c.concurrent = 200*time.Millisecond, 256 })
	change(func(c *bench) { c.slow = 0.02 })
	change(func(c *bench) { c.busy = 0.05 })
	change(func(c *bench) { c.repeated = 0.9 })
	return all
}
