// Package webhook signs one event and delivers it to one URL, after Standard Webhooks 1.0.0.
//
// An event keeps its webhook-id over all attempts, so a receiver can tell a repetition; the timestamp and with it the
// signature are those of the attempt. The signature header holds one signature for each secret, so that a receiver
// can change from one to the next without a gap.
//
// The receiver's address is foreign: it is looked at when the connection is made, after DNS, and a private, loopback,
// link-local or otherwise special one is refused unless the operator allowed it for that producer. Redirects are not
// followed, no proxy is used, and answers are read to a bound and thrown away.
package webhook
