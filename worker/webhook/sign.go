package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/mediaferry/mediaferry/tasks"
)

// The headers of a webhook.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how far a timestamp may be from the receiver's clock, before and after: the specification's own
// libraries take five minutes, which keeps the time short in which a recorded request can be played back.
const Tolerance = 5 * time.Minute

// A secret is this prefix and the base64 of 24 to 64 random bytes, says the specification.
const (
	secretPrefix = "whsec_"
	secretBytes  = 32
	minSecret    = 24
	maxSecret    = 64
)

var (
	// ErrSecret says that a secret is not one: empty, without whsec_, not base64, too short or too long.
	ErrSecret = errors.New("not a webhook secret: want whsec_ and the base64 of 24 to 64 bytes")
	// ErrSignature says that no secret made any of the signatures, or that the headers are not those of a webhook.
	ErrSignature = errors.New("the signature does not verify")
	// ErrTimestamp says that the signature is good and its time is more than Tolerance away.
	ErrTimestamp = errors.New("the timestamp is too far from now")
)

// NewSecret makes a secret of 32 random bytes.
func NewSecret() tasks.Secret {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // documented never to fail
	return tasks.Secret(secretPrefix + base64.StdEncoding.EncodeToString(key))
}

// Sign returns the three headers of one attempt, with a signature for each secret in their order. It returns
// ErrSecret for none and for one that is not a secret: an empty key would sign, and anybody could do so too.
func Sign(id string, at time.Time, body []byte, secrets ...tasks.Secret) (http.Header, error) {
	if id == "" || strings.ContainsAny(id, ". \r\n") {
		return nil, fmt.Errorf("%q is no id of a webhook", id)
	}
	if len(secrets) == 0 {
		return nil, ErrSecret
	}
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		wh, err := signer(s)
		if err != nil {
			return nil, err
		}
		if signatures[i], err = wh.Sign(id, at, body); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
	}
	return http.Header{
		HeaderID:        {id},
		HeaderTimestamp: {strconv.FormatInt(at.Unix(), 10)},
		HeaderSignature: {strings.Join(signatures, " ")},
	}, nil
}

// Verify reports whether one of the secrets signed the body, within Tolerance of now: nil, ErrSignature,
// ErrTimestamp, or ErrSecret when there is no usable secret at all. Signatures are compared in constant time.
func Verify(h http.Header, body []byte, secrets []tasks.Secret, now time.Time) error {
	if len(secrets) == 0 {
		return ErrSecret
	}
	for _, s := range secrets {
		wh, err := signer(s)
		if err != nil {
			return err
		}
		if wh.VerifyIgnoringTimestamp(body, h) == nil {
			return verifyTime(h.Get(HeaderTimestamp), now)
		}
	}
	return ErrSignature
}

func verifyTime(text string, now time.Time) error {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return ErrSignature
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return ErrTimestamp
	}
	return nil
}

func signer(s tasks.Secret) (*standardwebhooks.Webhook, error) {
	text, ok := strings.CutPrefix(s.Reveal(), secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, ErrSecret
	}
	return standardwebhooks.NewWebhookRaw(key)
}
