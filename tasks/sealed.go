package tasks

import (
	"fmt"
	"time"
)

// WebhookSecret is the kind of the secrets that sign a producer's events. Their name is the producer's.
const WebhookSecret = "webhook"

// SealedSecret is a secret as the ledger keeps it: encrypted by a key that the ledger does not have.
type SealedSecret struct {
	Kind    string
	Name    string // the producer's
	Number  int    // from 1; the highest is the newest
	Sealed  []byte
	Created time.Time
}

// Row returns the text that the secret is bound to: it can't be decrypted in another row.
func (s SealedSecret) Row() string { return fmt.Sprintf("%s/%s/%d", s.Kind, s.Name, s.Number) }
