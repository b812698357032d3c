package cli

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/config"
)

// renewBefore is when a certificate should have been renewed: what renews them by itself does so a month before the end.
const renewBefore = 14 * 24 * time.Hour

// certificates looks when the certificates end that HTTP is served with, and that Redis is shown.
func (d *doctor) certificates(cfg config.Config) {
	const check = "certificate"
	d.certificate(check, cfg.TLS.CertFile, cfg.TLS.KeyFile, d.advise("doctor.pair"), d.advise("doctor.renew"))
	d.redisCertificate(cfg.RedisTLS)
}

func (d *doctor) redisCertificate(r config.RedisTLS) {
	const check = "redis certificate"
	d.certificate(check, r.CertFile, r.KeyFile, d.advise("doctor.redis_pair"), d.advise("doctor.redis_renew"))
}

func (d *doctor) certificate(check, certFile, keyFile string, mend, renew advice) {
	if certFile == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		d.bad(check, err, mend)
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		d.bad(check, err, advice{})
		return
	}
	left := time.Until(leaf.NotAfter)
	switch day := leaf.NotAfter.Format(time.DateOnly); {
	case left <= 0:
		d.bad(check, words.Fail("doctor.certificate_ended", "Day", day), renew)
	case left < renewBefore:
		d.bad(check, words.Fail("doctor.certificate_ends", "Day", day), renew)
	default:
		d.good(check, "doctor.certificate", "Day", day)
	}
}
