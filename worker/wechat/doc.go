// Package wechat speaks the temporary-media API of WeChat official accounts: it uploads one file, keeps one access
// token per account for a whole fleet, and says what an errcode means. Nothing else in this module knows WeChat.
package wechat
