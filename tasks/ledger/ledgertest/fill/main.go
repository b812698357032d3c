// Command fill runs the SQL of its standard input on an SQLite file. Tests under the race detector run it for fixtures of
// many rows, since it is a process without the detector.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

func main() {
	script, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = ledgertest.Script(os.Args[1], string(script))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}
