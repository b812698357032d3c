// Package wechattest is a WeChat that runs here: the token, temporary-media and quota calls of an official account, and one
// that sends what was uploaded, as an http.Handler, for tests of anything that talks to WeChat. It is to WeChat what net/http/httptest is to a web server.
//
//	srv := wechattest.NewServer(t, wechattest.Config{})
//	srv.Script(wechattest.Fault{Path: "media/upload", Errcode: -1})
//	// point the client under test at srv.URL, with DefaultAppID and DefaultSecret
//
// It refuses what WeChat refuses: a chunked body (HTTP 412), every malformed form (41005), a file whose name has the
// wrong extension (40005), a file that is too large or too long by its own bytes, a token that is wrong, retired or
// expired. It was written from WeChat's documents and from answers seen in the wild, shares no code with any client,
// and takes nothing for granted because some client does it so.
//
// Answers come as WeChat gives them: HTTP 200 and Content-Type text/plain, errors included, each errmsg ending in a
// rid. Faults (any errcode, HTML pages, resets, slow answers, …) come on demand, by script or by rate. Time is the
// sandbox's own and can be advanced. Every call is journaled, with neither token nor secret in it.
//
// Where WeChat's behaviour isn't known, this package is strict about forms and lenient about content:
//   - an upper-case extension is accepted; a JPEG named .png is accepted, a JPEG named .mp3 is not;
//   - parameters of Content-Disposition must be quoted, as clients that leave the quotes out are known to fail;
//   - media/get/jssdk answers as media/get does: WeChat has a better sound there of what was recorded with its own JavaScript;
//   - a call counts against the quota once its token is found good, whatever becomes of it then;
//   - MB is 2^20 bytes, and a voice may last 60.5 s, since a clip of exactly 60 s encodes to a little more.
package wechattest
