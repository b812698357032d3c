// Package enqueue is the front door in Go: it takes uploads from producers into the ledger, and carries them from
// there to the workers.
//
// A [Producer] accepts uploads: what it returns a receipt for is in the ledger, and stays there until it has an
// outcome. A [Dispatcher] puts what is ready on a [Belt], which is Redis with asynq, and notices when the belt has
// lost something. An [Actor] retries or cancels many uploads in one action, which can be followed and stopped, and
// which another process goes on with. An [Inbox] accepts uploads from producers that have nothing but Redis, and
// [Results] answers them.
//
// The ledger is the only truth. A Redis that is wiped, restarted or replaced costs some seconds and no upload.
package enqueue
