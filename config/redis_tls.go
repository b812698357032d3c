package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/mediaferry/mediaferry/tasks"
)

// trust puts what the files of redis_tls hold into t. Nil stands for a connection without TLS.
func trust(t *tls.Config, caFile, certFile, keyFile string) error {
	if t == nil {
		return nil
	}
	if caFile != "" {
		text, err := os.ReadFile(caFile)
		if err != nil {
			return tasks.Textf("ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(text) {
			return tasks.Textf("ca_file: %s holds no certificate in PEM", caFile)
		}
	}
	if certFile == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		return tasks.Textf("cert_file: %w", err)
	}
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { // a renewed one needs no restart
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		return &pair, err
	}
	return nil
}
