// Package webhook signs one event and delivers it to one URL, after Standard Webhooks 1.0.0.
//
// An event keeps its webhook-id over all attempts, so that a receiver can recognize a repetition. The timestamp, and with it
// the signature, are those of the attempt. The signature header has one signature for each secret, so that a receiver can
// change from one secret to the next without a gap.
//
// The receiver's address comes from outside. It is checked when the connection is made, after DNS. A private, loopback,
// link-local or otherwise special address is refused, unless the operator allowed it for that producer. Redirects are not
// followed, no proxy is used, and answers are read up to a bound and discarded.
package webhook
