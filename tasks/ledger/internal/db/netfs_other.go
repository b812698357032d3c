//go:build !linux

package db

import "os"

// networkFS can't tell on this system. It only checks that dir exists.
func networkFS(dir string) (string, error) {
	_, err := os.Stat(dir)
	return "", err
}
