package cli

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

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
		d.bad(check, err, "put certificate and key of the same pair into tls.cert_file and tls.key_file, as PEM")
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		d.bad(check, err, "")
		return
	}
	left := time.Until(leaf.NotAfter)
	switch day := leaf.NotAfter.Format(time.DateOnly); {
	case left <= 0:
		d.bad(check, fmt.Errorf("it ended on %s", day), "renew it, and restart the processes that serve HTTP")
	case left < renewBefore:
		d.bad(check, fmt.Errorf("it ends on %s", day), "renew it, and restart the processes that serve HTTP")
	default:
		d.good(check, "good until %s", day)
	}
}
