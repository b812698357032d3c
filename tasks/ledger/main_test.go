package ledger

import (
	"os"
	"testing"
)

// beFull makes the test binary a process whose disk becomes full, on the ledger at this URL.
const beFull = "LEDGER_TEST_FULL_DISK"

func TestMain(m *testing.M) {
	if url := os.Getenv(beFull); url != "" {
		os.Exit(runIntoFullDisk(url))
	}
	os.Exit(m.Run())
}
