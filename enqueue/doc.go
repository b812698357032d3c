// Package enqueue is the front door in Go. It accepts uploads from producers into the ledger, and carries them from there
// to the workers.
//
// A [Producer] accepts uploads: with the receipt an upload is in the ledger, and will get an outcome. A [Dispatcher] puts
// ready uploads on a [Belt], which is Redis with asynq, and notices when the belt has lost some. A [Janitor] deletes old
// records. An [Actor] retries or cancels many uploads in one action, which can be followed and stopped, and which another
// process continues if this one dies. An [Inbox] accepts uploads from producers that reach only Redis, and [Results]
// answers them.
//
// The ledger is the only truth. A Redis that is wiped, restarted or replaced costs some seconds and no upload.
package enqueue
