package source_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mediaferry/mediaferry/worker/source"
)

// TestKeys is not parallel: the environment is the whole process's.
func TestKeys(t *testing.T) {
	var signature atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signature.Store(r.Header.Get("Authorization"))
		http.Error(w, "<Error><Code>NoSuchKey</Code></Error>", http.StatusNotFound)
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		cfg  source.S3Config
		env  map[string]string
		want string
	}{
		"given":       {source.S3Config{AccessKey: "given", SecretKey: "hush-hush"}, map[string]string{"AWS_ACCESS_KEY_ID": "aws", "AWS_SECRET_ACCESS_KEY": "s"}, "Credential=given/"},
		"environment": {source.S3Config{}, map[string]string{"AWS_ACCESS_KEY_ID": "aws", "AWS_SECRET_ACCESS_KEY": "s"}, "Credential=aws/"},
		"MinIO's":     {source.S3Config{}, map[string]string{"MINIO_ROOT_USER": "minio", "MINIO_ROOT_PASSWORD": "s"}, "Credential=minio/"},
		"none":        {source.S3Config{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
			for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"} {
				t.Setenv(k, c.env[k])
			}
			c.cfg.Endpoint, c.cfg.Region, c.cfg.Style, c.cfg.Buckets = server.URL, "us-east-1", "path", []string{bucket}
			if _, err := newStore(t, source.Config{S3: &c.cfg}).Open(t.Context(), "s3://media/a"); err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("Open: %v", err)
			}
			if got, _ := signature.Load().(string); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("signed %q, want %q", got, c.want)
			}
		})
	}
}

// A storage that sends back what it was told.
func TestReflectedKeys(t *testing.T) {
	t.Parallel()
	const secret, token = "hunter2-secret-key", "hunter2/session+token"
	for name, answer := range map[string]func(w http.ResponseWriter, told string){
		"message": func(w http.ResponseWriter, told string) {
			http.Error(w, "<Error><Code>Odd</Code><Message>"+told+"</Message></Error>", http.StatusForbidden)
		},
		"code": func(w http.ResponseWriter, told string) {
			http.Error(w, "<Error><Code>"+told+"</Code></Error>", http.StatusForbidden)
		},
		"page":      func(w http.ResponseWriter, told string) { http.Error(w, told, http.StatusBadRequest) },
		"malformed": func(w http.ResponseWriter, told string) { hijack(t, w, told+"\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got := r.Header.Get("X-Amz-Security-Token")
				answer(w, got+" "+base64.StdEncoding.EncodeToString([]byte("token "+got))+" "+url.QueryEscape(got)+" "+secret)
			}))
			defer server.Close()
			cfg := source.S3Config{Endpoint: server.URL, Region: "us-east-1", Style: "path", Buckets: []string{bucket}, AccessKey: "key", SecretKey: secret, SessionToken: token}
			_, err := newStore(t, source.Config{S3: &cfg}).Open(t.Context(), "s3://media/a")
			if err == nil {
				t.Fatal("nothing was tested")
			}
			for _, s := range []string{"hunter2", "aHVudGVyM", "h1bnRlcj", "odW50ZXIy"} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("%v shows %s", err, s)
				}
			}
		})
	}
}

// hijack answers with raw bytes.
func hijack(t *testing.T, w http.ResponseWriter, raw string) {
	t.Helper()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	fmt.Fprint(conn, raw)
	conn.Close()
}
