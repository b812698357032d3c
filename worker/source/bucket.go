package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/mediaferry/mediaferry/tasks"
)

// S3Config says where object storage is: any endpoint that speaks S3.
type S3Config struct {
	// Endpoint is host, host:port or an http(s):// URL without a path; https where it does not say.
	// Empty: Amazon's own.
	Endpoint string
	// Region signs the requests. Empty: it is asked from the endpoint.
	Region string
	// Style puts the bucket's name into the path ("path", as MinIO wants) or the host ("virtual", as Alibaba OSS
	// and Tencent COS want). Empty: by the endpoint's name.
	Style string
	// Buckets are those that may be read. Empty: none may.
	Buckets []string
	// AccessKey, SecretKey and SessionToken are used as they are. Where both keys are empty they come from the
	// environment (AWS_…, MINIO_…), then ~/.aws/credentials, then, at Amazon, from the machine's role; where
	// none of these has any, requests are anonymous.
	AccessKey    string
	SecretKey    tasks.Secret
	SessionToken tasks.Secret
	// Transport carries the requests; nil: one of its own, which honours HTTPS_PROXY and SSL_CERT_FILE.
	Transport http.RoundTripper
}

// tries is how often one request is made: enough for a connection that had gone stale and a busy answer. Longer
// trouble is for the upload's own backoff.
const tries = 3

// buckets is object storage that may be read.
type buckets struct {
	api     minio.Core
	granted []string
	secrets []tasks.Secret // that must not come back in an error
}

func newBuckets(cfg S3Config) (*buckets, error) {
	host, secure, err := endpoint(cmp.Or(cfg.Endpoint, "s3.amazonaws.com"))
	if err != nil {
		return nil, err
	}
	lookup, err := style(cfg.Style)
	if err != nil {
		return nil, err
	}
	for _, b := range cfg.Buckets {
		if _, err := tasks.ParseSource("s3://" + b + "/"); err != nil || strings.Contains(b, "/") {
			return nil, tasks.Textf("%q is not the name of a bucket", b)
		}
	}
	if (cfg.AccessKey == "") != (cfg.SecretKey == "") {
		return nil, tasks.Textf("the access key and the secret key are given together or not at all")
	}
	client, err := minio.New(host, &minio.Options{
		Creds:        keys(cfg, host),
		Secure:       secure,
		Transport:    cfg.Transport,
		Region:       cfg.Region,
		BucketLookup: lookup,
		MaxRetries:   tries,
	})
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	return &buckets{minio.Core{Client: client}, slices.Clone(cfg.Buckets), []tasks.Secret{cfg.SecretKey, cfg.SessionToken}}, nil
}

func endpoint(s string) (host string, secure bool, err error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && u.Scheme != "http" {
		return "", false, tasks.Textf("the endpoint is host, host:port or an http(s):// URL of these, without a path or a user")
	}
	return u.Host, u.Scheme == "https", nil
}

func style(s string) (minio.BucketLookupType, error) {
	switch s {
	case "":
		return minio.BucketLookupAuto, nil
	case "path":
		return minio.BucketLookupPath, nil
	case "virtual":
		return minio.BucketLookupDNS, nil
	}
	return 0, tasks.Textf("style %q is not one of path, virtual", s)
}

func keys(cfg S3Config, host string) *credentials.Credentials {
	if cfg.AccessKey != "" {
		return credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey.Reveal(), cfg.SessionToken.Reveal())
	}
	chain := []credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}}
	if strings.Contains(host, ".amazonaws.com") { // elsewhere its address does not answer, and each request would wait for it
		chain = append(chain, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}})
	}
	return credentials.NewChainCredentials(chain)
}

func (b *buckets) grants(bucket string) bool { return slices.Contains(b.granted, bucket) }

// answers is ready, for as long as one waits for an answer.
func (b *buckets) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return b.ready(ctx)
}

// ready reports whether every bucket answers and takes our credentials. It asks for an object that does not exist
// the way uploads ask for theirs: to be told that there is none, or that this one is not ours, is enough, so that
// the right to read objects is the only one needed.
func (b *buckets) ready(ctx context.Context) error {
	var errs []error
	for _, bucket := range b.granted {
		src := tasks.Source{Bucket: bucket, Path: ".mediaferry-ready"}
		f, err := b.open(ctx, src)
		if err == nil {
			f.Close()
		}
		if code := tasks.CodeOf(err); code != "" && code != tasks.Missing && code != tasks.Denied {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
