package webhook

import (
	"crypto/rand"
	"encoding/base64"
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

// Tolerance is the difference that a timestamp may have from the receiver's clock. The specification's own libraries take
// five minutes too. It bounds the time in which a recorded request can be replayed.
const Tolerance = 5 * time.Minute

// By the specification a secret is this prefix and the base64 of 24 to 64 random bytes.
const (
	secretPrefix = "whsec_"
	secretBytes  = 32
	minSecret    = 24
	maxSecret    = 64
)

var (
	// ErrSecret says that a secret is malformed: empty, without whsec_, not base64, too short or too long.
	ErrSecret = tasks.Textf("not a webhook secret: want whsec_ and the base64 of 24 to 64 bytes")
	// ErrSignature says that none of the signatures is by one of the secrets, or that the headers are not a webhook's.
	ErrSignature = tasks.Textf("the signature does not verify")
	// ErrTimestamp says that the signature is good, but its time differs by more than Tolerance.
	ErrTimestamp = tasks.Textf("the timestamp is too far from now")
)

// NewSecret makes a secret of 32 random bytes.
func NewSecret() tasks.Secret {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // documented never to fail
	return tasks.Secret(secretPrefix + base64.StdEncoding.EncodeToString(key))
}

// Sign returns the three headers of one attempt, with a signature for each secret in their order. It returns ErrSecret
// without a secret, and for a malformed one.
func Sign(id string, at time.Time, body []byte, secrets ...tasks.Secret) (http.Header, error) {
	if id == "" || strings.ContainsAny(id, ". \r\n") {
		return nil, tasks.Textf("%q is no id of a webhook", id)
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

// Verify returns nil if one of the secrets signed the body, within Tolerance of now. Otherwise it returns ErrSignature,
// ErrTimestamp, or ErrSecret if all secrets are malformed. It compares signatures in constant time.
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
