//go:build race

package taskstest

const raceDetector = true
