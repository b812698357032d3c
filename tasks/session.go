package tasks

import "time"

// Session is somebody who is signed in to the console, as the ledger keeps it: without the secret that proves it.
type Session struct {
	// Hash is of the secret that the browser has.
	Hash Hash
	// Key is the hash of the key that it speaks for, and ends with. Zero: the person at the machine, who may do everything.
	Key Hash
	// Ends is when it ends if it is not used before.
	Ends time.Time
}
