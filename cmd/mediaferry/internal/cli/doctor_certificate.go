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

// certificate looks when the certificate ends that HTTP is served with.
func (d *doctor) certificate(cfg config.Config) {
	const check = "certificate"
	if cfg.TLS.CertFile == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile)
	if err != nil {
		d.bad(check, err, d.advise("doctor.pair"))
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
		d.bad(check, words.Fail("doctor.certificate_ended", "Day", day), d.advise("doctor.renew"))
	case left < renewBefore:
		d.bad(check, words.Fail("doctor.certificate_ends", "Day", day), d.advise("doctor.renew"))
	default:
		d.good(check, "doctor.certificate", "Day", day)
	}
}
