package tasks

// Wake tells what is new in a ledger. It is for those who would find it by themselves a little later, and may be lost: nobody
// may depend on it.
type Wake uint8

// What may be new.
const (
	WakeUploads    Wake = 1 << iota // uploads are ready
	WakeDeliveries                  // webhooks are due
	WakeEvents                      // something happened
	WakeActions                     // an action on many uploads was begun
)

// Has reports whether something of o is in w.
func (w Wake) Has(o Wake) bool { return w&o != 0 }
