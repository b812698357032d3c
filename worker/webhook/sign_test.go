package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook"
)

// known is the example that the Standard Webhooks libraries of every language test with.
const known = tasks.Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

var signed = time.Unix(1614265330, 0)

func TestSign(t *testing.T) {
	t.Parallel()
	second := webhook.NewSecret()
	body := []byte(`{"test": 2432232314}`)
	h, err := webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", signed, body, known, second)
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Webhook-Id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
		"Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= " + byHand(t, second, "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330."+string(body))},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
}

// byHand is the specification's rule, written down anew.
func byHand(t *testing.T, secret tasks.Secret, content string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Reveal(), "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(content))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	for name, s := range map[string][]tasks.Secret{
		"no secret":     nil,
		"empty":         {""},
		"prefix alone":  {"whsec_"},
		"no prefix":     {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		"not base64":    {"whsec_!!!!"},
		"too short":     {"whsec_" + tasks.Secret(base64.StdEncoding.EncodeToString(make([]byte, 23)))},
		"too long":      {"whsec_" + tasks.Secret(base64.StdEncoding.EncodeToString(make([]byte, 65)))},
		"one of two":    {known, ""},
		"trailing line": {known + "x"},
	} {
		if _, err := webhook.Sign("id", signed, nil, s...); !errors.Is(err, webhook.ErrSecret) {
			t.Errorf("%s: Sign returned %v", name, err)
		}
		if err := webhook.Verify(http.Header{}, nil, s, signed); !errors.Is(err, webhook.ErrSecret) {
			t.Errorf("%s: Verify returned %v", name, err)
		}
	}
	for _, id := range []string{"", "a.b", "a b", "a\r\nX: y"} {
		if _, err := webhook.Sign(id, signed, nil, known); err == nil {
			t.Errorf("id %q was signed", id)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	body := []byte(`{}`)
	old, next := webhook.NewSecret(), webhook.NewSecret()
	h, err := webhook.Sign("id", signed, body, old, next)
	if err != nil {
		t.Fatal(err)
	}
	with := func(key, value string) http.Header {
		c := h.Clone()
		c.Set(key, value)
		return c
	}
	for _, c := range []struct {
		name    string
		header  http.Header
		body    string
		secrets []tasks.Secret
		now     time.Duration
		want    error
	}{
		{"the old secret", h, "{}", []tasks.Secret{old}, 0, nil},
		{"the next secret", h, "{}", []tasks.Secret{next}, 0, nil},
		{"a receiver with both", h, "{}", []tasks.Secret{known, next}, 0, nil},
		{"a foreign secret", h, "{}", []tasks.Secret{known}, 0, webhook.ErrSignature},
		{"another body", h, "{} ", []tasks.Secret{old}, 0, webhook.ErrSignature},
		{"another id", with(webhook.HeaderID, "id2"), "{}", []tasks.Secret{old}, 0, webhook.ErrSignature},
		{"another time", with(webhook.HeaderTimestamp, "1614265331"), "{}", []tasks.Secret{old}, 0, webhook.ErrSignature},
		{"no time", with(webhook.HeaderTimestamp, ""), "{}", []tasks.Secret{old}, 0, webhook.ErrSignature},
		{"no signature", with(webhook.HeaderSignature, ""), "{}", []tasks.Secret{old}, 0, webhook.ErrSignature},
		{"an unknown version", with(webhook.HeaderSignature, strings.ReplaceAll(h.Get(webhook.HeaderSignature), "v1,", "v2,")), "{}", []tasks.Secret{old}, 0, webhook.ErrSignature},
		{"five minutes later", h, "{}", []tasks.Secret{old}, webhook.Tolerance, nil},
		{"more than that", h, "{}", []tasks.Secret{old}, webhook.Tolerance + time.Second, webhook.ErrTimestamp},
		{"more than that before", h, "{}", []tasks.Secret{old}, -webhook.Tolerance - time.Second, webhook.ErrTimestamp},
	} {
		if err := webhook.Verify(c.header, []byte(c.body), c.secrets, signed.Add(c.now)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	a, b := webhook.NewSecret(), webhook.NewSecret()
	if a == b {
		t.Error("the same secret twice")
	}
	if _, err := webhook.Sign("id", signed, nil, a); err != nil {
		t.Error(err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("id", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a,x v1", []byte("{}"))
	f.Add("", "-9223372036854775808", ",,, ,", []byte{})
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		h := http.Header{webhook.HeaderID: {id}, webhook.HeaderTimestamp: {timestamp}, webhook.HeaderSignature: {signature}}
		if webhook.Verify(h, body, []tasks.Secret{known}, signed) == nil && !strings.Contains(signature, byHand(t, known, id+"."+timestamp+"."+string(body))) {
			t.Error("a signature verified that the secret did not make")
		}
	})
}
