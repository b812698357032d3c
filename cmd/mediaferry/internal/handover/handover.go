// Package handover brings files that came over HTTP from the process that took them to the workers that can't read its
// inbox: those of other machines and containers. Both sides have the same token_key, and no key of a producer is in play.
//
// A request is a GET of Path whose query names the file, or the inbox alone, with a nonce and a signature. It has no time, since
// clocks differ: who repeats it gets the same file, until its outcome removes it. What the answer says is signed with the
// nonce, so that nobody else's 404 fails an upload.
package handover

import (
	"crypto/rand"
	"net/http"
	"strconv"

	"github.com/mediaferry/mediaferry/tasks/seal"
)

// Path is where a process hands out the files of its inbox.
const Path = "/internal/inbox"

// The parameters of the query. A request has one of them.
const (
	querySource = "source"
	queryInbox  = "inbox"
)

// The headers of both sides.
const (
	headerNonce = "Mediaferry-Nonce"
	headerSign  = "Mediaferry-Signature"
)

// signRequest signs a request with a new nonce, which the answer must repeat.
func signRequest(r *http.Request, s *seal.Signer) (nonce string) {
	nonce = rand.Text()
	r.Header.Set(headerNonce, nonce)
	r.Header.Set(headerSign, s.Sign("request", nonce, r.URL.RawQuery))
	return nonce
}

func requestSigned(r *http.Request, s *seal.Signer) bool {
	return s.Signed(r.Header.Get(headerSign), "request", r.Header.Get(headerNonce), r.URL.RawQuery)
}

// signAnswer signs the status and the size of what follows.
func signAnswer(h http.Header, r *http.Request, s *seal.Signer, status int, size int64) {
	h.Set(headerSign, s.Sign("answer", r.Header.Get(headerNonce), r.URL.RawQuery, strconv.Itoa(status), strconv.FormatInt(size, 10)))
}

func answerSigned(res *http.Response, nonce string, s *seal.Signer) bool {
	return s.Signed(res.Header.Get(headerSign), "answer", nonce, res.Request.URL.RawQuery, strconv.Itoa(res.StatusCode), strconv.FormatInt(res.ContentLength, 10))
}
