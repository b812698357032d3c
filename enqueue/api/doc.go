// Package api is the front door over HTTP: uploads, batches, files and events as OpenAPI 3.1 describes them, and an
// endpoint that looks like WeChat's own. Every call but the health checks carries a key; a key's role and rights decide
// what it sees and touches, and what belongs to somebody else is answered as if it did not exist.
package api
