package ledger

import (
	flags "flag" // flag is a function here
	"os"
	"testing"
)

// beFull makes the test binary a process whose disk becomes full, on the ledger at this URL.
const beFull = "LEDGER_TEST_FULL_DISK"

// beToiler makes the test binary a process that works on the ledger at this URL until it is killed.
const beToiler = "LEDGER_TEST_TOIL"

func TestMain(m *testing.M) {
	if url := os.Getenv(beFull); url != "" {
		os.Exit(runIntoFullDisk(url))
	}
	if url := os.Getenv(beToiler); url != "" {
		os.Exit(toilUntilKilled(url))
	}
	// Enough to find what was ever found, within some seconds. For more: go test -rapid.checks=1000
	if err := flags.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
