//go:build !planted

package main

// plantedBugs are the bugs that this binary can be told to have: none.
var plantedBugs []string //nolint:gochecknoglobals // set by the build
